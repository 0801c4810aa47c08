"""The console's pages of one person: the timeline with its filters, merging by hand, duplicates, companies."""

from datetime import time
from typing import Any

import pytest
from django.test import Client

from contacts import consent, duplicates, merging, preferences
from contacts.models import BulkMerge, Company, Contact, Employment, NotDuplicate
from events import ingest
from team.models import User

pytestmark = pytest.mark.django_db
AT = "/admin/contacts/contact"


@pytest.fixture
def console(editor: User, client: Client) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def ada() -> Contact:
    return Contact.objects.create(
        email="ada@example.com", first_name="Ada", last_name="Byron", phone="+4915112345678", attributes={"plan": "pro"}
    )


@pytest.fixture
def twin() -> Contact:
    return Contact.objects.create(
        email="ada+news@example.com", first_name="Ada", last_name="Byron", phone="+4915112345678",
        attributes={"plan": "free", "city": "Bonn"},
    )  # fmt: skip


def text(console: Client, address: str, **query: Any) -> str:
    return console.get(address, query).content.decode()


def test_a_person_s_page_tells_what_happened_and_who_they_are(console: Client, ada: Contact) -> None:
    consent.grant(ada, source="the form", wording="Yes please")
    ingest.record("Order Placed", contact_id=ada.pk, properties={"total": 12, "note": "<script>alert(1)</script>"})
    page = text(console, f"{AT}/{ada.pk}/timeline/")
    for words in ("Granted", "the form", "Yes please", "Order Placed", "total: 12", "Ada Byron", "pro"):
        assert words in page
    assert "<script>alert(1)" not in page


def test_filters_show_only_what_was_asked_for(console: Client, ada: Contact) -> None:
    consent.grant(ada, source="the form")
    ingest.record("Order Placed", contact_id=ada.pk)
    ingest.record("Page Viewed", contact_id=ada.pk, occurred_at=None)
    at = f"{AT}/{ada.pk}/timeline/"
    assert "the form" not in text(console, at, kind="event")
    named = text(console, at, name="Page Viewed")
    assert 'timeline-title">Page Viewed' in named
    assert 'timeline-title">Order Placed' not in named
    assert "Nothing like this happened" in text(console, at, to="2020-01-01")


@pytest.mark.parametrize(
    "query", ["kind=nothing", "from=yesterday", "to=9999-12-31", "from=0001-01-01", "before=~~", "before=x", "name=%00"]
)
def test_an_address_that_makes_no_sense_shows_the_page_all_the_same(console: Client, ada: Contact, query: str) -> None:
    assert console.get(f"{AT}/{ada.pk}/timeline/?{query}").status_code == 200


def test_somebody_with_thousands_of_entries_is_shown_page_by_page(console: Client, ada: Contact) -> None:
    ingest.record_many({"name": f"seen {number}", "contact_id": ada.pk} for number in range(1_200))
    answer = console.get(f"{AT}/{ada.pk}/timeline/")
    assert answer.content.decode().count("timeline-entry") == 50
    assert "1,000+" in answer.content.decode()
    older = text(console, f"{AT}/{ada.pk}/timeline/{answer.context['older_url']}")
    assert "Back to the newest" in older
    assert older.count("timeline-entry") == 50


def test_two_contacts_are_compared_and_merged_with_the_values_chosen(
    console: Client, ada: Contact, twin: Contact
) -> None:
    assert f"?with={twin.pk}" in text(console, f"{AT}/{ada.pk}/timeline/"), "it says who may be the same"
    page = text(console, f"{AT}/{ada.pk}/merge/", **{"with": twin.pk})
    for words in ("ada@example.com", "ada+news@example.com", "Bonn", "taken over", "cannot be undone"):
        assert words in page
    chosen = {"with": twin.pk, "take-attribute:plan": "other", "take-email": "own"}
    done = console.post(f"{AT}/{ada.pk}/merge/", chosen, follow=True)
    assert "old links lead here" in done.content.decode()
    ada.refresh_from_db()
    assert (ada.attributes, ada.email) == ({"plan": "free", "city": "Bonn"}, "ada@example.com")


def test_an_old_link_leads_to_who_took_over(console: Client, ada: Contact, twin: Contact) -> None:
    merging.merge(twin, into=ada)
    for page in ("timeline", "change"):
        answer = console.get(f"{AT}/{twin.pk}/{page}/", follow=True)
        assert answer.redirect_chain[-1][0] == f"{AT}/{ada.pk}/timeline/"
        assert "was merged into Ada Byron" in answer.content.decode()


