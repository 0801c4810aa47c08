"""Bounds between the fifths of those who bought: how lately, how often and for how much (RFM), kept up once a day.

Bounds are values that people really have, at 20, 40, 60 and 80 percent (percentile_disc). Whoever is above n of them
is in the fifth n + 1, so people with the same figure always share a fifth, and fifths can be uneven or stay empty:
where half of all bought just once, they are all in the first fifth by frequency.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from django.db import connection
from django.utils import timezone

from segments import membership
from segments.limits import limited
from segments.models import Quintiles

T = TypeVar("T")
BUYERS = 5  # fewer have no fifths
AGE = timedelta(days=1)
GROWTH = 0.2  # an imported history changes everything: so many more or fewer buyers don't wait for a day
SHARES = [0.2, 0.4, 0.6, 0.8]
_ONLY = 1  # the key of the one row

_COUNT = "SELECT count(*) FROM segments_standing WHERE purchase_count > 0"
_BOUNDS = """
SELECT count(*), percentile_disc(%(shares)s::float8[]) WITHIN GROUP (ORDER BY last_purchase_at),
    percentile_disc(%(shares)s::float8[]) WITHIN GROUP (ORDER BY purchase_count),
    percentile_disc(%(shares)s::float8[]) WITHIN GROUP (ORDER BY spent)
FROM segments_standing WHERE purchase_count > 0"""


@dataclass(frozen=True)
class Fifth:
    """What a score means today: above the first and up to the second of each pair; None is open."""

    score: int
    recency: tuple[datetime | None, datetime | None]
    frequency: tuple[int | None, int | None]
    monetary: tuple[Decimal | None, Decimal | None]


def current() -> Quintiles | None:
    return Quintiles.objects.first()


def fifths(bounds: Quintiles) -> list[Fifth]:
    """From 5 down to 1; one that nobody can have, because its bounds are the same, is among them."""
    lately, often, much = _pairs(bounds.recency), _pairs(bounds.frequency), _pairs(bounds.monetary)
    return [Fifth(place + 1, lately[place], often[place], much[place]) for place in reversed(range(5))]


def _pairs(bounds: Sequence[T]) -> list[tuple[T | None, T | None]]:
    return list(zip([None, *bounds], [*bounds, None], strict=True))


def keep() -> bool:
    """Find the bounds anew if they are a day old, or if many buyers came or went since; returns whether."""
    known = current()
    if known is not None and known.made_at > timezone.now() - AGE:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT)
            buyers = cursor.fetchone()[0]
        if abs(buyers - known.buyers) <= GROWTH * known.buyers:
            return False
    find()
    return True


def find() -> Quintiles | None:
    """Today's bounds, or none where almost nobody bought. Segments that ask about scores follow if a bound moved."""
    with limited(membership.REFRESH_SECONDS) as cursor:
        cursor.execute(_BOUNDS, {"shares": SHARES})
        buyers, *bounds = cursor.fetchone()
    if buyers < BUYERS:
        if known := current():  # a DELETE of nothing would be news to everyone all the same
            known.delete()
        return None
    found = dict(zip(("recency", "frequency", "monetary"), bounds, strict=True))
    facts = {"made_at": timezone.now(), "buyers": buyers}
    still = Quintiles.objects.filter(pk=_ONLY, **found)
    if not still.update(**facts):
        Quintiles.objects.update_or_create(pk=_ONLY, defaults=found | facts)
    return current()
