"""The console's pages of campaigns: who sees which buttons, what refusals look like, and that nothing is lost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import lifecycle
from campaigns.models import Campaign, Comment, Sender
from team.models import User
from tests.campaigns.conftest import make_template
from tests.campaigns.test_lifecycle import reach_status
from tests.conftest import make_user

Status = Campaign.Status


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(name: str, *args: object) -> str:
    return reverse(f"admin:campaigns_campaign_{name}", args=args)


def fields(campaign: Campaign | None = None, **changes: object) -> dict[str, object]:
    """What the form posts for `campaign`, with `changes`."""
    values: dict[str, object] = {
        "name": "New one", "purpose": "marketing", "channel": "email", "when": "on_launch", "tracks_opens": "on",
        "variants-TOTAL_FORMS": "1", "variants-INITIAL_FORMS": "0", "variants-0-template": "", "variants-0-weight": "1",
    }  # fmt: skip
    if campaign is not None:
        values |= {
            "name": campaign.name,
            "sender": campaign.sender_id,
            "segments": [segment.pk for segment in campaign.segments.all()],
            "variants-0-template": campaign.variants.get().template_id,
            "tracks_clicks": "on",
            "seen": campaign.updated_at.isoformat(),
        }
    return values | changes


def test_a_marketer_makes_a_campaign_with_the_form(editor, segment, template, sender):
    client = signed_in(editor)
    assert "Example Shop" in client.get(page("add")).content.decode()
    posted = fields(
        segments=[segment.pk], sender=sender.pk, tags="spring, launch, spring", description="For the launch",
        **{"variants-0-template": template.pk},
    )  # fmt: skip
    answer = client.post(page("add"), posted)
    campaign = Campaign.objects.get()
    assert answer.url == page("change", campaign.pk)
    assert (campaign.created_by, campaign.tags, campaign.tracks_clicks) == (editor, ["spring", "launch"], False)
    assert campaign.variants.get().template == template


def test_two_variants_get_their_keys_and_shares(editor, template):
    other = make_template("Other")
    posted = fields(**{
        "variants-TOTAL_FORMS": "3", "variants-0-template": template.pk, "variants-1-template": other.pk,
        "variants-1-weight": "3", "variants-2-template": template.pk, "variants-2-DELETE": "on",
    })  # fmt: skip
    signed_in(editor).post(page("add"), posted)
    variants = Campaign.objects.get().variants.values_list("key", "template__name", "weight")
    assert list(variants) == [("A", "Spring news", 1), ("B", "Other", 3)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "This field is required"),
        ({"when": "planned", "send_zone": "Europe/Berlin"}, "Choose a date"),
        ({"when": "planned", "send_on": "2001-01-01", "send_time": "09:00", "send_zone": "UTC"}, "has passed"),
        ({"when": "planned", "send_on": "2099-01-01", "send_time": "09:00", "send_zone": "Mars"}, "valid choice"),
        ({"segments": ["999999"]}, "not one of the available"),
        ({"variants-0-template": "999999"}, "not one of the available"),
        ({"variants-0-weight": "0"}, "greater than or equal to 1"),
        ({"tags": "x" * 61}, "at most 60"),
    ],
)
def test_a_form_with_errors_says_which_and_keeps_what_was_written(changes, message, editor):
    answer = signed_in(editor).post(page("add"), fields(**{"description": "Keep me", **changes}))
    text = answer.content.decode()
    assert answer.status_code == 422
    assert message in text
    assert "Keep me" in text
    assert not Campaign.objects.exists()


def test_a_colleagues_save_in_between_is_not_overwritten(editor, campaign):
    eve = make_user("eve", "Marketer")
    mine, theirs = fields(campaign, name="Mine"), fields(campaign, name="Theirs")
    assert signed_in(eve).post(page("edit", campaign.pk), theirs).status_code == 302
    answer = signed_in(editor).post(page("edit", campaign.pk), mine)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "eve changed “Theirs”" in text
    assert 'value="Mine"' in text
    campaign.refresh_from_db()
    assert campaign.name == "Theirs"


def test_saving_a_change_of_an_approved_campaign_makes_it_a_draft(editor, approved):
    client = signed_in(editor)
    assert "voids the approval" in client.get(page("edit", approved.pk)).content.decode()
    answer = client.post(page("edit", approved.pk), fields(approved, name="Other"), follow=True)
    assert "draft again" in answer.content.decode()
    approved.refresh_from_db()
    assert approved.status == Status.DRAFT


def test_saving_without_a_change_keeps_the_approval(editor, approved):
    signed_in(editor).post(page("edit", approved.pk), fields(approved))
    approved.refresh_from_db()
    assert approved.status == Status.APPROVED


def test_one_that_is_sending_has_no_form(editor, approved):
    lifecycle.launch(approved, by=editor)
    client = signed_in(editor)
    assert client.get(page("edit", approved.pk)).status_code == 302
    assert client.post(page("edit", approved.pk), fields(approved, name="Other")).status_code == 302
    approved.refresh_from_db()
    assert approved.name == "Spring"


# --- buttons

OFFERED = {
    Status.DRAFT: ({"submit", "duplicate", "archive", "delete"}, {"archive"}),
    Status.IN_REVIEW: ({"withdraw", "duplicate"}, {"approve", "reject"}),
    Status.REJECTED: ({"submit", "duplicate", "archive", "delete"}, {"archive"}),
    Status.APPROVED: (
        {"launch", "schedule", "withdraw", "cancel", "duplicate", "archive", "delete"},
        {"launch", "schedule", "cancel", "archive"},
    ),
    Status.SCHEDULED: ({"unschedule", "cancel", "duplicate"}, {"unschedule", "cancel"}),
    Status.SENDING: ({"pause", "cancel", "duplicate"}, {"pause", "cancel"}),
    Status.PAUSED: ({"resume", "cancel", "duplicate"}, {"resume", "cancel"}),
    Status.FINISHED: ({"duplicate", "archive", "delete"}, {"archive"}),
    Status.CANCELLED: ({"duplicate", "archive", "delete"}, {"archive"}),
}


@pytest.mark.parametrize("status", Status.values)
def test_each_person_is_offered_what_they_may_do_now(status, campaign, editor, approver):
    reach_status(campaign, status, editor, approver)
    for person, verbs in zip((editor, approver), OFFERED[Status(status)], strict=True):
        answer = signed_in(person).get(page("change", campaign.pk))
        assert {button.verb for button in answer.context["buttons"]} == verbs


def test_every_button_does_what_it_says(campaign, editor, approver):
    marketer, approving = signed_in(editor), signed_in(approver)

    def press(client: Client, verb: str, **given: object) -> str:
        assert client.post(page("act", campaign.pk, verb), given).status_code == 302
        campaign.refresh_from_db()
        return campaign.status

    assert press(marketer, "submit", comment="Please") == Status.IN_REVIEW
    assert press(approving, "reject", comment="Typo") == Status.REJECTED
    assert press(marketer, "submit") == Status.IN_REVIEW
    seen = campaign.approvals.first().content_hash
    assert press(approving, "approve", seen=seen, back="approvals") == Status.APPROVED
    assert press(marketer, "schedule", on="2099-01-01", time="09:00", zone="Europe/Berlin") == Status.SCHEDULED
    assert press(marketer, "unschedule") == Status.APPROVED
    assert press(marketer, "launch") == Status.SENDING
    assert press(approving, "pause", comment="Wait") == Status.PAUSED
    assert press(marketer, "resume") == Status.SENDING
    assert press(marketer, "cancel") == Status.CANCELLED
    assert press(marketer, "archive") == Status.CANCELLED
    assert press(marketer, "restore") == Status.CANCELLED
    assert press(marketer, "delete") == Status.CANCELLED
    assert campaign.deleted_at is not None


def test_a_get_changes_nothing(campaign, editor):
    client = signed_in(editor)
    assert client.get(page("act", campaign.pk, "submit")).status_code == 405
    assert client.get(page("comment", campaign.pk)).status_code == 405
    campaign.refresh_from_db()
    assert campaign.status == Status.DRAFT


def test_a_post_without_the_csrf_token_is_refused(campaign, editor):
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor)
    assert client.post(page("act", campaign.pk, "submit")).status_code == 403
    assert client.post(page("edit", campaign.pk), fields(campaign)).status_code == 403


def test_a_refusal_opens_the_dialog_again_with_what_was_written(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor)
    Campaign.objects.filter(pk=campaign.pk).update(name="Changed behind its back")
    answer = signed_in(approver).post(page("act", campaign.pk, "approve"), {"comment": "Well done all of you"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "its name changed" in text
    assert "Well done all of you" in text
    assert "data-open>" in text


def test_scheduling_without_a_date_says_so(approved, editor):
    answer = signed_in(editor).post(page("act", approved.pk, "schedule"), {"time": "09:00", "zone": "UTC"})
    assert answer.status_code == 409
    assert "Choose a date" in answer.content.decode()


def test_launching_twice_by_a_double_click_is_one_start(approved, editor):
    client = signed_in(editor)
    assert client.post(page("act", approved.pk, "launch")).status_code == 302
    again = client.post(page("act", approved.pk, "launch"))
    assert again.status_code == 409
    assert "sending" in again.content.decode()
    assert approved.status_changes.filter(to_status=Status.SENDING).count() == 1


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_nobody_decides_on_their_own_in_the_console(verb, campaign):
    boss = User.objects.create_superuser("boss", "boss@example.com", "boss-secret-1")
    Campaign.objects.filter(pk=campaign.pk).update(created_by=boss, edited_by=boss)
    lifecycle.submit(campaign, by=boss)
    client = signed_in(boss)
    shown = client.get(page("change", campaign.pk))
    assert verb not in {button.verb for button in shown.context["buttons"]}
    assert "Someone else must decide" in shown.content.decode()
    assert client.post(page("act", campaign.pk, verb), {"comment": "x"}).status_code == 409
    campaign.refresh_from_db()
    assert campaign.status == Status.IN_REVIEW


def test_a_stranger_sees_and_does_nothing(campaign, stranger):
    client = signed_in(stranger)
    for name, args in (
        ("changelist", []), ("add", []), ("approvals", []), ("audience", []), ("change", [campaign.pk]),
        ("edit", [campaign.pk]), ("checks", [campaign.pk]), ("preview", [campaign.pk, "A"]),
    ):  # fmt: skip
        assert client.get(page(name, *args)).status_code == 403, name
    for verb in ("submit", "approve", "launch", "delete", "duplicate"):
        assert client.post(page("act", campaign.pk, verb)).status_code == 403
    assert client.post(page("comment", campaign.pk), {"body": "x"}).status_code == 403


def test_an_approver_cannot_create(approver):
    client = signed_in(approver)
    assert client.get(page("add")).status_code == 403
    assert client.post(page("add"), fields()).status_code == 403


def test_someone_without_a_session_is_sent_to_sign_in(campaign):
    assert "login" in Client().get(page("change", campaign.pk)).url


@pytest.mark.parametrize("verb", ["nonsense", "start", "finish", "miss", "stop", "edit"])
def test_only_people_s_verbs_have_an_address(verb, approved, editor):
    assert signed_in(editor).post(page("act", approved.pk, verb)).status_code == 404


# --- approvals, checks, preview, comments


def test_the_approvals_page_shows_what_waits_and_offers_it_to_those_who_may(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor, comment="It should go out this week.")
    theirs = signed_in(approver).get(page("approvals"))
    assert [row["campaign"] for row in theirs.context["waiting"]] == [campaign]
    assert [button.verb for button in theirs.context["waiting"][0]["buttons"]] == ["approve", "reject"]
    mine = signed_in(editor).get(page("approvals"))
    assert mine.context["waiting"][0]["buttons"] == []


def test_the_sidebar_counts_what_waits_for_this_person(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor)
    request = signed_in(approver).get(page("approvals")).wsgi_request
    from_page = signed_in(approver).get(page("changelist")).content.decode()
    assert request.user == approver
    assert "Approvals" in from_page


def test_the_page_says_when_it_is_no_longer_what_was_approved(approved, editor, segment):
    segment.rules = {"any": []}
    segment.save()
    text = signed_in(editor).get(page("change", approved.pk)).content.decode()
    assert "Not what was approved any more" in text
    assert "the audience" in text


def test_a_big_audience_is_counted_after_the_page(campaign, editor, segment):
    segment.size = 200_000
    segment.save()
    client = signed_in(editor)
    assert "data-load" in client.get(page("change", campaign.pk)).content.decode()
    assert "5 of 5 people can get it" in client.get(page("checks", campaign.pk)).content.decode()


def test_the_form_counts_the_audience_live(editor, segment):
    client = signed_in(editor)
    assert client.get(page("audience"), {"segments": segment.pk}).json() == {"count": 5}
    both = {"segments": segment.pk, "excluded_segments": segment.pk}
    assert client.get(page("audience"), both).json() == {"count": 0}
    bad = {"segments": ["x", "-1", "9" * 30, "1); DROP TABLE team_user; --"]}
    assert client.get(page("audience"), bad).json() == {"count": 0}


def test_a_preview_may_run_and_load_nothing(campaign, editor):
    template = make_template(
        "Nasty", compiled_html="<script>alert(1)</script><b>Hello</b>", source="{{ unsubscribe_url }}"
    )
    campaign.variants.update(template=template)
    answer = signed_in(editor).get(page("preview", campaign.pk, "A"))
    assert "<b>Hello</b>" in answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy


def test_what_people_write_is_escaped_everywhere(campaign, editor, approver):
    nasty = "<script>alert(1)</script>"
    Campaign.objects.filter(pk=campaign.pk).update(name=nasty, description=nasty, tags=[nasty])
    Comment.objects.create(campaign=campaign, author=editor, body=nasty)
    lifecycle.submit(campaign, by=editor, comment=nasty)
    for address in (page("change", campaign.pk), page("changelist"), page("approvals"), page("edit", campaign.pk)):
        text = signed_in(approver).get(address).content.decode()
        assert nasty not in text, address
        assert "&lt;script&gt;" in text, address


def test_comments_answer_and_tell_and_come_back_when_refused(campaign, editor, approver):
    client = signed_in(editor)
    client.post(page("comment", campaign.pk), {"body": "Please look, @ben."})
    said = Comment.objects.get()
    answer = signed_in(approver).post(page("comment", campaign.pk), {"body": "Done", "parent": said.pk})
    assert answer.url.endswith(f"#comment-{said.replies.get().pk}")
    refused = client.post(page("comment", campaign.pk), {"body": "x" * 5001})
    assert refused.status_code == 409
    assert "x" * 5001 in refused.content.decode()


# --- the list


def test_the_list_has_a_tab_for_each_status(editor, approver, new_campaign):
    for status in Status.values:
        reach_status(new_campaign(f"Is {status}"), status, editor, approver)
    away = new_campaign("Is archived")
    lifecycle.archive(away, by=editor)
    client = signed_in(editor)
    shown = {
        tab: {row.name for row in client.get(page("changelist"), {"tab": tab} if tab else {}).context["cl"].result_list}
        for tab in ("", "draft", "review", "scheduled", "sending", "finished", "archived", "deleted")
    }
    assert len(shown[""]) == 9
    assert shown["draft"] == {"Is draft", "Is rejected"}
    assert shown["scheduled"] == {"Is approved", "Is scheduled"}
    assert shown["sending"] == {"Is sending", "Is paused"}
    assert shown["finished"] == {"Is finished", "Is cancelled"}
    assert shown["archived"] == {"Is archived"}
    assert shown["deleted"] == set()


def test_the_list_costs_the_same_queries_however_long_it_is(editor, new_campaign):
    client = signed_in(editor)
    new_campaign()
    client.get(page("changelist"))
    with CaptureQueriesContext(connection) as few:
        client.get(page("changelist"))
    for number in range(30):
        new_campaign(f"More {number}")
    with CaptureQueriesContext(connection) as many:
        client.get(page("changelist"))
    assert len(many) <= len(few) <= 20


def test_an_empty_list_offers_to_make_one(editor):
    text = signed_in(editor).get(page("changelist")).content.decode()
    assert "No campaigns yet" in text
    assert page("add") in text


def test_the_list_is_searched_and_never_breaks_on_odd_input(editor, new_campaign):
    new_campaign("Spring", tags=["vip"])
    client = signed_in(editor)
    assert len(client.get(page("changelist"), {"q": "spr"}).context["cl"].result_list) == 1
    assert len(client.get(page("changelist"), {"q": "vip"}).context["cl"].result_list) == 1
    for odd in ("%", "' OR 1=1 --", "\\", "x" * 5000):
        assert client.get(page("changelist"), {"q": odd}).status_code == 200
    assert client.get(page("changelist"), {"tab": "nonsense"}).status_code == 200


def test_bulk_in_the_list_obeys_the_same_rules(editor, approver, new_campaign):
    sending, draft = new_campaign("A"), new_campaign("B")
    reach_status(sending, Status.SENDING, editor, approver)
    client = signed_in(editor)
    both = {"_selected_action": [sending.pk, draft.pk]}
    text = client.post(page("changelist"), {"action": "pause_selected", **both}, follow=True).content.decode()
    assert "1 campaign paused." in text
    assert "its status must be sending" in text
    client.post(page("changelist"), {"action": "delete_campaigns", **both})
    assert Campaign.objects.filter(deleted_at=None).get() == sending
    assert Campaign.objects.count() == 2  # nothing is ever erased from the list
    refused = client.post(page("changelist"), {"action": "delete_selected", **both, "post": "yes"})
    assert refused.status_code in (200, 302)
    assert Campaign.objects.count() == 2


def test_a_forged_status_in_the_form_changes_nothing(campaign, editor):
    posted = fields(campaign, status="approved", created_by=999, approved_by=1, planned_at=str(timezone.now()))
    signed_in(editor).post(page("edit", campaign.pk), posted)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.created_by, campaign.planned_at) == (Status.DRAFT, editor, None)


def test_a_missed_start_is_shown(approved, editor):
    moment = timezone.now() + timedelta(hours=1)
    lifecycle.schedule(approved, by=editor, on=moment.date(), time=moment.time(), zone="UTC")
    Campaign.objects.filter(pk=approved.pk).update(planned_at=timezone.now() - timedelta(hours=7))
    lifecycle.start_due()
    text = signed_in(editor).get(page("change", approved.pk)).content.decode()
    assert "Its start was missed" in text
    assert "Start missed" in text


# --- senders


def test_making_a_sender_the_default_replaces_the_old_one(sender):
    client = signed_in(make_user("dan", "Administrator"))
    posted = {"name": "Second", "email": "second@example.com", "uses_by_default": "on"}
    answer = client.post(reverse("admin:campaigns_sender_add"), posted)
    assert answer.status_code == 302, answer.context["errors"]
    assert Sender.objects.get(is_default=True).name == "Second"


def test_an_internationalised_domain_is_kept_as_mail_can_carry_it(db):
    client = signed_in(make_user("dan", "Administrator"))
    posted = {"name": "Bücher", "email": "news@bücher.example", "reply_to": "hallo@bücher.example"}
    assert client.post(reverse("admin:campaigns_sender_add"), posted).status_code == 302
    sender = Sender.objects.get()
    assert (sender.email, sender.reply_to) == ("news@xn--bcher-kva.example", "hallo@xn--bcher-kva.example")


def test_only_administrators_change_senders(editor, sender):
    assert signed_in(editor).get(reverse("admin:campaigns_sender_add")).status_code == 403
    shown = signed_in(editor).get(reverse("admin:campaigns_sender_change", args=[sender.pk]))
    assert shown.status_code == 200
