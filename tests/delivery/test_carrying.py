"""What campaigns learn of their messages through the hook that delivery registers with: counters, and a test."""

import pytest
from rest_framework.test import APIClient

from campaigns import carriers, members
from campaigns.models import Campaign
from contacts import consent, suppression
from contacts.models import Contact
from core.errors import Refused
from delivery import outbox
from delivery.models import Message, Run
from segments import membership
from team.models import User
from tests.campaigns.test_api import client_of, url
from tests.campaigns.test_console import page, signed_in
from tests.conftest import make_user
from tests.delivery.conftest import Provider, make_account, make_campaign, make_people, plan, states


@pytest.fixture
def campaign(editor: User) -> Campaign:
    people = make_people(4)
    suppression.suppress(people[0].email, reason="manual")
    return make_campaign(editor)


@pytest.fixture
def api(editor: User) -> APIClient:
    return client_of(editor)


def counters(api: APIClient, campaign: Campaign) -> dict[str, int]:
    return {key: count for key, count in api.get(url(campaign)).json()["counters"].items() if count}


def test_a_campaign_that_has_not_gone_out_has_no_counters(api: APIClient, campaign: Campaign) -> None:
    assert api.get(url(campaign)).json()["counters"] == {}


def test_counters_tell_what_became_of_everyone_and_add_up(api: APIClient, campaign: Campaign) -> None:
    plan(campaign)
    first, *_ = Message.objects.filter(state="planned")
    Message.objects.filter(pk=first.pk).update(state="failed", reason="bounced")
    assert counters(api, campaign) == {"planned": 4, "waiting": 2, "failed": 1, "skipped": 1}
    whole = carriers.counts(campaign)
    assert whole.pop("planned") == sum(whole.values())


def test_a_run_that_is_over_is_not_counted_again(campaign: Campaign, django_assert_num_queries: object) -> None:
    run = plan(campaign)
    Message.objects.filter(state="planned").update(state="sent")
    outbox.close_if_quiet(run)
    with django_assert_num_queries(1):
        assert carriers.counts(campaign)["sent"] == 3
    assert Run.objects.get().final_counts == {"sent|": 3, "skipped|suppressed": 1}


def test_a_preview_goes_to_contacts_as_a_test(api: APIClient, campaign: Campaign, provider: Provider) -> None:
    make_account(provider)
    body = {
        "contact": "person1@example.com",
        "send_to": ["PERSON1@example.com", "person0@example.com", "x@example.com"],
    }
    answer = api.post(url(campaign, "preview"), body).json()
    assert answer["subject"] == "Hi Given1"
    assert [test["sent"] for test in answer["tests"]] == [True, False, False]
    assert provider.recipients() == ["person1@example.com"]
    assert api.post(url(campaign, "preview"), {}).json()["tests"] == []


def test_a_test_shows_the_campaign_s_own_name_and_sender(campaign: Campaign, editor: User, provider: Provider) -> None:
    make_account(provider)
    template = campaign.variants.get().template
    html = "<p>{{ campaign.name }} by {{ sender.name }} <a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>"
    other = make_campaign(editor, name="Summer", html=html)
    carriers.send_test(other.variants.get(), to=make_people(1, prefix="new")[0], by=editor)
    assert b"Summer by News" in provider.bodies()[0]
    assert template.variants.count() == 1


def test_a_test_needs_the_scope_the_role_and_a_part_in_the_campaign(
    campaign: Campaign, editor: User, approver: User, stranger: User, provider: Provider
) -> None:
    make_account(provider)
    body = {"send_to": ["person1@example.com"]}
    assert client_of(editor, "campaigns:read").post(url(campaign, "preview"), body).status_code == 403
    assert (
        client_of(editor, "campaigns:read", "campaigns:write").post(url(campaign, "preview"), body).status_code == 403
    )
    assert client_of(stranger).post(url(campaign, "preview"), body).status_code == 403
    members.choose(campaign, by=editor, editors=[], viewers=[approver])
    assert client_of(approver).post(url(campaign, "preview"), body).status_code == 403
    assert provider.recipients() == []


def test_a_variant_without_a_published_template_can_t_be_tried(campaign: Campaign, editor: User) -> None:
    variant = campaign.variants.get()
    variant.version = None
    variant.template.current_version = None
    with pytest.raises(Refused, match="not published"):
        carriers.send_test(variant, to=make_people(1, prefix="new")[0], by=editor)


# --- console


def test_the_campaign_s_page_sends_a_test(campaign: Campaign, editor: User, provider: Provider) -> None:
    make_account(provider)
    client = signed_in(editor)
    assert "Send test" in client.get(page("change", campaign.pk)).content.decode()
    answer = client.post(page("test", campaign.pk, "A"), {"to": "Person1@Example.com"}, follow=True)
    assert "Test sent to person1@example.com" in answer.content.decode()
    assert provider.recipients() == ["person1@example.com"]


@pytest.mark.parametrize(
    ("to", "says"), [("", "Say who"), ("nonsense", "no email"), ("\x00", "no email"), ("x@example.com", "No contact")]
)
def test_a_test_to_nobody_says_so_and_keeps_what_was_written(
    campaign: Campaign, editor: User, to: str, says: str
) -> None:
    answer = signed_in(editor).post(page("test", campaign.pk, "A"), {"to": to})
    assert answer.status_code == 409
    assert says in answer.content.decode()


def test_who_may_not_change_the_campaign_is_offered_no_test(campaign: Campaign, editor: User) -> None:
    eve = make_user("eve", "Marketer")
    members.choose(campaign, by=editor, editors=[], viewers=[eve])
    client = signed_in(eve)
    assert "Send test" not in client.get(page("change", campaign.pk)).content.decode()
    assert client.post(page("test", campaign.pk, "A"), {"to": "person1@example.com"}).status_code == 409
    assert client.get(page("test", campaign.pk, "A")).status_code == 405


def test_what_is_foreseen_for_an_audience_is_what_planning_decides(api: APIClient, campaign: Campaign) -> None:
    _, without_address, without_consent, _ = Contact.objects.order_by("pk")
    Contact.objects.filter(pk=without_address.pk).update(email=None)
    consent.withdraw(without_consent, source="form")
    for segment in campaign.segments.all():
        membership.refresh(segment)
    foreseen = api.post(url(campaign, "validate")).json()["reach"]
    assert foreseen == {"total": 4, "reachable": 1, "left_out": {"suppressed": 1, "no_address": 1, "no_consent": 1}}
    run = plan(campaign)
    skipped = {f"skipped:{reason}": count for reason, count in foreseen["left_out"].items()}
    assert states(run) == {"planned": foreseen["reachable"], **skipped}
    assert run.audience_count == foreseen["total"]
