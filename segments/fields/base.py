"""What a field is, the registries of single fields and of families, and looking one up by its name."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection

from contacts.models import AttributeDefinition, Topic
from core.registry import Registry
from segments import operators
from segments.models import Segment, SpendingLevel
from segments.operators import Operator

NEWEST_COMPANIES = 5_000
COMPANY_KEYS = 200
_COMPANY_KEYS = """
SELECT key, mode() WITHIN GROUP (ORDER BY jsonb_typeof(value))
FROM (SELECT attributes FROM contacts_company ORDER BY id DESC LIMIT %s) k, jsonb_each(k.attributes)
WHERE jsonb_typeof(value) IN ('string', 'number', 'boolean', 'array')
GROUP BY key ORDER BY count(*) DESC, key LIMIT %s"""


class Catalogue:
    """The names that rules may refer to, read at most once for a whole tree."""

    @cached_property
    def attributes(self) -> dict[str, AttributeDefinition]:
        return {definition.key: definition for definition in AttributeDefinition.objects.all()}

    @cached_property
    def segments(self) -> dict[str, Segment]:
        return {str(segment.uuid): segment for segment in Segment.objects.only("uuid", "name", "kind")}

    @cached_property
    def levels(self) -> list[SpendingLevel]:
        """From the lowest to the highest."""
        return list(SpendingLevel.objects.order_by("at_least"))

    @cached_property
    def topics(self) -> dict[str, Topic]:
        return {topic.key: topic for topic in Topic.objects.all()}

    @cached_property
    def company_keys(self) -> dict[str, str]:
        """Keys that companies have, and of which JSON type most of their values are, among the newest companies."""
        with connection.cursor() as cursor:
            cursor.execute(_COMPANY_KEYS, [NEWEST_COMPANIES, COMPANY_KEYS])
            return dict(cursor.fetchall())


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
        value = operator.parse(raw)
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
