"""A campaign that may be submitted as it stands, and the people and rows it is made of."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from campaigns import lifecycle
from campaigns.models import Campaign, Sender, Variant
from contacts.models import ConsentState, Contact
from segments.models import Membership, Segment
from team.models import User
from templates_app.models import Template, TemplateVersion


@pytest.fixture
def people(db: None) -> list[Contact]:
    """Five people who gave consent to email."""
    rows = Contact.objects.bulk_create(Contact(email=f"person{n}@example.com") for n in range(5))
    ConsentState.objects.bulk_create(
        ConsentState(contact=person, channel="email", is_granted=True, since=timezone.now()) for person in rows
    )
    return rows


def make_segment(name: str, members: list[Contact], rules: dict[str, Any] | None = None) -> Segment:
    segment = Segment.objects.create(name=name, rules=rules or {"all": []}, size=len(members))
    Membership.objects.bulk_create(Membership(segment=segment, contact=person) for person in members)
    return segment


@pytest.fixture
def segment(people: list[Contact]) -> Segment:
    return make_segment("Everyone", people)


def make_template(name: str, *, is_published: bool = True, **fields: Any) -> Template:
    template = Template.objects.create(name=name)
    html = '<p>Hello</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>'
    defaults = {"subject": f"{name} for you", "preheader": "Have a look", "source": html, "compiled_html": html}
    version = TemplateVersion.objects.create(
        template=template,
        number=1,
        content_hash=f"{name}-hash",
        published_at=timezone.now() if is_published else None,
        **(defaults | fields),
    )
    if is_published:
        Template.objects.filter(pk=template.pk).update(current_version=version)
        template.refresh_from_db()
    return template


def publish_again(template: Template, content_hash: str = "newer-hash") -> TemplateVersion:
    """A further published version, as the template's author would make."""
    version = TemplateVersion.objects.create(
        template=template,
        number=template.versions.count() + 1,
        subject="Newer",
        preheader="Newer",
        source="{{ unsubscribe_url }}",
        content_hash=content_hash,
        published_at=timezone.now(),
    )
    Template.objects.filter(pk=template.pk).update(current_version=version)
    template.refresh_from_db()
    return version


@pytest.fixture
def template(db: None) -> Template:
    return make_template("Spring news")


@pytest.fixture
def sender(db: None) -> Sender:
    return Sender.objects.create(name="Example Shop", email="news@example.com", is_default=True)


@pytest.fixture
def new_campaign(editor: User, segment: Segment, template: Template, sender: Sender) -> Callable[..., Campaign]:
    def make(name: str = "Spring", **fields: Any) -> Campaign:
        campaign = Campaign.objects.create(name=name, sender=sender, created_by=editor, edited_by=editor, **fields)
        campaign.segments.add(segment)
        Variant.objects.create(campaign=campaign, template=template)
        return campaign

    return make


@pytest.fixture
def campaign(new_campaign: Callable[..., Campaign]) -> Campaign:
    return new_campaign()


@pytest.fixture
def approved(campaign: Campaign, editor: User, approver: User) -> Campaign:
    lifecycle.submit(campaign, by=editor)
    lifecycle.approve(campaign, by=approver)
    return campaign
