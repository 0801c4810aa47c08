"""Files in, contacts out: counts, merging, duplicates, consent, repeats and interruptions."""

import random

import pytest
from django.db import connection
from django.utils import timezone

from contacts import consent
from contacts.importing import errorfile, jobs, staging, writing
from contacts.models import AttributeDefinition, ConsentRecord, ConsentState, Contact, ImportJob
from core.errors import Refused
from team.models import Notice
from tests.contacts.files import checked, counts, csv_bytes, gzip_bytes, imported, problems, uploaded, xlsx_bytes

pytestmark = pytest.mark.django_db
HEADER = ["email", "first_name", "last_name", "plan", "score"]


def people(count: int, **changes: str) -> list[list[object]]:
    return [[f"p{n}@example.com", "Ada", changes.get("last", "Lovelace"), "pro", n] for n in range(count)]


def test_new_people_are_created_with_typed_attributes() -> None:
    job = imported(csv_bytes(HEADER, *people(3)))
    assert (job.status, counts(job)["created"]) == ("done", 3)
    contact = Contact.objects.get(email="p2@example.com")
    assert contact.attributes == {"plan": "pro", "score": 2}
    assert (contact.first_name, contact.last_name, contact.phone) == ("Ada", "Lovelace", None)
    assert dict(AttributeDefinition.objects.values_list("key", "type")) == {"plan": "text", "score": "number"}


def test_every_new_contact_has_a_uuid_of_its_own() -> None:
    imported(csv_bytes(HEADER, *people(200)))
    uuids = set(Contact.objects.values_list("uuid", flat=True))
    assert len(uuids) == 200
    assert {one.version for one in uuids} == {8}


def test_importing_the_same_file_again_changes_nothing() -> None:
    content = csv_bytes(HEADER, *people(50))
    first = imported(content)
    before = list(Contact.objects.order_by("pk").values())
    again = imported(content)
    assert counts(again) == {"created": 0, "updated": 0, "unchanged": 50, "duplicate": 0, "error": 0}
    assert list(Contact.objects.order_by("pk").values()) == before
    assert jobs.earlier(uploaded(content)) == again
    assert again.file_hash == first.file_hash


def test_a_dry_run_writes_nothing_but_its_job() -> None:
    Contact.objects.create(email="p1@example.com", first_name="Old")
    job = checked(csv_bytes(HEADER, *people(5)))
    assert job.status == "ready"
    assert counts(job) == {"created": 4, "updated": 1, "unchanged": 0, "duplicate": 0, "error": 0}
    assert Contact.objects.count() == 1
    assert Contact.objects.get().first_name == "Old"
    assert not AttributeDefinition.objects.exists()
    assert not ConsentRecord.objects.exists()


def test_the_import_does_what_the_dry_run_said() -> None:
    Contact.objects.create(email="p1@example.com", first_name="Old")
    Contact.objects.create(
        email="p2@example.com", first_name="Ada", last_name="Lovelace", attributes={"plan": "pro", "score": 2}
    )
    content = csv_bytes(HEADER, *people(10), ["bad", "x", "y", "z", 1], *people(1))
    dry = counts(checked(content))
    assert dry == {"created": 8, "updated": 1, "unchanged": 1, "duplicate": 1, "error": 1}
    assert counts(imported(content)) == dry


def test_empty_cells_never_erase_and_attributes_are_merged() -> None:
    Contact.objects.create(
        email="ada@example.com", first_name="Ada", phone="+4915112345678", attributes={"plan": "pro", "city": "Rome"}
    )
    AttributeDefinition.objects.create(key="plan", label="Plan", type="text")
    imported(csv_bytes(["email", "first_name", "phone", "plan"], ["ADA@Example.com ", "", "", "team"]))
    ada = Contact.objects.get()
    assert (ada.first_name, ada.phone) == ("Ada", "+4915112345678")
    assert ada.attributes == {"plan": "team", "city": "Rome"}


