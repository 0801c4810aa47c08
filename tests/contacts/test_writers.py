"""Two writers at once, over connections of their own, as every import of more than one chunk has them."""

import threading
import time

import pytest
from django.db import connection, transaction

from contacts.importing import jobs, writing
from contacts.importing.turns import Stopped, Turns
from contacts.models import Contact, ImportJob
from tests.contacts.files import checked, counts, csv_bytes, imported

HEADER = ["email", "first_name"]
in_committed_rows = pytest.mark.django_db(transaction=True)


def people(count: int) -> list[list[object]]:
    return [[f"p{n}@example.com", "Ada"] for n in range(count)]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 10)


@in_committed_rows
def test_what_two_writers_write_is_counted_once() -> None:
    Contact.objects.create(email="p77@example.com", first_name="Old")
    content = csv_bytes(HEADER, *people(204), ["bad", "x"], *people(3))
    job = imported(content, consent=jobs.Consent("Shop"), tag="new")
    assert counts(job) == {"created": 203, "updated": 1, "unchanged": 0, "duplicate": 3, "error": 1}
    assert (Contact.objects.count(), job.consent_count, job.status) == (204, 204, "done")
    again = imported(content, tag="new")
    assert counts(again) == {"created": 0, "updated": 0, "unchanged": 204, "duplicate": 3, "error": 1}


@in_committed_rows
def test_a_cancelled_import_leaves_no_gap() -> None:
    job = checked(csv_bytes(HEADER, *people(200)))
    jobs.confirm(job)
    jobs.work(job, seconds=0)
    jobs.cancel(ImportJob.objects.get(pk=job.pk))
    assert jobs.work(job) is False
    job.refresh_from_db()
    written = Contact.objects.count()
    assert written == job.rows_done == job.created_count
    assert Contact.objects.filter(email=f"p{written - 1}@example.com").exists()


@in_committed_rows
def test_a_chunk_that_fails_takes_the_later_one_with_it() -> None:
    job = checked(csv_bytes(HEADER, *people(40)))
    jobs.confirm(job)
    with connection.cursor() as cursor:  # a person of the first chunk whom the database refuses
        cursor.execute(
            "ALTER TABLE contacts_contact ADD CONSTRAINT refused CHECK (email <> 'p3@example.com') NOT VALID"
        )
    try:
        jobs.work(job)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE contacts_contact DROP CONSTRAINT refused")
    job.refresh_from_db()
    assert (job.status, Contact.objects.count(), job.rows_done) == ("failed", 0, 0)


@in_committed_rows
def test_a_row_held_by_someone_else_is_waited_for_without_the_other_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PATIENCE", "50ms")
    Contact.objects.create(email="p15@example.com", first_name="Old")
    job = checked(csv_bytes(HEADER, *people(40)))
    jobs.confirm(job)
    held = threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Contact.objects.select_for_update().get(email="p15@example.com")
            held.set()
            time.sleep(0.5)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    while jobs.work(job):
        pass
    holder.join()
    job.refresh_from_db()
    assert counts(job) == {"created": 39, "updated": 1, "unchanged": 0, "duplicate": 0, "error": 0}
    assert Contact.objects.get(email="p15@example.com").first_name == "Ada"


def test_turns_come_in_order_and_end_when_the_time_is_up() -> None:
    turns = Turns(10, end=35, step=10, until=time.monotonic() + 60)
    assert [turns.take() for _ in range(4)] == [10, 20, 30, None]
    late = Turns(0, end=35, step=10, until=0)
    assert [late.take(), late.take()] == [0, None]


def test_a_writer_waits_until_those_before_it_are_done_or_one_has_failed() -> None:
    turns = Turns(0, end=30, step=10, until=time.monotonic() + 60)
    order: list[int] = []

    def work() -> None:
        turns.wait(10)
        order.append(10)

    waiting = threading.Thread(target=work)
    waiting.start()
    order.append(0)
    turns.committed(0)
    waiting.join(5)
    assert order == [0, 10]
    turns.stop()
    with pytest.raises(Stopped):
        turns.wait(20)
    assert turns.take() is None
