"""Questions about whether someone can be written to: addresses, suppression, consent."""

from collections.abc import Iterator

from contacts.channels import channels
from segments import conditions, operands
from segments.conditions import Condition
from segments.fields.base import Catalogue, Family, Field, Question, families, questions


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