def test_the_last_row_about_a_person_wins_and_the_others_are_counted() -> None:
    rows = [["ada@example.com", "First"], ["Ada@example.com", "Second"], ["ada@example.com", "Third"]]
    job = imported(csv_bytes(["email", "first_name"], *rows))
    assert counts(job)["duplicate"] == 2
    assert Contact.objects.get().first_name == "Third"


def test_a_row_that_is_replaced_itself_replaces_nobody() -> None:
    rows = [["X2", "a@example.com"], ["X1", "a@example.com"], ["X1", "b@example.com"]]
    job = imported(csv_bytes(["external_id", "email"], *rows))
    assert counts(job)["duplicate"] == 1
    found = Contact.objects.order_by("external_id").values_list("external_id", "email")
    assert list(found) == [("X1", "b@example.com"), ("X2", "a@example.com")]


def test_a_broken_last_row_does_not_replace_a_good_one() -> None:
    rows = [["ada@example.com", "Good", "+4915112345678"], ["ada@example.com", "Bad", "12"]]
    job = imported(csv_bytes(["email", "first_name", "phone"], *rows))
    assert counts(job) == {"created": 1, "updated": 0, "unchanged": 0, "duplicate": 0, "error": 1}
    assert Contact.objects.get().first_name == "Good"


def test_people_are_found_by_external_id_then_email_then_phone() -> None:
    by_id = Contact.objects.create(external_id="X1", email="old@example.com")
    by_email = Contact.objects.create(email="e@example.com")
    by_phone = Contact.objects.create(phone="+4915112345678")
    header = ["external_id", "email", "phone", "first_name"]
    rows = [
        ["X1", "new@example.com", "", "Id"],
        ["X2", "e@example.com", "", "Email"],
        ["", "", "0049 151 12345678", "Phone"],
    ]
    job = imported(csv_bytes(header, *rows))
    assert counts(job) == {"created": 0, "updated": 3, "unchanged": 0, "duplicate": 0, "error": 0}
    for contact, name in ((by_id, "Id"), (by_email, "Email"), (by_phone, "Phone")):
        contact.refresh_from_db()
        assert contact.first_name == name
    assert (by_id.email, by_email.external_id) == ("new@example.com", "X2")


def test_rows_that_mean_two_people_are_errors() -> None:
    Contact.objects.create(external_id="X1")
    Contact.objects.create(email="b@example.com", external_id="X2")
    Contact.objects.create(email="c@example.com", external_id="X3")
    Contact.objects.bulk_create([Contact(phone="+4915112345678"), Contact(phone="+4915112345678")])
    header = ["external_id", "email", "phone"]
    job = checked(
        csv_bytes(header, ["X1", "b@example.com", ""], ["X9", "c@example.com", ""], ["", "", "+4915112345678"])
    )
    assert [problem for _row, _column, problem in problems(job)] == [
        "The external id and the email belong to two different contacts.",
        "The contact with this email has another external id.",
        "Several contacts have this phone number. Add an email or an external id.",
    ]


def test_two_rows_that_mean_one_person_by_different_addresses_count_once() -> None:
    ada = Contact.objects.create(external_id="X1", email="a@example.com")
    header = ["external_id", "email", "first_name"]
    job = imported(csv_bytes(header, ["X1", "", "One"], ["", "a@example.com", "Two"]))
    assert counts(job) == {"created": 0, "updated": 1, "unchanged": 0, "duplicate": 1, "error": 0}
    ada.refresh_from_db()
    assert ada.first_name == "Two"


