"""What the demo sends: templates from the gallery, published; and whom and through what it says it is from."""

from campaigns.models import Sender
from delivery.models import Account
from team.models import Brand, User
from templates_app import gallery, publishing
from templates_app.models import Template

USED = ["newsletter", "product-announcement", "win-back", "welcome"]


def make_templates() -> None:
    marketer = User.objects.get(username="marketer")
    for key in USED:
        example = gallery.find(key)
        if Template.objects.filter(name=example.name).exists():
            continue
        template = publishing.create(
            by=marketer,
            name=example.name,
            content=example.content,
            description=example.description,
            category=example.category,
        )
        publishing.publish(template, by=marketer)


def make_senders() -> None:
    Sender.objects.get_or_create(
        email="hello@carillon.example.com",
        defaults={
            "name": "Carillon Demo Shop",
            "reply_to": "care@carillon.example.com",
            "postal_address": "Demo Shop, 1 Example Street, 12345 Example City",
            "is_default": not Sender.objects.filter(is_default=True).exists(),
        },
    )
    has_default = Account.objects.filter(channel="email", is_default=True).exists()
    Account.objects.get_or_create(
        name="Sandbox mailbox", defaults={"provider": "sandbox", "is_default": not has_default, "max_connections": 4}
    )


def make_brand() -> None:
    Brand.objects.get_or_create(
        pk=1,
        defaults={
            "name": "Carillon Demo Shop",
            "accent": "#0f5c63",
            "ground": "#eef4f3",
            "website": "https://carillon.example.com",
            "privacy_url": "https://carillon.example.com/privacy",
        },
    )
