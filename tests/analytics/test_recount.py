"""Counting again from the log: the same numbers, and who never was in a segment less."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from analytics import rollup
from analytics.models import Rollup
from events import ingest, names
from segments import matching, standing
from segments.models import Standing
from tests.analytics.factories import add_messages, make_campaign
from tests.segments.people import person, rule, segment

pytestmark = pytest.mark.django_db(transaction=True)


def test_figures_are_those_of_the_log_again_after_somebody_touched_them() -> None:
    campaign, run = make_campaign()
    [message] = add_messages(run, 1, "sent")
    ingest.record(
        names.OPENED, campaign_id=campaign.pk, variant_id=message.variant_id, message_id=message.pk,
        contact_id=message.contact_id,
    )  # fmt: skip
    while rollup.advance():
        pass
    right = sorted(Rollup.objects.values_list("name", "label", "count", "unique_count"))
    for options in ({}, {"campaign": str(campaign.uuid)}):
        Rollup.objects.filter(name=names.OPENED).update(count=99, unique_count=99)
        call_command("recount", "figures", **options)
        assert sorted(Rollup.objects.values_list("name", "label", "count", "unique_count")) == right
    with pytest.raises(CommandError, match="There is no campaign"):
        call_command("recount", "figures", campaign="00000000-0000-0000-0000-000000000000")


def test_totals_are_counted_again_and_nobody_leaves_a_segment_for_it() -> None:
    ann = person("Ann")
    rich = segment("Rich", rule("spent", "at_least", 50))
    ingest.record("purchase", contact_id=ann.pk, properties={"amount": 70})
    matching.catch_up()
    assert rich.memberships.count() == 1
    Standing.objects.update(spent=60)
    call_command("recount", "standing")
    matching.catch_up()
    assert Standing.objects.get().spent == Decimal(70)
    assert rich.memberships.count() == 1
    assert standing.behind() is None
    with pytest.raises(CommandError):
        call_command("recount", "everything")