def test_errors_name_row_column_value_and_reason() -> None:
    AttributeDefinition.objects.create(key="born", label="Born", type="date")
    rows = [["nope", "", "2026-02-30"], ["ok@example.com", "", "1990-01-01"], ["", "A", "1990-01-01"]]
    job = checked(csv_bytes(["email", "first_name", "born"], *rows))
    assert problems(job) == [
        (2, "email", "This is not an email address: it needs a name, an @ and a domain."),
        (2, "born", "There is no such day."),
        (4, "", "The row has no email, phone or external id. One is needed to know whom it means."),
    ]
    assert job.first_errors[0]["value"] == "nope"
    assert counts(job) == {"created": 1, "updated": 0, "unchanged": 0, "duplicate": 0, "error": 2}


def test_the_error_file_holds_the_rows_with_reasons_and_no_formulas() -> None:
    job = imported(csv_bytes(["email", "first_name"], ["bad", '=HYPERLINK("x")'], ["ok@example.com", "A"]))
    with errorfile.default_storage.open(errorfile.path(job)) as file:
        lines = file.read().decode().splitlines()
    assert lines[0] == "Row,Reason,email,first_name"
    assert lines[1].startswith('2,"email: This is not an email address')
    assert lines[1].endswith('"\'=HYPERLINK(""x"")"')
    assert len(lines) == 2


def test_consent_is_recorded_only_when_said_and_with_its_source() -> None:
    imported(csv_bytes(["email"], ["a@example.com"]))
    assert not ConsentRecord.objects.exists()
    told = jobs.Consent("Shop checkout", "Yes please")
    job = imported(csv_bytes(["email"], ["a@example.com"], ["b@example.com"]), consent=told)
    assert job.consent_count == 2
    record = ConsentRecord.objects.filter(contact__email="b@example.com").get()
    assert (record.action, record.source, record.wording) == ("grant", "Shop checkout", "Yes please")
    assert ConsentState.objects.filter(is_granted=True).count() == 2


def test_a_file_cannot_overrule_a_withdrawal() -> None:
    ada = Contact.objects.create(email="a@example.com")
    consent.withdraw(ada, source="Link in a message")
    job = imported(csv_bytes(["email"], ["a@example.com"]), consent=jobs.Consent("An old list"))
    assert job.consent_count == 0
    assert not consent.is_granted(ada)


def test_consent_without_a_source_is_refused() -> None:
    job = uploaded(csv_bytes(["email"], ["a@example.com"]))
    with pytest.raises(Refused, match="Say where"):
        jobs.check(job, mapping=job.mapping, consent=jobs.Consent(" "))


def test_a_tag_is_put_on_everyone_once() -> None:
    Contact.objects.create(email="a@example.com", tags=["old"])
    content = csv_bytes(["email", "tags"], ["a@example.com", "x; y"], ["b@example.com", ""])
    imported(content, tag="50% off")
    assert Contact.objects.get(email="a@example.com").tags == ["old", "50% off", "x", "y"]
    assert Contact.objects.get(email="b@example.com").tags == ["50% off"]
    assert counts(imported(content, tag="50% off"))["unchanged"] == 2


def test_a_killed_worker_is_followed_by_one_that_ends_with_exact_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 10)
    job = checked(csv_bytes(HEADER, *people(95), ["bad", "", "", "", ""]))
    jobs.confirm(job)
    assert jobs.work(job, seconds=0)  # one chunk, as if the worker had died after it
    assert Contact.objects.count() == 10
    ImportJob.objects.filter(pk=job.pk).update(progressed_at=timezone.now() - 2 * jobs.STALLED_AFTER)
    assert jobs.stalled() == [job.pk]
    later = ImportJob.objects.get(pk=job.pk)
    while jobs.work(later, seconds=0):
        pass
    later.refresh_from_db()
    assert later.status == "done"
    assert counts(later) == {"created": 95, "updated": 0, "unchanged": 0, "duplicate": 0, "error": 1}
    assert Contact.objects.count() == 95


