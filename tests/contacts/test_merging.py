"""Two contacts become one: what the survivor has afterwards, what stays where it was, and what is refused."""

from typing import Any

import pytest
from django.utils import timezone

from contacts import consent, erasure, identity, merging
from contacts.holdings import Holding, everything_about, holdings
from contacts.models import Company, ConsentRecord, Contact, Employment, Identity, Merge, Preference, Suppression
from core.errors import Refused
from events import ingest, strays
from events.models import Event
from segments.models import Membership, Segment
from team.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Contact:
    return Contact.objects.create(
        email="ada@example.com", first_name="Ada", attributes={"plan": "pro"}, tags=["shop"], external_id="A-1"
    )


@pytest.fixture
def twin() -> Contact:
    return Contact.objects.create(
        email="ada.work@example.org", phone="+4915112345678", first_name="Adelaide", last_name="Byron",
        attributes={"plan": "free", "city": "Bonn"}, tags=["fair"], external_id="A-2",
    )  # fmt: skip


def test_the_survivor_keeps_their_values_and_gets_what_they_lacked(ada: Contact, twin: Contact) -> None:
    merged = merging.merge(twin, into=ada)
    assert (merged.first_name, merged.last_name, merged.phone) == ("Ada", "Byron", "+4915112345678")
    assert merged.attributes == {"plan": "pro", "city": "Bonn"}
    assert merged.tags == ["fair", "shop"]


def test_values_that_were_chosen_come_from_the_other(ada: Contact, twin: Contact) -> None:
    merged = merging.merge(twin, into=ada, take=["email", "first_name", "attribute:plan"])
    assert (merged.email, merged.first_name, merged.attributes["plan"]) == ("ada.work@example.org", "Adelaide", "free")
    assert merged.external_id == "A-1"


def test_nobody_can_take_a_value_that_is_not_there(ada: Contact, twin: Contact) -> None:
    for name in ("erased_at", "attribute:none", "merged_into", "password"):
        with pytest.raises(Refused, match="Neither of them has"):
            merging.merge(twin, into=ada, take=[name])


def test_the_other_is_an_empty_shell_that_leads_to_the_survivor(ada: Contact, twin: Contact) -> None:
    merging.merge(twin, into=ada)
    twin.refresh_from_db()
    assert (twin.email, twin.phone, twin.external_id, twin.attributes, twin.tags) == (None, None, None, {}, [])
    assert twin.erased_at is not None
    assert identity.find(twin.uuid) == ada


def test_old_names_mean_the_survivor(ada: Contact, twin: Contact) -> None:
    identity.link(twin, kind=Identity.Kind.ANONYMOUS, value="browser-7")
    merging.merge(twin, into=ada)
    assert identity.named(Identity.Kind.ANONYMOUS, "browser-7") == ada
    assert identity.by("external_id", "A-2") == ada
    assert identity.by("email", "ada.work@example.org") == ada
    assert identity.by("email", "nobody@example.org") is None


def test_a_name_of_one_person_is_not_given_to_another(ada: Contact, twin: Contact) -> None:
    identity.link(twin, kind=Identity.Kind.ANONYMOUS, value="browser-7")
    assert identity.link(twin, kind=Identity.Kind.ANONYMOUS, value="browser-7").contact == twin
    with pytest.raises(Refused, match="merge them"):
        identity.link(ada, kind=Identity.Kind.ANONYMOUS, value="browser-7")


def test_a_withdrawal_of_either_wins(ada: Contact, twin: Contact) -> None:
    consent.grant(ada, source="form")
    consent.grant(twin, source="form")
    consent.withdraw(twin, source="phone call")
    merging.merge(twin, into=ada)
    assert consent.state(ada) is False
    assert ConsentRecord.objects.filter(contact=twin).count() == 2, "the ledger stays as it was written"


def test_who_complained_at_an_address_that_goes_is_not_written_to_at_the_other(ada: Contact, twin: Contact) -> None:
    consent.grant(ada, source="form")
    consent.grant(twin, source="form")
    Suppression.objects.create(address=str(twin.email), reason=Suppression.Reason.COMPLAINT)
    merging.merge(twin, into=ada)
    assert consent.state(ada) is False


def test_a_mailbox_that_is_gone_says_nothing_about_the_person(ada: Contact, twin: Contact) -> None:
    consent.grant(ada, source="form")
    consent.grant(twin, source="form")
    Suppression.objects.create(address=str(twin.email), reason=Suppression.Reason.HARD_BOUNCE)
    merging.merge(twin, into=ada)
    assert consent.state(ada) is True


def test_events_move_and_the_log_says_that_somebody_was_merged(ada: Contact, twin: Contact) -> None:
    ingest.record("purchase", contact_id=twin.pk, properties={"amount": 5})
    merging.merge(twin, into=ada)
    found = set(Event.objects.filter(contact_id=ada.pk).values_list("name", flat=True))
    assert found == {"purchase", "contact.merged", "log.joined"}
    assert not Event.objects.filter(contact_id=twin.pk).exists()