def test_a_merge_that_is_refused_says_why(console: Client, ada: Contact, twin: Contact) -> None:
    merging.merge(twin, into=ada)
    answer = console.post(f"{AT}/{ada.pk}/merge/", {"with": ada.pk}, follow=True)
    assert "same contact" in answer.content.decode()
    for nobody in ("", "x", "99999999999", "9" * 30):
        assert console.get(f"{AT}/{ada.pk}/merge/", {"with": nobody}).status_code == 200


def test_somebody_to_merge_with_can_be_looked_for(console: Client, ada: Contact) -> None:
    other = Contact.objects.create(email="zoe@example.org")
    assert f"?with={other.pk}" in text(console, f"{AT}/{ada.pk}/merge/", q="zoe")
    assert "Nobody begins like this" in text(console, f"{AT}/{ada.pk}/merge/", q="nobody\0")


def test_two_people_are_kept_apart(console: Client, ada: Contact, twin: Contact) -> None:
    assert "ada+news" in text(console, f"{AT}/duplicates/mailbox/")
    console.post(f"{AT}/{ada.pk}/apart/", {"with": twin.pk, "next": "mailbox"})
    assert NotDuplicate.objects.count() == 1
    assert "Nobody is here twice" in text(console, f"{AT}/duplicates/mailbox/")


def test_a_rule_s_pairs_are_merged_on_demand(console: Client, ada: Contact, twin: Contact) -> None:
    assert console.get(f"{AT}/duplicates/").status_code == 302
    console.post(f"{AT}/duplicates/mailbox/merge/")
    assert "Being merged" in text(console, f"{AT}/duplicates/mailbox/")
    duplicates.work(BulkMerge.objects.get(), seconds=10)
    assert "Last merged by this rule" in text(console, f"{AT}/duplicates/mailbox/")
    console.post(f"{AT}/duplicates/phone/merge/")
    assert BulkMerge.objects.count() == 1, "a hint merges nobody"
    assert console.get(f"{AT}/duplicates/nothing/").status_code == 404


def test_no_page_changes_anything_by_get_and_a_stranger_sees_none(
    console: Client, stranger: User, ada: Contact, twin: Contact
) -> None:
    company = Company.objects.create(external_id="firm")
    pages = [f"{AT}/{ada.pk}/timeline/", f"{AT}/{ada.pk}/merge/", f"{AT}/duplicates/mailbox/"]
    changes = [f"{AT}/{ada.pk}/apart/", f"{AT}/duplicates/mailbox/merge/"]
    assert [console.get(page, {"with": twin.pk}).status_code for page in pages] == [200] * 3
    assert [console.get(page).status_code for page in changes] == [405] * 2
    assert not BulkMerge.objects.exists()
    assert Contact.objects.reachable().count() == 2
    other = Client()
    other.force_login(stranger)
    for page in [*pages, f"/admin/contacts/company/{company.pk}/change/"]:
        assert other.get(page).status_code == 403
    assert [other.post(page, {"with": twin.pk}).status_code for page in [*changes, pages[1]]] == [403] * 3


def test_a_company_shows_who_belongs_to_it(console: Client, ada: Contact) -> None:
    firm = Company.objects.create(external_id="firm", name="Firm", attributes={"size": 3})
    Employment.objects.create(contact=ada, company=firm)
    page = text(console, f"/admin/contacts/company/{firm.pk}/change/")
    assert "Ada Byron" in page
    assert "size" in page
    assert "Firm" in text(console, f"{AT}/{ada.pk}/timeline/")
    assert "Firm" in text(console, "/admin/contacts/company/", q="fir")


def test_the_page_says_what_somebody_chose_links_to_their_own_page_and_tells_what_changed(
    console: Client, ada: Contact
) -> None:
    page = text(console, f"{AT}/{ada.pk}/change/")
    assert "Their own page" in page
    assert preferences.link(ada) in page
    assert "Nothing: they agreed to nothing" in page
    consent.grant(ada, source="the form")
    wishes = preferences.Wishes(
        frequency="weekly", quiet_from=time(22), quiet_until=time(7), locale="de", time_zone="Europe/Berlin"
    )
    preferences.keep(ada, wishes, source="the preference centre")
    page = text(console, f"{AT}/{ada.pk}/change/")
    for words in ("At most one a week", "22:00 to 07:00", "How often: everything → at most one a week", "by email"):
        assert words in page, words
    timeline = text(console, f"{AT}/{ada.pk}/timeline/", kind="preferences")
    assert "Changed their preferences" in timeline
    assert "Quiet from: none → 22:00" in timeline


def test_what_stays_the_same_is_no_change_and_who_only_looks_gets_no_link(
    client: Client, approver: User, ada: Contact
) -> None:
    preferences.keep(ada, preferences.Wishes(), source="the preference centre")
    assert not ada.preference_changes.exists()
    client.force_login(approver)
    page = text(client, f"{AT}/{ada.pk}/change/")
    assert "How often" in page
    assert preferences.link(ada) not in page
