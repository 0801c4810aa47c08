"""Rules in the style of MongoDB's queries, translated into our tree; everything else about them is as for any rules.

{"AND": [{"isActive": true}, {"location": {"$regex": "^Ber"}}, {"createdAt": {"$gte": "2024-01-01"}}]}

Several keys in one object must all be so, and several operators on one field as well. A name means a field of ours,
also in camelCase (createdAt), or else an attribute. Rules of our own form may stand anywhere among them.
"""

import re
from collections.abc import Callable
from typing import Any

from segments import fields, values
from segments.fields import Catalogue, Field
from segments.rules import Problem, RuleError, measure

OURS = {"all", "any", "not", "field", "event"}
GROUPS = {"and": "all", "or": "any", "nor": "nor", "not": "not"}
_NAMES = {"tags": "tag", "id": "external_id", "externalid": "external_id", "emailaddress": "email"}
_COMPARISONS = {
    "number": {"$gt": "greater_than", "$gte": "at_least", "$lt": "less_than", "$lte": "at_most"},
    "version": {"$gt": "greater_than", "$gte": "at_least", "$lt": "less_than", "$lte": "at_most"},
    "date": {"$gt": "after", "$gte": "on_or_after", "$lt": "before", "$lte": "on_or_before"},
}
_EQUALS = {"boolean": "is", "date": "on", "list": "has", "segment": "in"}
_ONE_OF = {"text": "one_of", "list": "has_any"}


def translated(raw: Any) -> Any:
    """Our tree for rules in Mongo's style; anything else as it came. RuleError with each problem at its place."""
    if not is_mongo(raw):
        return raw
    measure(raw, _inside)
    translator = _Translator()
    tree = translator.query(raw, "")
    if translator.problems:
        raise RuleError(translator.problems)
    return tree


def is_mongo(raw: Any) -> bool:
    return isinstance(raw, dict) and bool(raw) and not OURS & raw.keys()


def _inside(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


class _Translator:
    """One walk that collects problems instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.catalogue = Catalogue()

    def query(self, raw: Any, path: str) -> Any:
        if isinstance(raw, dict) and OURS & raw.keys():
            return raw
        if not isinstance(raw, dict) or not raw:
            return self._problem(path, 'A query is an object such as {"isActive": true}.')
        return _all([self._entry(key, value, f"{path}/{key}") for key, value in raw.items()])

    def _entry(self, key: str, value: Any, path: str) -> Any:
        group = GROUPS.get(key.removeprefix("$").lower()) if key.startswith("$") or key.isupper() else None
        if group is not None:
            return self._group(group, value, path)
        if key.startswith("$"):
            return self._problem(path, f"There is no {values.quoted([key])}, but $and, $or, $nor and $not.")
        field = self._field(key)
        if field is None:
            return self._problem(path, f"There is no field {values.quoted([key])}. Choose one from the list of fields.")
        return self._about(field, value, path)

    def _group(self, group: str, value: Any, path: str) -> Any:
        if group == "not":
            return {"not": self.query(value, path)}
        if not isinstance(value, list) or not value:
            return self._problem(path, "A group is a list of queries.")
        children = [self.query(child, f"{path}/{index}") for index, child in enumerate(value)]
        return {"not": {"any": children}} if group == "nor" else {group: children}

    def _field(self, key: str) -> Field | None:
        """By our own name, that name in camelCase, or an attribute's key."""
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
        name = _NAMES.get(key.lower(), plain)
        bare = key.removeprefix("attributes.")
        candidates = (key, name, f"attribute:{bare}", f"attribute:{plain.removeprefix('attributes.')}")
        return next(filter(None, (fields.find(candidate, self.catalogue) for candidate in candidates)), None)

    def _about(self, field: Field, value: Any, path: str) -> Any:
        if isinstance(value, dict) and any(key.startswith("$") for key in value):
            options = value.get("$options", "")
            asked = [(key, item) for key, item in value.items() if key != "$options"]
            return _all([self._operator(field, key, item, options, f"{path}/{key}") for key, item in asked])
        return self._operator(field, "$eq", value, "", path)

    def _operator(self, field: Field, key: str, value: Any, options: Any, path: str) -> Any:
        if key == "$not":
            return {"not": self._about(field, value, path)}
        if key == "$regex":
            return self._pattern(field, value, options, path)
        ordered = _COMPARISONS.get(field.type, {}).get(key)
        if ordered is not None:
            return _rule(field, ordered, value)
        ask = _OPERATORS.get(key)
        if ask is None:
            known = ", ".join([*_COMPARISONS.get(field.type, {}), *_OPERATORS, "$regex", "$not"])
            return self._problem(path, f"{field.label} can't be compared by {values.quoted([key])}, but by: {known}.")
        return ask(field, value)

    def _pattern(self, field: Field, value: Any, options: Any, path: str) -> Any:
        if options not in ("", "i"):
            return self._problem(path, "The only option of a pattern is “i”: ignore capital letters.")
        return _rule(field, "matches_any_case" if options else "matches", value)

    def _problem(self, path: str, message: str) -> Any:
        self.problems.append(Problem(path, message))
        return {"any": []}


def _all(children: list[Any]) -> Any:
    return children[0] if len(children) == 1 else {"all": children}


def _rule(field: Field, operator: str, value: Any = None) -> dict[str, Any]:
    """Whether the field knows the operator and the operator takes the value, rules.parse says."""
    return {"field": field.name, "operator": operator} | ({} if value is None else {"value": value})


def _equal(field: Field, value: Any) -> Any:
    if value is None:
        return _rule(field, "is_empty")
    if field.type == "list" and isinstance(value, list):
        return _rule(field, "has_all", value)
    return _rule(field, _EQUALS.get(field.type, "equals"), value)


def _in(field: Field, value: Any) -> Any:
    if field.type in _ONE_OF and isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return _rule(field, _ONE_OF[field.type], value)
    return {"any": [_equal(field, item) for item in value]} if isinstance(value, list) else _equal(field, value)


def _exists(field: Field, value: Any) -> Any:
    return _rule(field, "is_filled") if value else _rule(field, "is_empty")


_OPERATORS: dict[str, Callable[[Field, Any], Any]] = {
    "$eq": _equal,
    "$ne": lambda field, value: {"not": _equal(field, value)},
    "$in": _in,
    "$nin": lambda field, value: {"not": _in(field, value)},
    "$all": lambda field, value: _rule(field, "has_all", value),
    "$exists": _exists,
}
