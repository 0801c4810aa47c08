"""Campaigns about a topic go to those whose consent covers it, by the gate as it plans and as it sends."""

import pytest

from campaigns import approval, preflight
from campaigns.models import Campaign
from contacts import consent
from contacts.models import Contact, Topic
from core.errors import Refused
from delivery import gate
from delivery.models import Message
from team.models import User
from tests.delivery.conftest import Provider, drain, make_account, make_campaign, plan, states

pytestmark = pytest.mark.django_db(transaction=True)
SAID = {"yes": consent.grant, "no": consent.withdraw}
# Who said what of the channel and of the topic, and which ways of joining let them be written to.
CASES = {
    ("yes", "yes"): {"channel", "single", "double"},
    ("yes", "no"): set(),
    ("yes", ""): {"channel"},
    ("no", "yes"): set(),
    ("no", "no"): set(),
    ("no", ""): set(),
    ("", "yes"): {"single", "double"},
    ("", "no"): set(),
    ("", ""): set(),
}


@pytest.fixture
def people() -> dict[tuple[str, str], Contact]:
    """Somebody for each of the cases."""
    Topic.objects.create(key="news", name="News")
    made = {}
    for channel, topic in CASES:
        person = made[channel, topic] = Contact.objects.create(email=f"{channel}-{topic}-x@example.com")
        for said, key in ((channel, ""), (topic, "news")):
            if said:
                SAID[said](person, topic=key, source="form")
    return made


@pytest.mark.parametrize("opt_in", ["channel", "single", "double"])
def test_consent_to_the_topic_and_the_channel_decide_together(
    editor: User, people: dict[tuple[str, str], Contact], opt_in: str
) -> None:
    Topic.objects.update(opt_in=opt_in)
    campaign = make_campaign(editor, topic=Topic.objects.get())
    wanted = {person.pk for case, person in people.items() if opt_in in CASES[case]}
    verdicts = gate.ask(gate.question_for(campaign), [person.pk for person in people.values()])
    assert {pk for pk, verdict in verdicts.items() if verdict.may_send} == wanted
    assert {verdict.reason for verdict in verdicts.values()} == {"", "no_consent"}
    run = plan(campaign)
    assert set(Message.objects.filter(run=run, state="planned").values_list("contact_id", flat=True)) == wanted
    assert preflight.reach(campaign).reachable == len(wanted)


def test_without_a_topic_the_channel_decides(editor: User, people: dict[tuple[str, str], Contact]) -> None:
    run = plan(make_campaign(editor))
    reached = Message.objects.filter(run=run, state="planned").values_list("contact_id", flat=True)
    assert set(reached) == {person.pk for (channel, _), person in people.items() if channel == "yes"}


def test_who_leaves_the_topic_after_planning_gets_nothing(
    editor: User, people: dict[tuple[str, str], Contact], provider: Provider
) -> None:
    make_account(provider)
    run = plan(make_campaign(editor, topic=Topic.objects.get()))
    consent.withdraw(people["yes", "yes"], topic="news", source="preferences")
    drain()
    assert provider.recipients() == [people["", "yes"].email]
    assert states(run)["skipped:no_consent"] == 8


def test_a_topic_whose_key_is_hostile_stays_a_value(editor: User) -> None:
    key = "x' OR '1'='1"
    topic = Topic.objects.create(key=key, name="x")
    person = Contact.objects.create(email="a@example.com")
    campaign = make_campaign(editor, topic=topic)
    assert gate.ask(gate.question_for(campaign), [person.pk])[person.pk].reason == "no_consent"


def test_an_approval_is_for_a_topic_and_its_way_of_joining(editor: User) -> None:
    topic = Topic.objects.create(key="news", name="News", opt_in="double")
    campaign = make_campaign(editor, topic=topic)
    asked = approval.request(campaign, by=editor, comment="")
    assert approval.changes(asked, campaign) == []
    Topic.objects.update(opt_in="channel")
    assert approval.changes(asked, campaign) == ["its topic"]
    Topic.objects.update(opt_in="double")
    Campaign.objects.update(topic=None)
    with pytest.raises(Refused, match="its topic"):
        approval.require_unchanged(asked, Campaign.objects.get())