def test_rows_lost_in_a_crash_of_the_database_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 10)
    job = checked(csv_bytes(HEADER, *people(30), ["bad", "", "", "", ""]))
    jobs.confirm(job)
    jobs.work(job, seconds=0)
    with connection.cursor() as cursor:  # what PostgreSQL does with unlogged tables after a crash
        for table in staging.tables(job).all():
            cursor.execute(staging.sql.SQL("TRUNCATE {}").format(table))
    while jobs.work(job, seconds=0):
        pass
    job.refresh_from_db()
    assert (job.status, job.error_count, Contact.objects.count()) == ("done", 1, 30)


def test_a_second_worker_on_the_same_job_does_nothing() -> None:
    job = checked(csv_bytes(HEADER, *people(3)))
    jobs.confirm(job)
    first = connection.copy()  # the first worker, in a process of its own
    with first.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [jobs.LOCK_CLASS, job.pk])
    try:
        assert jobs.work(job) is False
        assert not Contact.objects.exists()
    finally:
        first.close()  # it dies, and the lock is free
    jobs.work(job)
    assert Contact.objects.count() == 3


def test_a_job_that_never_moved_is_as_old_as_itself_whoever_looked_at_it() -> None:
    job = uploaded(csv_bytes(HEADER, *people(3)))
    long_ago = timezone.now() - jobs.FORGOTTEN_AFTER - jobs.STALLED_AFTER
    ImportJob.objects.filter(pk=job.pk).update(created_at=long_ago, progressed_at=None, updated_at=timezone.now())
    ImportJob.objects.filter(pk=job.pk).update(status="checking")
    assert jobs.stalled() == [job.pk]
    ImportJob.objects.filter(pk=job.pk).update(status="uploaded")
    assert jobs.forget_old() == 1


def test_blank_lines_of_a_single_column_are_no_rows() -> None:
    job = imported(b'email\n\na@example.com\n\n""\nbad\n\n')
    assert (job.row_count, job.valid_count, job.error_count) == (2, 1, 1)
    assert problems(job)[0][0] == 6
    assert Contact.objects.get().email == "a@example.com"


def test_the_planner_hears_of_people_whom_an_import_added_to_a_table_that_was_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "CHUNK", 50)
    Contact.objects.bulk_create(Contact(email=f"gone{n}@example.com") for n in range(500))
    Contact.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts_contact")
        job = checked(csv_bytes(HEADER, *people(120)))
        jobs.confirm(job)
        jobs.work(job, seconds=0)
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'contacts_contact'::regclass")
        assert cursor.fetchone() == (50.0,)


def test_a_cancelled_import_writes_no_more_and_keeps_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 10)
    job = checked(csv_bytes(HEADER, *people(30)))
    jobs.confirm(job)
    jobs.work(job, seconds=0)
    jobs.cancel(job)
    jobs.work(job)
    job.refresh_from_db()
    assert (job.status, Contact.objects.count(), bool(job.file)) == ("cancelled", 10, False)
    with pytest.raises(Refused):
        jobs.confirm(job)


def test_a_finished_import_tells_who_started_it_and_keeps_neither_file_nor_rows() -> None:
    job = imported(csv_bytes(HEADER, *people(2)))
    assert not job.file
    assert job.sample == []
    assert not staging.is_complete(job)
    assert "2 new" in Notice.objects.get().text


def test_blank_lines_are_passed_over_and_rows_keep_their_numbers() -> None:
    job = imported(b"email,first_name\n\na@example.com,A\n\n\nbad,B\n")
    assert job.row_count == 2
    assert problems(job)[0][0] == 6
    assert Contact.objects.count() == 1


def test_rows_longer_or_shorter_than_the_header_are_errors_not_guesses() -> None:
    job = imported(b"email,first_name\na@example.com,A,B\nb@example.com\nc@example.com,C\n")
    assert [(row, problem) for row, _, problem in problems(job)] == [
        (2, "The row has 3 cells, the header 2."),
        (3, "The row has 1 cell, the header 2."),
    ]
    assert [contact.email for contact in Contact.objects.all()] == ["c@example.com"]


