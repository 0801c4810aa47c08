"""What carries messages: one file per provider, its send and receive halves together."""

from delivery.providers import smtp  # noqa: F401  registers itself
from delivery.providers.base import providers

__all__ = ["provider_choices", "providers"]


def provider_choices() -> list[tuple[str, str]]:
    return providers.choices()
