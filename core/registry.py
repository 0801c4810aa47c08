"""Registries: an extension is one class, in one file, with its own key, under one decorator."""

from typing import Protocol, TypeVar


class Keyed(Protocol):
    key: str
    label: str


Item = TypeVar("Item", bound=Keyed)


class Registry(dict[str, Item]):
    """Instances by key, in the order in which their modules were imported.

    channels: Registry[Channel] = Registry("channel")

    @channels.register
    class Email(Channel):
        key = "email"
    """

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def register(self, cls: type[Item]) -> type[Item]:
        item = cls()
        if item.key in self:
            raise ValueError(f"Two {self.what}s are called {item.key!r}: {type(self[item.key])} and {cls}")
        self[item.key] = item
        return cls

    def choices(self) -> list[tuple[str, str]]:
        return [(key, item.label) for key, item in self.items()]
