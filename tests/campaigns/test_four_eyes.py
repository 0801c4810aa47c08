"""Whatever anyone tries, in any order and through any door, nothing gets released but by a second pair of eyes."""

from collections.abc import Callable

from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework.test import APIClient

from campaigns import approval, bulk, editing, keeping, lifecycle
from campaigns.models import Approval, Campaign, Sender, Variant
from contacts.models import Contact
from core.errors import Refused
from segments.models import Segment
from team import apikeys
from team.models import User
from tests.campaigns.conftest import make_segment, make_template

Status = Campaign.Status
RELEASED = (Status.APPROVED, Status.SCHEDULED, Status.SENDING, Status.PAUSED, Status.FINISHED)
WHEN = {"on": "2099-01-01", "time": "09:00", "zone": "UTC"}
VERBS = ["submit", "withdraw", "approve", "reject", "schedule", "unschedule", "launch", "pause", "resume", "cancel"]
PEOPLE = ["marketer", "approver", "administrator", "boss", "stranger"]
DOORS = ["console", "api"]
OTHER = ["edit", "change rules", "change sender", "duplicate", "bulk", "start due", "finish"]

# A legal beginning, so that not every attempt dies in the first status.
_LEGAL = [
    ("submit", "marketer", "api"),
    ("approve", "approver", "console"),
    ("schedule", "marketer", "console"),
    ("unschedule", "approver", "api"),
    ("launch", "administrator", "api"),
    ("pause", "approver", "console"),
]
beginnings = st.integers(0, len(_LEGAL)).map(lambda length: _LEGAL[:length])
steps = st.one_of(
    st.tuples(st.sampled_from(VERBS), st.sampled_from(PEOPLE), st.sampled_from(DOORS)),
    st.tuples(st.sampled_from(["submit", "approve", "launch"]), st.sampled_from(PEOPLE), st.sampled_from(DOORS)),
    st.tuples(st.sampled_from(OTHER), st.sampled_from(PEOPLE), st.just("")),
)


class AnyoneTriesAnything(TestCase):
    def setUp(self) -> None:
        roles = {"marketer": "Marketer", "approver": "Approver", "administrator": "Administrator", "stranger": None}
        self.people = {name: self._person(name, role) for name, role in roles.items()}
        self.people["boss"] = User.objects.create(username="boss", is_staff=True, is_superuser=True)
        self.consoles = {name: self._console(person) for name, person in self.people.items()}
        self.apis = {name: self._api(person) for name, person in self.people.items()}
        sender = Sender.objects.create(name="Shop", email="news@example.com")
        self.campaign = editing.create(by=self.people["administrator"], name="Any", sender=sender)
        self.campaign.segments.add(make_segment("All", [Contact.objects.create(email="a@example.com")]))
        Variant.objects.create(campaign=self.campaign, template=make_template("News"))

    @staticmethod
    def _person(name: str, role: str | None) -> User:
        person = User.objects.create(username=name, is_staff=True)  # no password: hashing five takes a second
        person.groups.set(Group.objects.filter(name=role))
        return person

    @staticmethod
    def _console(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    @staticmethod
    def _api(person: User) -> APIClient:
        client = APIClient()
        _, key = apikeys.issue(person, name="Any", scopes=list(apikeys.SCOPES))
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client

    @settings(max_examples=20, deadline=None)
    @given(beginnings, st.lists(steps, min_size=3, max_size=10))
    def test_nothing_is_released_by_its_own_people(self, legal, tried):
        for what, who, door in [*legal, *tried]:
            before = Campaign.objects.get(pk=self.campaign.pk).status
            self._try(what, who, door)
            self._look(before)

    def _try(self, what: str, who: str, door: str) -> None:
        if door == "console":
            path = reverse("admin:campaigns_campaign_act", args=[self.campaign.pk, what])
            answer = self.consoles[who].post(path, {"comment": "c", **WHEN})
            assert answer.status_code in (302, 403, 409)
        elif door == "api":
            body = {"reject": {"comment": "c"}, "schedule": WHEN}.get(what, {})
            answer = self.apis[who].post(f"/api/campaigns/{self.campaign.uuid}/{what}", body)
            assert answer.status_code in (200, 403, 409)
        else:
            self._other(what, self.people[who])

    def _other(self, what: str, person: User) -> None:
        campaign = Campaign.objects.get(pk=self.campaign.pk)
        number = campaign.edits.count()
        calls: dict[str, Callable[[], object]] = {
            "edit": lambda: editing.change(campaign, by=person, name=f"Any {number}"),
            "change rules": lambda: Segment.objects.update(rules={"any": [], "n": number}),
            "change sender": lambda: Sender.objects.update(name=f"Shop {number}"),
            "duplicate": lambda: self._is_plain(keeping.duplicate(campaign, by=person)),
            "bulk": lambda: bulk.answers("resume", [campaign.uuid], by=person, given={}),
            "start due": lifecycle.start_due,
            "finish": lambda: lifecycle.finish(campaign),
        }
        try:
            calls[what]()
        except Refused:
            return

    @staticmethod
    def _is_plain(copy: Campaign) -> None:
        assert copy.status == Status.DRAFT
        assert not copy.approvals.exists()

    def _look(self, before: str) -> None:
        campaign = Campaign.objects.get(pk=self.campaign.pk)
        if campaign.status == before:
            return
        event(f"reached {campaign.status}")
        move = campaign.status_changes.first()
        assert (move.from_status, move.to_status) == (before, campaign.status)
        assert any(before in m.sources and m.target == campaign.status for m in lifecycle.MOVES.values())
        if campaign.status not in RELEASED:
            return
        granted = campaign.approvals.get(decision=Approval.Decision.APPROVED)
        own = {campaign.created_by_id, campaign.edited_by_id, granted.requested_by_id}
        assert granted.decided_by_id not in own
        assert granted.decided_by.has_perm("campaigns.approve_campaign")
        if campaign.status == Status.SENDING and before == Status.APPROVED:
            assert approval.changes(granted, campaign) == []
