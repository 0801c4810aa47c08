"""Demo data: what a console shows at its first start, made by the product's own functions."""

import contextlib
from collections.abc import Callable, Iterator

from django.db import transaction

from config.demo import audiences, contents, history, people, plans, team, website
from core.models import Milestone

STEPS: dict[str, Callable[[], object]] = {
    "team": team.make,
    "attributes": people.make_catalogue,
    "contacts": people.make_contacts,
    "consent": people.make_consent,
    "topics": people.make_topics,
    "purchases": people.make_purchases,
    "sources": website.make_sources,
    "visits": website.make_visits,
    "segments": audiences.make,
    "templates": contents.make_templates,
    "senders": contents.make_senders,
    "brand": contents.make_brand,
    "finished campaigns": history.make,
    "plans": plans.make,
    "campaign templates": plans.keep_as_templates,
    "figures": history.settle,
    "suggested segments": audiences.keep_suggestions,
    "growth": audiences.make_growth,
}

# These commit on their way, and know by themselves how far they came.
IN_PIECES = ("finished campaigns",)

# What even an empty console starts with: someone who can sign in, and a sender whose mail stays in the sandbox.
ESSENTIALS = ("team", "senders")


def load(*, essentials_only: bool = False) -> Iterator[str]:
    """Run each step that was never finished, in a transaction of its own together with the note that it is done."""
    for name, step in STEPS.items():
        milestone = f"demo:{name}"
        if Milestone.objects.filter(name=milestone).exists():
            continue
        if essentials_only and name not in ESSENTIALS:
            Milestone.objects.create(name=milestone)  # an empty console stays free of made-up people at later starts
            continue
        with contextlib.nullcontext() if name in IN_PIECES else transaction.atomic():
            step()
            Milestone.objects.create(name=milestone)
        yield name
