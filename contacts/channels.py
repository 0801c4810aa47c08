"""The ways to reach a person: which address of a contact each channel uses. Providers live in delivery."""

from django.utils.translation import gettext_noop

from core.registry import Registry


class Channel:
    """A way to reach people.

    `address_field` is the column of Contact that holds the address; it names our own column, never a user's text.
    """

    key: str
    label: str
    icon: str
    address_field: str


channels: Registry[Channel] = Registry("channel")


@channels.register
class Email(Channel):
    key = "email"
    label = gettext_noop("Email")  # public pages translate it
    icon = "mail"
    address_field = "email"


def channel_choices() -> list[tuple[str, str]]:
    return channels.choices()
