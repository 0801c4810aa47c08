"""Campaign templates: what is kept, what starts from one, who may, and that nothing else follows along."""

import uuid

import pytest
from django.urls import reverse

from campaigns import blueprints
from campaigns.editing import Wording
from campaigns.models import Campaign, CampaignTemplate
from core.errors import Refused
from segments import definition
from templates_app import publishing
from tests.campaigns.conftest import make_segment, make_template
from tests.campaigns.test_api import client_of, url
from tests.campaigns.test_console import fields, page, signed_in

ALL = "/api/campaign-templates"


@pytest.fixture
def kept(campaign, editor):
    return blueprints.keep(campaign, by=editor, name="Seasonal", niche="Fashion", category="Sale")


@pytest.fixture
def api(editor):
    return client_of(editor)


def test_a_kept_campaign_starts_new_ones_that_are_like_it(campaign, editor, people):
    other = make_template("Other")
    campaign.variants.create(key="B", template=other, weight=3)
    campaign.excluded_segments.add(make_segment("Staff", people[:1]))
    Campaign.objects.filter(pk=campaign.pk).update(tags=["spring"], tracks_opens=False, description="For spring")
    campaign.refresh_from_db()
    kept = blueprints.keep(campaign, by=editor, name="Seasonal")
    values = blueprints.values_of(kept)
    assert [(str(wording), wording.weight) for wording in values["variants"]] == [
        ("Spring news (1)", 1),
        ("Other (3)", 3),
    ]
    assert (values["tags"], values["tracks_opens"], values["description"]) == (["spring"], False, "For spring")
    assert [str(segment) for segment in values["excluded_segments"]] == ["Staff"]
    assert "send_on" not in values


def test_a_second_template_of_the_same_name_is_refused(kept, campaign, editor):
    with pytest.raises(Refused, match="already a campaign template called “Seasonal”"):
        blueprints.keep(campaign, by=editor, name="Seasonal")
    assert CampaignTemplate.objects.count() == 1


def test_what_a_template_uses_is_not_deleted_under_it(kept, campaign, segment, template, editor):
    campaign.segments.clear()
    campaign.variants.all().delete()
    with pytest.raises(Refused, match="the campaign template “Seasonal”"):
        definition.delete(segment)
    with pytest.raises(Refused, match="“Seasonal”"):
        publishing.delete(template)
    blueprints.delete(kept, by=editor)
    definition.delete(segment)
    publishing.delete(template)


def test_only_those_whose_role_allows_keep_change_or_delete_one(kept, campaign, approver, stranger):
    for person in (approver, stranger):
        with pytest.raises(Refused, match="Your role"):
            blueprints.keep(campaign, by=person, name="Mine")
        with pytest.raises(Refused, match="Your role"):
            blueprints.change(kept, by=person, name="Mine")
        with pytest.raises(Refused, match="Your role"):
            blueprints.delete(kept, by=person)


def test_more_variants_than_letters_are_refused_and_nothing_is_kept(editor, template):
    with pytest.raises(Refused, match="at most 26"):
        blueprints.create(by=editor, name="Many", variants=[Wording(template)] * 27)
    assert not CampaignTemplate.objects.exists()


# --- API


def test_a_campaign_is_kept_listed_and_started_from_over_the_api(api, campaign, editor):
    made = api.post(url(campaign, "save-as-template"), {"name": "Seasonal", "niche": "Fashion", "category": "Sale"})
    assert made.status_code == 201, made.json()
    assert made.json()["variants"][0]["template_name"] == "Spring news"
    started = api.post(
        "/api/campaigns/from-template", {"template": made.json()["id"], "name": "June", "tags": ["june"]}
    )
    assert started.status_code == 201, started.json()
    assert started["ETag"]
    body = started.json()
    assert (body["name"], body["status"], body["tags"]) == ("June", "draft", ["june"])
    assert body["segments"][0]["name"] == "Everyone"
    assert body["variants"][0]["template_name"] == "Spring news"
    assert body["created_by"]["username"] == editor.username


def test_without_a_name_both_take_the_name_of_what_they_come_from(api, campaign):
    made = api.post(url(campaign, "save-as-template"), {}).json()
    assert made["name"] == "Spring"
    assert api.post("/api/campaigns/from-template", {"template": made["id"]}).json()["name"] == "Spring"


def test_what_the_request_says_wins_over_the_template(api, kept, sender):
    other = make_template("Other")
    body = {"template": str(kept.uuid), "variants": [{"template": str(other.uuid)}], "sender": None, "segments": []}
    made = api.post("/api/campaigns/from-template", body).json()
    assert [row["template_name"] for row in made["variants"]] == ["Other"]
    assert (made["sender"], made["segments"]) == (None, [])


def test_the_same_idempotency_key_starts_one_campaign(api, kept):
    body, key = {"template": str(kept.uuid)}, {"Idempotency-Key": "k1"}
    first = api.post("/api/campaigns/from-template", body, headers=key)
    second = api.post("/api/campaigns/from-template", body, headers=key)
    assert first.json()["id"] == second.json()["id"]
    assert Campaign.objects.filter(name="Seasonal").count() == 1


@pytest.mark.parametrize("path", [ALL, "/api/campaigns/templates"])
def test_the_list_is_narrowed_by_niche_category_and_words(path, api, kept, editor):
    blueprints.create(by=editor, name="Welcome mail", niche="Travel", category="Welcome")

    def names(query: str = "") -> list[str]:
        return [row["name"] for row in api.get(f"{path}{query}").json()["results"]]

    assert names() == ["Welcome mail", "Seasonal"]
    assert names("?niche=fashion") == ["Seasonal"]
    assert names("?category=Welcome&niche=Travel") == ["Welcome mail"]
    assert names("?niche=Nothing") == []
    assert names("?search=mail") == ["Welcome mail"]


