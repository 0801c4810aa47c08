"""What one person would read: a variant rendered for a contact, by the renderer that sends."""

from campaigns import audience, context
from campaigns.models import Campaign, Variant
from contacts.models import Contact
from core.errors import Refused
from templates_app import rendering

EXAMPLE = Contact(email="sam@example.com", first_name="Sam", last_name="Example")


def content(variant: Variant, contact: Contact) -> rendering.Content:
    """Refused when there is nothing published yet, or when it can't be rendered for this person."""
    version = variant.version or variant.template.current_version
    if version is None:
        raise Refused("unpublished", f"The template “{variant.template}” is not published yet.")
    try:
        return rendering.renderer(version).render(context.example(variant.campaign, contact))
    except rendering.RenderError as error:
        raise Refused("render_error", f"“{variant.template}” can't be shown for {contact}: {error}") from error


def somebody(campaign: Campaign) -> Contact:
    """Someone of the audience to preview with; an invented person while nobody is in it."""
    sql, params = audience.audience_sql(campaign)
    person = Contact.objects.raw(
        f"SELECT * FROM contacts_contact WHERE id = (SELECT min(contact_id) FROM ({sql}) audience)",  # noqa: S608
        params,
    )
    return next(iter(person), None) or EXAMPLE
