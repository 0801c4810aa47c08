"""Questions about the companies that someone belongs to: so for any of them."""

from collections.abc import Iterator
from typing import Any

from segments import operands
from segments.conditions import Condition
from segments.fields.base import Catalogue, Family, Field, Question, families, questions
from segments.operands import InstantColumn, TextColumn, Within

_OF_PERSON = "FROM contacts_employment m JOIN contacts_company k ON k.id = m.company_id WHERE m.contact_id = c.id"
# What a key's values are in most companies is what it is asked as.
_TYPES: dict[str, tuple[str, type[operands.Key]]] = {
    "string": ("text", operands.TextKey),
    "number": ("number", operands.NumberKey),
    "boolean": ("boolean", operands.FlagKey),
    "array": ("list", operands.TextsKey),
}


def of_company(condition: Condition) -> Condition:
    sql = f"EXISTS (SELECT 1 {_OF_PERSON} AND ({condition.sql}))"
    return Condition(sql, condition.params, is_certain=True)


def within(inner: Any) -> Within:
    shown = inner.shown()
    fact = Condition(f"(SELECT jsonb_agg({shown.sql} ORDER BY k.id) {_OF_PERSON})", shown.params)
    return Within(inner, of_company, fact)


class CompanyQuestion(Question):
    group = "Company"

    def operand(self, catalogue: Catalogue) -> Within:
        return within(self.column())

    def column(self) -> Any:
        raise NotImplementedError


@questions.register
class CompanyName(CompanyQuestion):
    key, label = "company", "Company"

    def column(self) -> TextColumn:
        return TextColumn("k.name")


@questions.register
class CompanyId(CompanyQuestion):
    key, label = "company_id", "Company’s id"

    def column(self) -> TextColumn:
        return TextColumn("k.external_id")


@questions.register
class CompanySince(CompanyQuestion):
    key, label, type = "company_since", "With the company since", "date"

    def column(self) -> InstantColumn:
        return InstantColumn("m.since")


@families.register
class CompanyAttribute(Family):
    """What was said of companies; there is no catalogue of it, so what companies have is what can be asked."""

    key, label = "company", "Company"

    def find(self, rest: str, catalogue: Catalogue) -> Field | None:
        kind = catalogue.company_keys.get(rest)
        if kind is None:
            return None
        type_name, place = _TYPES[kind]
        operand = within(place("k.attributes", rest))
        return Field(f"company:{rest}", f"Company’s {rest}", "Company", type_name, operand)

    def names(self, catalogue: Catalogue) -> Iterator[str]:
        return iter(catalogue.company_keys)
