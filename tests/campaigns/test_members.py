"""Who works on a campaign: owner, editors and viewers, and that every door asks the same question."""

import pytest

from campaigns import editing, keeping, lifecycle, members
from campaigns.models import Campaign, CampaignMember
from core.errors import Refused
from team.models import Notice, User
from tests.campaigns.test_api import client_of, url
from tests.campaigns.test_console import fields, page, signed_in
from tests.conftest import make_user

WORK = ["edit", "submit", "withdraw"]


@pytest.fixture
def colleague(db):
    return make_user("eve", "Marketer")


@pytest.fixture
def administrator(db):
    return make_user("dan", "Administrator")


def parts(campaign: Campaign) -> tuple[str, list[str], list[str]]:
    people = members.of(campaign)
    named = [[person.username for person in group] for group in (people.editors, people.viewers)]
    return people.owner.username if people.owner else "", *named


def refused(campaign: Campaign, verb: str, by: User) -> str:
    found = lifecycle.refusal(campaign, verb, by=by)
    return found.code if found else ""


def test_without_editors_everyone_whose_role_allows_works_on_it(campaign, editor, colleague):
    assert parts(campaign) == ("ada", [], [])
    assert refused(campaign, "edit", colleague) == refused(campaign, "submit", colleague) == ""


def test_with_editors_only_they_the_owner_and_administrators_do(campaign, editor, colleague, administrator):
    eva = make_user("eva", "Marketer")
    members.choose(campaign, by=editor, editors=[eva], viewers=[])
    for person in (editor, eva, administrator):
        assert refused(campaign, "edit", person) == refused(campaign, "submit", person) == ""
    assert refused(campaign, "edit", colleague) == refused(campaign, "submit", colleague) == "not_a_member"


def test_a_viewer_only_looks_and_comments_even_where_there_are_no_editors(campaign, editor, colleague):
    members.choose(campaign, by=editor, editors=[], viewers=[colleague])
    assert lifecycle.verbs(campaign, colleague) == []
    assert keeping.verbs(campaign, colleague) == ["duplicate"]
    assert refused(campaign, "edit", editor) == ""


def test_being_an_editor_gives_nobody_a_right_that_their_role_lacks(campaign, editor, stranger):
    members.choose(campaign, by=editor, editors=[stranger], viewers=[])
    assert refused(campaign, "edit", stranger) == "not_allowed"


def test_approval_is_not_a_matter_of_membership(campaign, editor, approver, colleague):
    members.choose(campaign, by=editor, editors=[colleague], viewers=[approver])
    lifecycle.submit(campaign, by=colleague)
    lifecycle.approve(campaign, by=approver)
    assert campaign.status == Campaign.Status.APPROVED


def test_an_owner_or_editor_still_never_approves_their_own_work(campaign, editor, administrator):
    members.choose(campaign, by=editor, owner=administrator, editors=[], viewers=[])
    lifecycle.submit(campaign, by=administrator)
    with pytest.raises(Refused, match="you asked for the approval"):
        lifecycle.approve(campaign, by=administrator)


def test_every_door_asks_the_same_question(campaign, editor, colleague):
    members.choose(campaign, by=editor, editors=[editor, make_user("eva", "Marketer")], viewers=[])
    doors = [
        lambda: lifecycle.submit(campaign, by=colleague),
        lambda: editing.change(campaign, by=colleague, name="Mine"),
        lambda: editing.tag(campaign, by=colleague, tags=["mine"]),
        lambda: keeping.archive(campaign, by=colleague),
        lambda: keeping.delete(campaign, by=colleague),
    ]
    for door in doors:
        with pytest.raises(Refused, match="Only its owner and editors work on “Spring”. Ask its owner, ada."):
            door()
    campaign.refresh_from_db()
    assert (campaign.name, campaign.tags, campaign.archived_at, campaign.deleted_at) == ("Spring", [], None, None)


def test_ownership_can_be_handed_over_and_the_creator_is_then_one_of_many(campaign, editor, colleague):
    members.choose(campaign, by=editor, owner=colleague, editors=[make_user("eva", "Marketer")], viewers=[])
    assert parts(campaign) == ("eve", ["eva"], [])
    assert refused(campaign, "edit", editor) == "not_a_member"
    members.choose(campaign, by=colleague, owner=editor, editors=[], viewers=[])
    assert parts(campaign) == ("ada", [], [])
    assert not CampaignMember.objects.exists()


def test_only_the_owner_and_administrators_choose(campaign, editor, colleague, administrator, stranger):
    members.choose(campaign, by=administrator, editors=[colleague], viewers=[])
    for person, code in ((colleague, "not_the_owner"), (stranger, "not_allowed")):
        with pytest.raises(Refused) as caught:
            members.choose(campaign, by=person, editors=[], viewers=[])
        assert caught.value.code == code
    assert parts(campaign) == ("ada", ["eve"], [])


