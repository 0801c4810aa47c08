"""The file's rows as contacts in SQL: which column feeds which target, and the statement that reads them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from psycopg import sql

from contacts.attributes import SPACES, key_for
from contacts.importing.files import BadFile
from contacts.importing.staging import Tables, column, tables
from contacts.importing.targets import ADDRESSES, ATTRIBUTE, FIELDS, JSON_OF, NEW, Target, of_attribute
from contacts.models import AttributeDefinition, ImportJob

Sql = sql.Composed
TEXT_FIELDS = ("external_id", "email", "phone", "first_name", "last_name", "locale", "time_zone")


@dataclass(frozen=True)
class Column:
    """A column of the file and what it becomes. `kind` is the attribute's type, empty for a field of the contact."""

    position: int
    name: str
    target: Target
    kind: str = ""

    @property
    def text(self) -> Sql:
        """Its text without spaces around it, NULL when nothing is left."""
        return sql.SQL("NULLIF(btrim(r.{}, {}), '')").format(column(self.position), sql.Literal(SPACES))

    @property
    def is_plain(self) -> Sql:
        """True for blank text too; NULL counts as plain to bool_and."""
        raw = sql.SQL("r.{}").format(column(self.position))
        return sql.SQL("({raw} = '' OR {plain})").format(raw=raw, plain=sql.SQL(self.target.plain).format(raw=raw))

    @property
    def attribute_key(self) -> str:
        return self.target.key.removeprefix(ATTRIBUTE)


def columns_of(job: ImportJob) -> list[Column]:
    """The mapped columns; raises BadFile for a mapping that makes no sense."""
    definitions = {definition.key: definition for definition in AttributeDefinition.objects.all()}
    columns = [
        _column(position, name, spec, definitions)
        for position, name in enumerate(job.header)
        if (spec := job.mapping.get(name, ""))
    ]
    _check(columns)
    return columns


def _column(position: int, name: str, spec: str, definitions: dict[str, AttributeDefinition]) -> Column:
    if spec in FIELDS:
        return Column(position, name, FIELDS[spec])
    definition = definitions.get(spec.removeprefix(ATTRIBUTE)) if spec.startswith(ATTRIBUTE) else None
    if spec.startswith(NEW) and spec.removeprefix(NEW) in AttributeDefinition.Type.values:
        definition = definitions.get(key_for(name)) or AttributeDefinition(
            key=key_for(name), label=name, type=spec.removeprefix(NEW)
        )
    if definition is None:
        raise BadFile(f"The column “{name}” is mapped to {spec!r}, which is neither a field nor a known attribute.")
    return Column(position, name, of_attribute(definition), definition.type)


def _check(columns: list[Column]) -> None:
    taken: dict[str, str] = {}
    for one in columns:
        if one.target.key in taken:
            raise BadFile(
                f"The columns “{taken[one.target.key]}” and “{one.name}” both become {one.target.label}. Leave one out."
            )
        taken[one.target.key] = one.name
    if not taken.keys() & set(ADDRESSES):
        raise BadFile("Map a column to email, phone or external id: one is needed to know whom each row means.")


def new_attributes(job: ImportJob) -> list[tuple[str, AttributeDefinition]]:
    """Columns that become attributes not in the catalogue yet, with the definition that would be added."""
    return [
        (one.name, AttributeDefinition(key=one.attribute_key, label=one.name, type=one.kind))
        for one in columns_of(job)
        if job.mapping[one.name].startswith(NEW)
    ]


