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
    """The newest consent for a channel as a whole, or for one topic on it. Neither yes nor no counts as never asked."""

    of_person = "FROM contacts_consentstate s WHERE s.contact_id = c.id AND s.channel = %s AND s.topic = %s"
    matching = {
        "granted": " AND s.is_granted",
        "withdrawn": " AND NOT s.is_granted",
        "never_asked": " AND s.is_granted IS NOT NULL",
    }

    def __init__(self, channel: str, topic: str) -> None:
        self.params = (channel, topic)

    def equals(self, value: str) -> Condition:
        sql = f"EXISTS (SELECT 1 {self.of_person}{self.matching[value]})"
        found = Condition(sql, self.params, is_certain=True)
        return ~found if value == "never_asked" else found

    def shown(self) -> Condition:
        words = "CASE WHEN s.is_granted THEN 'granted' WHEN NOT s.is_granted THEN 'withdrawn' END"
        return Condition(
            f"to_jsonb(coalesce((SELECT {words} {self.of_person}), 'never_asked'))",  # noqa: S608
            self.params,
        )


@families.register
class Consent(Family):
    """`consent:<channel>` is the channel as a whole, `consent:<channel>:<topic>` what was said about that topic."""

    key, label = "consent", "Consent"
    states = (("granted", "given"), ("withdrawn", "withdrawn"), ("never_asked", "never asked"))

    def find(self, rest: str, catalogue: Catalogue) -> Field | None:
        channel, colon, topic = rest.partition(":")
        if channel not in channels or (colon and topic not in catalogue.topics):
            return None
        about = f" to “{catalogue.topics[topic].name}”" if topic else ""
        label = f"{channels[channel].label} consent{about}"
        return Field(f"consent:{rest}", label, "Reach", "choice", ConsentOperand(channel, topic), False, self.states)

    def names(self, catalogue: Catalogue) -> Iterator[str]:
        for channel in channels:
            yield channel
            yield from (f"{channel}:{topic}" for topic in catalogue.topics)