def test_a_campaign_whose_creator_left_is_not_stranded(campaign, colleague, administrator):
    Campaign.objects.filter(pk=campaign.pk).update(created_by=None)
    campaign.refresh_from_db()
    with pytest.raises(Refused, match="Ask an administrator"):
        members.choose(campaign, by=colleague, editors=[], viewers=[])
    members.choose(campaign, by=administrator, owner=colleague, editors=[], viewers=[])
    assert parts(campaign) == ("eve", [], [])


def test_nobody_has_two_parts_and_everyone_can_sign_in(campaign, editor, colleague):
    with pytest.raises(Refused, match="editor and a viewer"):
        members.choose(campaign, by=editor, editors=[colleague], viewers=[colleague])
    gone = make_user("gus", "Marketer")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    gone.refresh_from_db()
    with pytest.raises(Refused, match="can't sign in"):
        members.choose(campaign, by=editor, editors=[gone], viewers=[])
    members.choose(campaign, by=editor, editors=[editor, colleague, colleague], viewers=[editor])
    assert parts(campaign) == ("ada", ["eve"], [])


def test_choosing_is_in_the_history_tells_people_and_voids_no_approval(approved, editor, colleague):
    members.choose(approved, by=editor, editors=[colleague], viewers=[])
    assert approved.status == Campaign.Status.APPROVED
    assert approved.edits.get().changes == [{"field": "Editors", "before": "", "after": "eve"}]
    assert Notice.objects.get(user=colleague).text == "ada made you an editor of “Spring”."
    members.choose(approved, by=editor, editors=[colleague], viewers=[])
    assert approved.edits.count() == Notice.objects.filter(user=colleague).count() == 1


# --- API


def test_people_are_read_and_set_over_the_api(campaign, editor, colleague):
    api = client_of(editor)
    answer = api.put(url(campaign, "members"), {"editors": ["eve"]})
    assert answer.status_code == 200, answer.json()
    assert answer.json() == api.get(url(campaign, "members")).json()
    assert answer.json()["owner"]["username"] == "ada"
    assert [person["username"] for person in answer.json()["editors"]] == ["eve"]
    assert answer.json()["is_restricted"]
    assert not api.put(url(campaign, "members"), {}).json()["is_restricted"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"editors": ["nobody"]}, "editors"),
        ({"viewers": "eve"}, "viewers"),
        ({"owner": None}, "owner"),
        ({"owner": {"a": 1}}, "owner"),
        ({"admins": ["eve"]}, "admins"),
        ({"editors": ["\x00"]}, "editors"),
    ],
)
def test_a_wrong_body_is_refused_naming_the_field(body, field, campaign, editor, colleague):
    answer = client_of(editor).put(url(campaign, "members"), body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_the_api_answers_403_to_those_who_have_no_part(campaign, editor, colleague):
    client_of(editor).put(url(campaign, "members"), {"editors": ["ada"], "viewers": ["eve"]})
    api = client_of(colleague)
    answers = [
        api.patch(url(campaign), {"name": "Mine"}),
        api.post(url(campaign, "submit")),
        api.put(url(campaign, "members"), {}),
        api.post(url(campaign, "archive")),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert {answer.json()["code"] for answer in answers} == {"viewer_only", "not_the_owner"}
    assert api.post(url(campaign, "comments"), {"body": "Looks good"}).status_code == 201
    assert api.get(url(campaign)).status_code == 200


def test_a_key_needs_the_scope_to_choose(campaign, editor):
    api = client_of(editor, "campaigns:read")
    assert api.get(url(campaign, "members")).status_code == 200
    assert api.put(url(campaign, "members"), {}).status_code == 403


# --- console


def test_the_people_card_offers_the_choice_to_the_owner_alone(campaign, editor, colleague):
    client = signed_in(editor)
    assert "choose-people" in client.get(page("change", campaign.pk)).content.decode()
    posted = {f"part-{colleague.pk}": "viewer", f"part-{editor.pk}": "owner"}
    assert client.post(page("people", campaign.pk), posted).status_code == 302
    assert parts(campaign) == ("ada", [], ["eve"])
    text = signed_in(colleague).get(page("change", campaign.pk)).content.decode()
    assert "choose-people" not in text
    assert "Submit for approval" not in text
    assert signed_in(colleague).post(page("people", campaign.pk), {}).status_code == 409


def test_two_owners_are_refused_with_the_dialog_open(campaign, editor, colleague):
    posted = {f"part-{colleague.pk}": "owner", f"part-{editor.pk}": "owner"}
    answer = signed_in(editor).post(page("people", campaign.pk), posted)
    assert answer.status_code == 409
    assert "one owner" in answer.content.decode()


def test_who_has_no_part_is_led_from_the_form_back_to_the_page(campaign, editor, colleague):
    members.choose(campaign, by=editor, editors=[make_user("eva", "Marketer")], viewers=[])
    answer = signed_in(colleague).get(page("edit", campaign.pk), follow=True)
    assert "Only its owner and editors" in answer.content.decode()
    assert signed_in(colleague).post(page("edit", campaign.pk), fields(campaign, name="Mine")).status_code == 302
    campaign.refresh_from_db()
    assert campaign.name == "Spring"