def test_an_event_that_was_on_its_way_finds_the_survivor(ada: Contact, twin: Contact) -> None:
    merging.merge(twin, into=ada)
    ingest.record("message.bounced", contact_id=twin.pk)
    assert strays.sweep() == 1
    assert Event.objects.filter(contact_id=ada.pk, name="message.bounced").exists()
    assert strays.sweep() == 0


def test_a_place_in_a_static_segment_goes_to_the_survivor(ada: Contact, twin: Contact) -> None:
    by_hand = Segment.objects.create(name="By hand", kind=Segment.Kind.STATIC)
    by_rule = Segment.objects.create(name="By rule", rules={"all": []})
    for segment in (by_hand, by_rule):
        Membership.objects.create(segment=segment, contact=twin)
    merging.merge(twin, into=ada)
    assert [row.segment for row in Membership.objects.filter(contact=ada)] == [by_hand]
    assert not Membership.objects.filter(contact=twin).exists()


def test_the_wish_for_fewer_messages_wins(ada: Contact, twin: Contact) -> None:
    later = timezone.now()
    Preference.objects.create(contact=ada, frequency="daily")
    Preference.objects.create(contact=twin, frequency="monthly", paused_until=later)
    merging.merge(twin, into=ada)
    wishes = Preference.objects.get()
    assert (wishes.contact, wishes.frequency, wishes.paused_until) == (ada, "monthly", later)


def test_companies_of_both_are_the_survivor_s(ada: Contact, twin: Contact) -> None:
    both, other = (Company.objects.create(external_id=name) for name in ("both", "other"))
    for person, company in ((ada, both), (twin, both), (twin, other)):
        Employment.objects.create(contact=person, company=company)
    merging.merge(twin, into=ada)
    assert set(Employment.objects.values_list("contact_id", "company__external_id")) == {
        (ada.pk, "both"), (ada.pk, "other"),
    }  # fmt: skip


def test_the_same_merge_twice_changes_nothing(ada: Contact, twin: Contact, editor: User) -> None:
    first = merging.merge(twin, into=ada, by=editor)
    again = merging.merge(twin, into=ada, by=editor)
    assert again.updated_at == first.updated_at
    assert Merge.objects.count() == 1


def test_a_chain_of_merges_leaves_no_chain_of_shells(ada: Contact, twin: Contact) -> None:
    last = Contact.objects.create(email="last@example.com")
    merging.merge(twin, into=ada)
    merging.merge(ada, into=last)
    assert identity.find(twin.uuid) == identity.find(ada.uuid) == last
    assert set(identity.keys(last)) == {last.pk, ada.pk, twin.pk}
    assert identity.by("external_id", "A-2") == last


def test_merges_in_circles_are_refused(ada: Contact, twin: Contact) -> None:
    merging.merge(twin, into=ada)
    with pytest.raises(Refused) as caught:
        merging.merge(ada, into=twin)
    assert caught.value.code == "merged"
    assert "Ada" in caught.value.message, "says with whom to merge instead"


def test_nobody_is_merged_with_themself(ada: Contact) -> None:
    with pytest.raises(Refused, match="same contact"):
        merging.merge(ada, into=ada)


def test_an_erased_person_is_not_merged(ada: Contact, twin: Contact) -> None:
    erasure.erase(twin, by=None)
    for one, other in ((ada, twin), (twin, ada)):
        with pytest.raises(Refused, match="erased"):
            merging.merge(one, into=other)


def test_who_is_exported_or_erased_takes_what_was_merged_along(ada: Contact, twin: Contact) -> None:
    consent.grant(twin, source="the form at the fair", ip_address="192.0.2.7")
    merging.merge(twin, into=ada)
    held = everything_about(ada)
    assert "the form at the fair" in {record["source"] for record in held["consent"]}
    assert ("email", "ada.work@example.org") in {(name["kind"], name["value"]) for name in held["names"]}
    erasure.erase(ada, by=None)
    assert not ConsentRecord.objects.exclude(ip_address=None).exists()
    assert not Identity.objects.exists()


@pytest.mark.parametrize("key", list(holdings))
def test_every_holding_says_what_a_merge_does(key: str) -> None:
    assert type(holdings[key]).merge is not Holding.merge


def test_choices_show_both_side_by_side(ada: Contact, twin: Contact) -> None:
    shown: dict[str, Any] = {choice.name: choice for choice in merging.choices(ada, twin)}
    assert shown["email"].is_open
    assert not shown["phone"].is_open
    assert (shown["attribute:city"].survivors, shown["attribute:city"].others) == ("", "Bonn")