def test_cells_may_hold_line_breaks_quotes_and_delimiters() -> None:
    AttributeDefinition.objects.create(key="note", label="Note", type="text")
    imported(csv_bytes(["email", "note"], ["a@example.com", 'two\nlines, "quoted"; done']))
    assert Contact.objects.get().attributes["note"] == 'two\nlines, "quoted"; done'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_usual_encodings_and_delimiters_are_recognised(encoding: str, delimiter: str) -> None:
    rows = [["email", "first_name"], ["a@example.com", "Jörg"], ["b@example.com", "Zoë"]]
    imported(csv_bytes(*rows, encoding=encoding, delimiter=delimiter))
    assert set(Contact.objects.values_list("first_name", flat=True)) == {"Jörg", "Zoë"}


def test_spreadsheets_and_packed_files_are_read_as_well() -> None:
    born = timezone.datetime(1990, 5, 17)
    imported(xlsx_bytes(["email", "score", "born", "vip"], ["x@example.com", 5.0, born, True]), "p.xlsx")
    assert Contact.objects.get().attributes == {"score": 5, "born": "1990-05-17", "vip": True}
    imported(gzip_bytes(csv_bytes(["email"], ["z@example.com"])), "p.csv.gz")
    assert Contact.objects.filter(email="z@example.com").exists()


def test_an_import_that_is_unattended_goes_on_by_itself() -> None:
    job = checked(csv_bytes(HEADER, *people(3)), goes_on=True)
    assert (job.status, Contact.objects.count()) == ("done", 3)


def test_random_files_give_the_same_counts_dry_and_written() -> None:
    chance = random.Random(4)
    for _ in range(6):
        rows = [
            [
                chance.choice(["", f"x{chance.randrange(6)}"]),
                chance.choice(["", "bad", f"e{chance.randrange(6)}@example.com"]),
                chance.choice(["", "A", "B"]),
            ]
            for _ in range(25)
        ]  # fmt: skip
        content = csv_bytes(["external_id", "email", "first_name"], *rows)
        dry = checked(content)
        done = imported(content)
        assert counts(done) == counts(dry)
        assert done.row_count == sum(counts(done).values())


def test_reading_a_file_another_way_takes_its_dry_run_back() -> None:
    job = checked(b"email,x|y\na@example.com,1|2\n", mapping={"email": "email", "x|y": ""})
    jobs.reread(job, encoding="utf-8", delimiter="|")
    assert (job.status, job.header, job.row_count) == ("uploaded", ["email,x", "y"], 0)
    with pytest.raises(Refused):
        jobs.confirm(job)
    done = imported(csv_bytes(["email"], ["b@example.com"]))
    with pytest.raises(Refused, match="not possible now"):
        jobs.reread(done, encoding="utf-8", delimiter=";")


def test_a_mapping_to_an_attribute_that_was_deleted_is_refused_with_a_sentence() -> None:
    plan = AttributeDefinition.objects.create(key="plan", label="Plan", type="text")
    job = checked(csv_bytes(["email", "plan"], ["a@example.com", "pro"]))
    plan.delete()
    with pytest.raises(Refused, match="neither a field nor a known attribute"):
        jobs.confirm(job)


def test_an_import_removed_while_at_work_leaves_no_tables() -> None:
    job = checked(csv_bytes(HEADER, *people(3)))
    jobs.confirm(job)
    ImportJob.objects.filter(pk=job.pk).delete()
    assert jobs.work(job) is False
    assert not Contact.objects.exists()
    assert not [name for name in connection.introspection.table_names() if name.startswith("contacts_import_")]


def test_what_a_killed_worker_left_behind_is_removed() -> None:
    job = checked(csv_bytes(HEADER, *people(3)))
    ImportJob.objects.filter(pk=job.pk).update(status="failed", finished_at=timezone.now())
    jobs.forget_old()
    job.refresh_from_db()
    assert (bool(job.file), job.sample, staging.is_complete(job)) == (False, [], False)