def columns_read_by_python(job: ImportJob) -> set[int]:
    """Positions of columns some of whose texts were not plain and have a row in the readings."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT DISTINCT position FROM {}").format(tables(job).readings))
        return {position for (position,) in cursor.fetchall()}


def some_are_left_out(job: ImportJob) -> bool:
    """Whether any row has an error or is replaced; looking for none, row by row, takes a second a million."""
    names = tables(job)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT EXISTS (SELECT FROM {}) OR EXISTS (SELECT FROM {})").format(names.errors, names.replaced)
        )
        return bool(cursor.fetchone() == (True,))


@dataclass(frozen=True)
class Incoming:
    """The valid rows of the file as contacts: a SELECT with row_number, one column per field, tags and attributes.

    It knows the rows left out of it as they were when it was made: make it anew after finding others.
    """

    names: Tables
    columns: list[Column]
    with_readings: set[int]
    is_partial: bool

    @classmethod
    def of(cls, job: ImportJob) -> "Incoming":
        return cls(tables(job), columns_of(job), columns_read_by_python(job), some_are_left_out(job))

    def has(self, field: str) -> bool:
        return any(one.target.key == field for one in self.columns)

    def select(self, fields: Iterable[str] = (*TEXT_FIELDS, "tags", "attributes"), *, where: Sql | None = None) -> Sql:
        wanted = list(fields)
        needed = [one for one in self.columns if one.target.key in wanted or (one.kind and "attributes" in wanted)]
        parts = [sql.SQL("{} AS {}").format(self._expression(field), sql.Identifier(field)) for field in wanted]
        return sql.SQL("SELECT r.row_number, {} FROM {} r{} WHERE {} AND {}").format(
            sql.SQL(", ").join(parts), self.names.rows, self._readings(needed), self._is_valid(),
            where or sql.SQL("true"),
        )  # fmt: skip

    def _readings(self, needed: list[Column]) -> Sql:
        joins = [
            sql.SQL(" LEFT JOIN {} {d} ON {d}.position = {p} AND {d}.raw = {text}").format(
                self.names.readings, d=_reading(one), p=sql.Literal(one.position), text=one.text
            )
            for one in needed
            if one.position in self.with_readings
        ]
        return sql.SQL("").join(joins)

    def _is_valid(self) -> Sql:
        if not self.is_partial:
            return sql.SQL("true").format()
        return sql.SQL(
            "NOT EXISTS (SELECT FROM {} f WHERE f.row_number = r.row_number)"
            " AND NOT EXISTS (SELECT FROM {} f WHERE f.row_number = r.row_number)"
        ).format(self.names.errors, self.names.replaced)

    def _expression(self, field: str) -> sql.Composable:
        if field == "attributes":
            return self._attributes()
        found = next((one for one in self.columns if one.target.key == field), None)
        if field == "tags":
            return _tags(self._value(found)) if found else sql.SQL("'{}'::varchar[]")
        return self._value(found) if found else sql.SQL("NULL::text")

    def _value(self, one: Column) -> Sql:
        value = sql.SQL(one.target.value).format(v=one.text)
        if one.position not in self.with_readings:
            return value
        return sql.SQL("CASE WHEN {d}.raw IS NULL THEN {} ELSE {d}.value END").format(value, d=_reading(one))

    def _attributes(self) -> sql.Composable:
        kinds = [one for one in self.columns if one.kind]
        if not kinds:
            return sql.SQL("'{}'::jsonb")
        # jsonb_build_object takes at most 100 arguments, so wide files are merged from several
        chunks = [kinds[start : start + 50] for start in range(0, len(kinds), 50)]
        return sql.SQL("({})").format(sql.SQL(" || ").join(map(self._object, chunks)))

    def _object(self, columns: list[Column]) -> Sql:
        """Their values without the empty ones; looking first whether there are any costs a third of stripping."""
        values = [self._value(one) for one in columns]
        pairs = [
            sql.SQL("{}::text, {}").format(sql.Literal(one.attribute_key), sql.SQL(JSON_OF[one.kind]).format(v=value))
            for one, value in zip(columns, values, strict=True)
        ]
        return sql.SQL("CASE num_nulls({}) WHEN 0 THEN {object} ELSE jsonb_strip_nulls({object}) END").format(
            sql.SQL(", ").join(values), object=sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))
        )


def _reading(one: Column) -> sql.Identifier:
    return sql.Identifier(f"d{int(one.position)}")


def _tags(value: Sql) -> Sql:
    return sql.SQL("ARRAY(SELECT jsonb_array_elements_text(({})::jsonb))::varchar[]").format(value)
