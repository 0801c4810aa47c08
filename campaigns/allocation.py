"""Which variant a person gets: decided by a hash of the campaign and the contact, the same on every evaluation.

MD5 is used as a stable, portable shuffle, not for security: PostgreSQL's own hash functions may change between
versions, and an assignment must not. Salting with the campaign keeps the variants of two campaigns independent.
"""

import hashlib
from itertools import accumulate
from typing import Any

from campaigns.models import Campaign, Variant
from contacts.models import Contact
from core.errors import Refused


def variant_sql(campaign: Campaign) -> tuple[str, list[Any]]:
    """An SQL expression over a column named `contact_id` that gives the variant's id, and its parameters."""
    variants = _variants(campaign)
    if len(variants) == 1:
        return "%s::bigint", [variants[0].pk]
    ids, starts, total = [variant.pk for variant in variants], _starts(variants), _total(variants)
    number = "('x' || left(md5(%s || contact_id::text), 8))::bit(32)::bigint"
    return f"(%s::bigint[])[width_bucket({number} %% %s, %s::bigint[])]", [ids, _salt(campaign), total, starts]


def _by_share(variants: list[Variant], campaign: Campaign, contact_id: int) -> Variant:
    digest = hashlib.md5(f"{_salt(campaign)}{contact_id}".encode(), usedforsecurity=False).hexdigest()
    point = int(digest[:8], 16) % _total(variants)
    return next(v for v, start in reversed(list(zip(variants, _starts(variants), strict=True))) if start <= point)


def variant_for(campaign: Campaign, contact: Contact) -> Variant:
    """The variant for one person of a triggered campaign: among those in their language, else in the first one's."""
    variants = _variants(campaign)
    wanted = contact.locale.lower()
    in_language = [
        [variant for variant in variants if variant.template.language.lower() == tag]
        for tag in (wanted, wanted.partition("-")[0], variants[0].template.language.lower())
    ]
    return _by_share(next(filter(None, in_language), variants), campaign, contact.pk)


def _variants(campaign: Campaign) -> list[Variant]:
    variants = sorted(campaign.variants.all(), key=lambda variant: variant.key)
    if not variants:
        raise Refused("no_variant", f"“{campaign}” has nothing to send: choose a template first.")
    return variants


def _starts(variants: list[Variant]) -> list[int]:
    """Where each variant's share of 0..total begins."""
    return [0, *accumulate(variant.weight for variant in variants)][:-1]


def _total(variants: list[Variant]) -> int:
    return sum(variant.weight for variant in variants)


def _salt(campaign: Campaign) -> str:
    return f"{campaign.uuid}:"
