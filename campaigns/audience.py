"""Whom a campaign names: everyone in any of its segments and in none of the excluded ones, as one SQL statement."""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from campaigns.models import Campaign
from contacts.models import Contact
from segments.models import Segment

_NOBODY = "SELECT contact_id FROM segments_membership WHERE FALSE"


def audience_sql(campaign: Campaign) -> tuple[str, list[Any]]:
    """A SELECT of one column, `contact_id`, each person once, and its parameters."""
    return named_by(
        campaign.segments.values_list("pk", flat=True), campaign.excluded_segments.values_list("pk", flat=True)
    )


def named_by(included: Iterable[int], excluded: Iterable[int]) -> tuple[str, list[Any]]:
    """The same for segments by id, for a campaign that is still being put together."""
    within, without = sorted(set(included)), sorted(set(excluded))
    if not within:
        return _NOBODY, []
    # One segment holds a person once by its key: no need to look for doubles, which costs a sort of the audience.
    distinct = "DISTINCT " if len(within) > 1 else ""
    sql = f"SELECT {distinct}member.contact_id FROM segments_membership member WHERE member.segment_id = ANY(%s)"  # noqa: S608
    if not without:
        return sql, [within]
    sql += (
        " AND NOT EXISTS (SELECT FROM segments_membership other"
        " WHERE other.segment_id = ANY(%s) AND other.contact_id = member.contact_id)"
    )
    return sql, [within, without]


def count(campaign: Campaign) -> int:
    return _count(*audience_sql(campaign))


def count_named_by(included: Iterable[int], excluded: Iterable[int]) -> int:
    return _count(*named_by(included, excluded))


def fingerprint(segment: Segment, *, without: Contact | None = None) -> str:
    """A digest that changes whenever somebody joins or leaves the segment; as if `without` were not in it."""
    statement = (
        "SELECT md5(coalesce(string_agg(contact_id::text, ',' ORDER BY contact_id), ''))"
        " FROM segments_membership WHERE segment_id = %s AND contact_id <> %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [segment.pk, without.pk if without else 0])
        return str(cursor.fetchone()[0])


def _count(sql: str, params: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql}) audience", params)  # noqa: S608
        return int(cursor.fetchone()[0])
