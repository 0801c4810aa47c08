"""Every table of the site is answered for: somebody exports and erases its rows, or it is said why it holds nobody."""

from collections.abc import Iterable, Iterator

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.test.utils import isolate_apps

from contacts.erasure import EMPTY
from contacts.holdings import holdings
from contacts.models import Contact

TEAM = "about the team's own accounts, not about people who are written to"
SETUP = "set up by the team; names nobody"
QUEUE = "numbers of contacts on their way to a reader, gone within seconds"
COUNTS = "counts; whom they counted can't be told from them"
WRITTEN = "what the team writes for everyone; privacy.md says to name no single person there"

# Model: why nobody has to export or erase its rows. A model with a key to a contact may not stand here, but in QUEUES.
NOBODY = {
    "auth.Group": TEAM, "auth.Group_permissions": TEAM, "auth.Permission": TEAM, "contenttypes.ContentType": SETUP,
    "sessions.Session": TEAM, "team.User": TEAM, "team.User_groups": TEAM, "team.User_user_permissions": TEAM,
    "team.ApiKey": TEAM, "team.Notice": "told to the team; of people it says how many, never who", "team.Brand": SETUP,
    "django_celery_beat.SolarSchedule": SETUP, "django_celery_beat.IntervalSchedule": SETUP,
    "django_celery_beat.ClockedSchedule": SETUP, "django_celery_beat.CrontabSchedule": SETUP,
    "django_celery_beat.PeriodicTasks": SETUP, "django_celery_beat.PeriodicTask": SETUP, "core.Milestone": SETUP,
    "contacts.AttributeDefinition": SETUP, "contacts.Topic": SETUP, "contacts.SuppressionSalt": SETUP,
    "contacts.BulkMerge": "who of the team asked for it; pairs as numbers", "contacts.Company": "organisations",
    "events.Cursor": SETUP, "events.Source": SETUP, "events.WriteKey": TEAM,
    "events.SeenMessage": "hashes of messages' names, gone after days", "events.EventName": COUNTS,
    "events.EventDay": COUNTS, "events.EventProperty": "names of properties and kinds of values, never a value",
    "segments.Segment": WRITTEN, "segments.SizePoint": COUNTS, "segments.SpendingLevel": SETUP,
    "segments.Quintiles": COUNTS,
    "templates_app.Template": WRITTEN, "templates_app.TemplateVersion": WRITTEN, "templates_app.Link": WRITTEN,
    "campaigns.Sender": TEAM, "campaigns.Campaign": WRITTEN, "campaigns.Campaign_segments": SETUP,
    "campaigns.Campaign_excluded_segments": SETUP, "campaigns.Variant": SETUP, "campaigns.StatusChange": TEAM,
    "campaigns.Edit": WRITTEN, "campaigns.Comment": WRITTEN, "campaigns.CampaignMember": TEAM,
    "campaigns.CampaignTemplate": WRITTEN, "campaigns.CampaignTemplate_segments": SETUP,
    "campaigns.CampaignTemplate_excluded_segments": SETUP, "campaigns.KeptVariant": SETUP,
    "campaigns.CreationKey": TEAM, "delivery.Account_senders": SETUP, "delivery.Run": COUNTS,
    "delivery.RunStatusChange": TEAM, "delivery.ConfirmationMail": SETUP, "delivery.WorkerBeat": SETUP,
    "analytics.Rollup": COUNTS, "analytics.FirstSeen": "numbers of ledger rows", "analytics.LinkRollup": COUNTS,
}  # fmt: skip
QUEUES = {"contacts.Change": QUEUE, "segments.Recheck": QUEUE, "segments.Transition": QUEUE}
# Of the contact itself: what stays when they are erased, so that rows which speak of them still add up.
STAYS = {"id", "uuid", "created_at", "updated_at", "erased_at", "merged_into"}


def answered_for() -> set[str]:
    return {"contacts.Contact", *(model._meta.label for held in holdings.values() for model in held.models)}


def all_models() -> list[type[models.Model]]:
    return list(apps.get_models(include_auto_created=True))


def unanswered(every: Iterable[type[models.Model]]) -> list[str]:
    """Models of which nobody has said whether they hold anything about people."""
    return sorted({model._meta.label for model in every} - answered_for() - NOBODY.keys() - QUEUES.keys())


def keys_to_people(model: type[models.Model]) -> Iterator[str]:
    """Its fields that name a contact: foreign keys, and numbers or ids that are called so."""
    for field in model._meta.get_fields():
        is_key = field.is_relation and field.concrete and field.related_model is Contact
        if is_key or "contact_id" in field.name or "contact_uuid" in field.name:
            yield field.name


def personal_columns(model: type[models.Model]) -> Iterator[str]:
    """Its fields that are called as data about people usually is, or that may hold anything."""
    words = ("email", "phone", "address", "recipient", "ip_", "anonymous", "first_name", "last_name", "locale")
    for field in model._meta.get_fields():
        if getattr(field, "concrete", False) and any(word in field.name for word in words):
            yield field.name


def test_every_model_is_answered_for() -> None:
    assert unanswered(all_models()) == [], (
        "Register a Holding that exports and erases its rows (contacts/holdings.py), or say here why it holds nobody."
    )


@isolate_apps("contacts")
def test_a_new_model_that_nobody_registered_is_found() -> None:
    class Note(models.Model):
        contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")

        class Meta:
            app_label = "contacts"

        def __str__(self) -> str:
            return "a note"

    assert unanswered([*all_models(), Note]) == ["contacts.Note"]
    assert list(keys_to_people(Note)) == ["contact"]


def test_no_model_with_a_key_to_a_contact_is_said_to_hold_nobody() -> None:
    for model in all_models():
        if model._meta.label in NOBODY:
            assert list(keys_to_people(model)) == [], f"{model._meta.label} names contacts"


def test_what_is_called_like_personal_data_is_about_the_team_where_nobody_answers_for_it() -> None:
    found = {model._meta.label for model in all_models() if list(personal_columns(model))}
    assert found - answered_for() == {"team.User", "campaigns.Sender"}


def test_queues_hold_numbers_only() -> None:
    for model in all_models():
        if model._meta.label in QUEUES:
            fields = [field for field in model._meta.get_fields() if isinstance(field, models.TextField | ArrayField)]
            assert {field.name for field in fields} <= {"contact_ids", "keys"}


def test_no_reason_outlives_its_model() -> None:
    labels = {model._meta.label for model in all_models()}
    assert NOBODY.keys() | QUEUES.keys() <= labels
    assert not answered_for() & (NOBODY.keys() | QUEUES.keys())


def test_every_field_of_a_contact_is_emptied_or_stays_for_a_reason() -> None:
    assert {field.name for field in Contact._meta.concrete_fields} - STAYS == set(EMPTY)


@pytest.mark.django_db
def test_every_table_belongs_to_a_model() -> None:
    """Partitions belong to the log; a history table that some package made would be found here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition"
        )
        tables = {name for (name,) in cursor.fetchall()}
    known = {model._meta.db_table for model in all_models()} | {"django_migrations"}
    assert tables - known == set()
