"""What one person would read: a variant rendered for a contact, by the renderer that sends."""

from campaigns import audience
from campaigns.models import Campaign, Variant
from contacts.models import Contact
from core.errors import Refused
from templates_app import rendering

# A preview's links must change nothing for anybody.
UNSUBSCRIBE_EXAMPLE = "https://example.com/unsubscribe"
PREFERENCES_EXAMPLE = "https://example.com/preferences"


EXAMPLE = Contact(email="sam@example.com", first_name="Sam", last_name="Example")


def content(variant: Variant, contact: Contact) -> rendering.Content:
    """Refused when there is nothing published yet, or when it can't be rendered for this person."""
    version = variant.version or variant.template.current_version
    if version is None:
        raise Refused("unpublished", f"The template “{variant.template}” is not published yet.")
    sender = variant.campaign.sender
    context = {
        **rendering.contact_context(contact),
        "unsubscribe_url": UNSUBSCRIBE_EXAMPLE,
        "preferences_url": PREFERENCES_EXAMPLE,
        "campaign": {"name": variant.campaign.name},
        "sender": {
            "name": sender.name if sender else "",
            "email": sender.email if sender else "",
            "postal_address": sender.postal_address if sender else "",
        },
    }
    try:
        return rendering.renderer(version).render(context)
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
