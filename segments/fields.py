"""What a rule may ask about: a registry of single fields and of families (`attribute:<key>`, `consent:<channel>`).

A field says of which type its values are, which decides the operators, and where SQL finds them (its operand). A
family makes fields from what the catalogue holds; a name that is in neither is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from contacts.channels import channels
from contacts.models import AttributeDefinition
from core.registry import Registry
from segments import conditions, operands, operators
from segments.conditions import Condition
from segments.models import Segment
from segments.operators import Operator


class Catalogue:
    """The names that rules may refer to, read at most once for a whole tree."""

    @cached_property
    def attributes(self) -> dict[str, AttributeDefinition]:
        return {definition.key: definition for definition in AttributeDefinition.objects.all()}

    @cached_property
    def segments(self) -> dict[str, Segment]:
        return {str(segment.uuid): segment for segment in Segment.objects.only("uuid", "name", "kind")}


@dataclass(frozen=True)
class Field:
    """One thing that can be asked. `type` is the first half of its operators' keys."""

    name: str
    label: str
    group: str
    type: str
    operand: Any
    can_be_empty: bool = True
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def operators(self) -> list[Operator]:
        of_type = operators.of_type(self.type)
        return [operator for operator in of_type if self.can_be_empty or not operator.asks_emptiness]

    def operator(self, name: str) -> Operator | None:
        found = operators.find(self.type, name)
        return found if found in self.operators else None

    def parse(self, operator: Operator, raw: Any) -> Any:
        """The checked value of a rule; ValueError with a sentence if it won't do."""
        value = operator.takes.parse(raw)
        if operator.takes.input == "choice" and value not in dict(self.choices):
            raise ValueError(f"Choose one of: {', '.join(key for key, _ in self.choices[:10])}.")
        return value

    def show(self, operator: Operator, value: Any) -> str:
        return dict(self.choices).get(value, "") if operator.takes.input == "choice" else operator.takes.show(value)


class Question:
    """A single field, under its own key."""

    key: str
    label: str
    group = "Person"
    type = "text"
    can_be_empty = True

    def operand(self, catalogue: Catalogue) -> Any:
        raise NotImplementedError

    def choices(self, catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
        return ()

    def field(self, catalogue: Catalogue) -> Field:
        operand, choices = self.operand(catalogue), self.choices(catalogue)
        return Field(self.key, self.label, self.group, self.type, operand, self.can_be_empty, choices)


class Family:
    """Fields named `<key>:<rest>`, one for each thing that the catalogue holds."""

    key: str
    label: str

    def find(self, rest: str, catalogue: Catalogue) -> Field | None:
        raise NotImplementedError

    def names(self, catalogue: Catalogue) -> Iterator[str]:
        raise NotImplementedError


questions: Registry[Question] = Registry("segment field")
families: Registry[Family] = Registry("family of segment fields")


def find(name: str, catalogue: Catalogue) -> Field | None:
    """The field of that name, or None: names are looked up, never used."""
    if name in questions:
        return questions[name].field(catalogue)
    family, colon, rest = name.partition(":")
    return families[family].find(rest, catalogue) if colon and family in families else None


def everything(catalogue: Catalogue) -> list[Field]:
    """All fields there are, for the console's form and the API."""
    single = [question.field(catalogue) for question in questions.values()]
    found = (family.find(rest, catalogue) for family in families.values() for rest in family.names(catalogue))
    return single + [field for field in found if field is not None]


# --- The person ----------------------------------------------------------------------------------------------------


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


# --- Can they be reached -------------------------------------------------------------------------------------------


class FactQuestion(Question):
    group, type, can_be_empty = "Reach", "boolean", False

    def operand(self, catalogue: Catalogue) -> operands.Fact:
        return operands.Fact(self.fact())

    def fact(self) -> Condition:
        raise NotImplementedError


@questions.register
class HasEmail(FactQuestion):
    key, label = "has_email", "Has an email address"

    def fact(self) -> Condition:
        return Condition("c.email IS NOT NULL", is_certain=True)


@questions.register
class HasPhone(FactQuestion):
    key, label = "has_phone", "Has a phone number"

    def fact(self) -> Condition:
        return Condition("c.phone IS NOT NULL", is_certain=True)


@questions.register
class Suppressed(FactQuestion):
    key, label = "suppressed", "Has a suppressed address"

    def fact(self) -> Condition:
        return conditions.any_of(
            Condition(
                "EXISTS (SELECT 1 FROM contacts_suppression s"  # noqa: S608
                f" WHERE s.channel = %s AND s.address = c.{channel.address_field})",
                (channel.key,),
                is_certain=True,
            )
            for channel in channels.values()
        )


class ConsentOperand:
    """The newest consent for a channel as a whole."""

    of_person = "FROM contacts_consentstate s WHERE s.contact_id = c.id AND s.channel = %s AND s.topic = ''"
    matching = {"granted": " AND s.is_granted", "withdrawn": " AND NOT s.is_granted", "never_asked": ""}

    def __init__(self, channel: str) -> None:
        self.channel = channel

    def equals(self, value: str) -> Condition:
        sql = f"EXISTS (SELECT 1 {self.of_person}{self.matching[value]})"
        found = Condition(sql, (self.channel,), is_certain=True)
        return ~found if value == "never_asked" else found

    def shown(self) -> Condition:
        state = f"SELECT CASE WHEN s.is_granted THEN 'granted' ELSE 'withdrawn' END {self.of_person}"  # noqa: S608
        return Condition(f"to_jsonb(coalesce(({state}), 'never_asked'))", (self.channel,))


@families.register
class Consent(Family):
    key, label = "consent", "Consent"
    states = (("granted", "given"), ("withdrawn", "withdrawn"), ("never_asked", "never asked"))

    def find(self, rest: str, catalogue: Catalogue) -> Field | None:
        if rest not in channels:
            return None
        label = f"{channels[rest].label} consent"
        return Field(f"consent:{rest}", label, "Reach", "choice", ConsentOperand(rest), False, self.states)

    def names(self, catalogue: Catalogue) -> Iterator[str]:
        return iter(channels)


# --- Other segments ------------------------------------------------------------------------------------------------


class MembershipOperand:
    """Membership of another segment, as of its last refresh."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def equals(self, value: str) -> Condition:
        sql = "EXISTS (SELECT 1 FROM segments_membership m WHERE m.segment_id = %s AND m.contact_id = c.id)"
        return Condition(sql, (self.catalogue.segments[value].pk,), is_certain=True)

    def shown(self) -> Condition:
        return Condition("NULL::jsonb")


@questions.register
class InSegment(Question):
    key, label, group, type, can_be_empty = "segment", "Segment", "Segments", "segment", False

    def operand(self, catalogue: Catalogue) -> MembershipOperand:
        return MembershipOperand(catalogue)

    def choices(self, catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
        return tuple((uuid, segment.name) for uuid, segment in catalogue.segments.items())


# --- Custom attributes ---------------------------------------------------------------------------------------------


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
    }

    def find(self, rest: str, catalogue: Catalogue) -> Field | None:
        definition = catalogue.attributes.get(rest)
        if definition is None:
            return None
        type_name, operand = self.operands[definition.type]
        return Field(f"attribute:{rest}", definition.label, "Attributes", type_name, operand("c.attributes", rest))

    def names(self, catalogue: Catalogue) -> Iterator[str]:
        return iter(catalogue.attributes)
