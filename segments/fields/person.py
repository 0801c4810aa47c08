"""Questions about the person: names, addresses, tags and custom attributes."""

from collections.abc import Iterator

from segments import operands
from segments.fields.base import Catalogue, Family, Field, Question, families, questions


class TextQuestion(Question):
    def operand(self, catalogue: Catalogue) -> operands.TextColumn:
        return operands.TextColumn(f"c.{self.key}")


@questions.register
class Email(Question):
    key, label = "email", "Email"

    def operand(self, catalogue: Catalogue) -> operands.LowerColumn:
        return operands.LowerColumn("c.email")


@questions.register
class Phone(TextQuestion):
    key, label = "phone", "Phone"


@questions.register
class ExternalId(TextQuestion):
    key, label = "external_id", "External id"


@questions.register
class FirstName(TextQuestion):
    key, label = "first_name", "First name"


@questions.register
class LastName(TextQuestion):
    key, label = "last_name", "Last name"


@questions.register
class Locale(TextQuestion):
    key, label = "locale", "Locale"


@questions.register
class TimeZone(TextQuestion):
    key, label = "time_zone", "Time zone"


@questions.register
class CreatedAt(Question):
    key, label, type, can_be_empty = "created_at", "Created", "date", False

    def operand(self, catalogue: Catalogue) -> operands.InstantColumn:
        return operands.InstantColumn("c.created_at")


@questions.register
class Tag(Question):
    key, label, type = "tag", "Tags", "list"

    def operand(self, catalogue: Catalogue) -> operands.TextsColumn:
        return operands.TextsColumn("c.tags")


@families.register
class Attribute(Family):
    key, label = "attribute", "Attributes"
    operands = {
        "text": ("text", operands.TextKey),
        "number": ("number", operands.NumberKey),
        "boolean": ("boolean", operands.FlagKey),
        "date": ("date", operands.DateKey),
        "datetime": ("date", operands.InstantKey),
        "list": ("list", operands.TextsKey),
        "place": ("place", operands.PlaceKey),
        "version": ("version", operands.VersionKey),
    }

    def find(self, rest: str, catalogue: Catalogue) -> Field | None:
        definition = catalogue.attributes.get(rest)
        if definition is None:
            return None
        type_name, operand = self.operands[definition.type]
        return Field(f"attribute:{rest}", definition.label, "Attributes", type_name, operand("c.attributes", rest))

    def names(self, catalogue: Catalogue) -> Iterator[str]:
        return iter(catalogue.attributes)
