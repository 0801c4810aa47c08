"""A pattern that somebody wrote, over a hundred thousand people: an answer or a refusal, in bounded time."""

import time

import pytest
from django.db import connection

from contacts.models import Contact
from core.errors import Refused
from segments import preview, rules
from tests.segments.people import make_catalogue, rule

pytestmark = pytest.mark.django_db
PEOPLE = 100_000


@pytest.fixture
def crowd() -> None:
    make_catalogue()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contact (external_id, attributes)"
            " SELECT 'a' || n, jsonb_build_object('channel', repeat('a', 60) || '!') FROM generate_series(1, %s) n",
            [PEOPLE],
        )


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|aa)+$", "^(.*a){12}$", "(x+x+)+y"])
def test_a_hundred_thousand_people_are_asked_or_it_is_refused(crowd: None, pattern: str) -> None:
    assert Contact.objects.count() == PEOPLE
    began = time.monotonic()
    size, refusal = asked(pattern)
    assert size in (0, PEOPLE) or refusal == "too_slow" or "too complex" in refusal
    assert time.monotonic() - began < 15
    assert Contact.objects.filter(external_id="a7").exists(), "the connection goes on as it was"


def asked(pattern: str) -> tuple[int | None, str]:
    """How many it finds, or why it was refused."""
    try:
        return preview.of({"all": [rule("attribute:channel", "matches", pattern)]}).size, ""
    except rules.RuleError as error:
        return None, str(error)
    except Refused as refused:
        return None, refused.code
