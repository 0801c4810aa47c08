"""Statements that stay prepared are prepared, once, and no other statement is."""

import pytest
from django.db import ProgrammingError, connection, transaction

from core import prepared

pytestmark = pytest.mark.django_db


def known() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [row[0] for row in cursor.fetchall()]


def test_a_statement_asked_again_is_the_one_that_was_prepared() -> None:
    for number in range(10):
        with prepared.cursor() as cursor:
            cursor.execute("SELECT %s::int + 1", [number])
            assert cursor.fetchone() == (number + 1,)
    assert [text for text in known() if "::int + 1" in text] == ["SELECT $1::int + 1"]


def test_what_usual_cursors_ask_is_not_kept() -> None:
    prepared.cursor().close()
    for _ in range(10):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 12345")
    assert not any("12345" in text for text in known())


def test_errors_are_those_of_the_framework() -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), prepared.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