def test_one_is_made_read_replaced_and_deleted(api, template, segment):
    body = {"name": "Welcome", "variants": [{"template": str(template.uuid)}], "segments": [str(segment.uuid)]}
    made = api.post(ALL, body).json()
    one = f"{ALL}/{made['id']}"
    assert api.get(one).json()["name"] == "Welcome"
    replaced = api.put(one, {"name": "Hello"}).json()
    assert (replaced["name"], replaced["variants"], replaced["segments"]) == ("Hello", [], [])
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "A", "colour": "red"}, "colour"),
        ({"name": "A", "niche": "x" * 61}, "niche"),
        ({"name": "A", "variants": [{"template": str(uuid.uuid4())}]}, "variants"),
        ({"name": "A", "variants": "all"}, "variants"),
        ({"name": "A", "segments": [str(uuid.uuid4())]}, "segments"),
        ({"name": "A", "schedule": {"on": "2099-01-01"}}, "schedule"),
        ({"name": "A", "channel": "fax"}, "channel"),
    ],
)
def test_a_wrong_body_is_refused_naming_the_field(body, field, api):
    answer = api.post(ALL, body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not CampaignTemplate.objects.exists()


def test_a_name_that_is_taken_is_a_409(api, kept):
    answer = api.post(ALL, {"name": "Seasonal"})
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


@pytest.mark.parametrize("body", [{}, {"template": "nonsense"}, {"template": str(uuid.uuid4())}])
def test_starting_from_no_template_is_a_400(body, api):
    answer = api.post("/api/campaigns/from-template", body)
    assert answer.status_code == 400
    assert "template" in answer.json()["errors"]


def test_scopes_and_roles_are_asked(kept, campaign, editor, approver, stranger):
    reading, approving, nobody = client_of(editor, "campaigns:read"), client_of(approver), client_of(stranger)
    assert reading.get(ALL).status_code == 200
    assert reading.post(ALL, {"name": "A"}).status_code == 403
    assert reading.post("/api/campaigns/from-template", {"template": str(kept.uuid)}).status_code == 403
    assert approving.get(f"{ALL}/{kept.uuid}").status_code == 200
    assert approving.put(f"{ALL}/{kept.uuid}", {"name": "B"}).status_code == 403
    assert approving.delete(f"{ALL}/{kept.uuid}").status_code == 403
    assert approving.post(url(campaign, "save-as-template"), {"name": "B"}).status_code == 403
    assert nobody.get(ALL).status_code == 403
    assert CampaignTemplate.objects.get().name == "Seasonal"


# --- console


def test_a_marketer_keeps_a_campaign_and_starts_another_from_it(editor, campaign):
    client = signed_in(editor)
    assert "Save as template" in client.get(page("change", campaign.pk)).content.decode()
    posted = {"name": "Seasonal", "niche": "Fashion", "category": ""}
    assert client.post(page("keep", campaign.pk), posted).url == page("change", campaign.pk)
    kept = CampaignTemplate.objects.get()
    shown = client.get(page("templates")).content.decode()
    assert "Seasonal" in shown
    assert f"?template={kept.uuid}" in shown
    form = client.get(f"{page('add')}?template={kept.uuid}").context["form"]
    assert form.initial["sender"] == campaign.sender
    assert "Start from a campaign template" in client.get(page("add")).content.decode()


def test_a_refused_keep_comes_back_with_its_dialog_open(editor, campaign, kept):
    answer = signed_in(editor).post(page("keep", campaign.pk), {"name": "Seasonal", "niche": "Travel"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "already a campaign template" in text
    assert 'value="Travel"' in text


def test_a_template_is_written_changed_and_deleted_in_the_console(editor, template, segment):
    client = signed_in(editor)
    posted = fields(
        **{"name": "Welcome", "niche": "Travel", "segments": [segment.pk], "variants-0-template": template.pk}
    )
    assert client.post(page("template_add"), posted).url == page("templates")
    kept = CampaignTemplate.objects.get()
    assert (kept.niche, kept.variants.get().template) == ("Travel", template)
    assert client.get(page("template_change", kept.pk)).context["form"].initial["niche"] == "Travel"
    client.post(page("template_change", kept.pk), {**posted, "name": "Hello"})
    kept.refresh_from_db()
    assert kept.name == "Hello"
    assert client.get(page("template_delete", kept.pk)).status_code == 405
    client.post(page("template_delete", kept.pk))
    assert not CampaignTemplate.objects.exists()


def test_a_form_with_a_taken_name_says_so_beside_the_name(editor, kept):
    answer = signed_in(editor).post(page("template_add"), fields(name="Seasonal"))
    assert answer.status_code == 422
    assert "already a campaign template" in answer.context["form"].errors["name"][0]


@pytest.mark.parametrize("named", ["nonsense", str(uuid.uuid4()), "\x00"])
def test_a_new_campaign_from_a_template_that_is_not_there_is_a_404(named, editor):
    assert signed_in(editor).get(page("add"), {"template": named}).status_code == 404


def test_an_approver_looks_and_a_stranger_does_not(kept, campaign, approver, stranger):
    looking, nobody = signed_in(approver), signed_in(stranger)
    text = looking.get(page("templates")).content.decode()
    assert "Seasonal" in text
    assert "data-open-dialog" not in text
    assert looking.get(page("template_change", kept.pk)).status_code == 403
    assert looking.post(page("template_delete", kept.pk)).status_code == 403
    assert looking.post(page("keep", campaign.pk), {"name": "B"}).status_code == 409
    assert nobody.get(page("templates")).status_code == 403
    assert signed_in(approver).get(reverse("admin:campaigns_campaign_templates"), {"niche": "\x00"}).status_code == 200
