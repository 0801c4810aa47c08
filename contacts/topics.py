"""Topics: making and changing them. The ledger names them by key, so a key never changes and a used one stays."""

from typing import Any

from contacts.models import ConsentRecord, Topic
from core.errors import Refused

CHANGEABLE = ("name", "description", "opt_in", "wording", "is_public", "position")


def create(*, key: str, **values: Any) -> Topic:
    if Topic.objects.filter(key=key).exists():
        raise Refused("key_taken", f"There is already a topic {key!r}. Choose another key.")
    return Topic.objects.create(key=key, **values)


def change(topic: Topic, **values: Any) -> Topic:
    """Change what `values` (of CHANGEABLE) name."""
    for name in CHANGEABLE:
        if name in values:
            setattr(topic, name, values[name])
    topic.save()
    return topic


def is_used(topic: Topic) -> bool:
    """Whether anything speaks of it: consent, or a campaign."""
    return topic.campaigns.exists() or ConsentRecord.objects.filter(topic=topic.key).exists()
