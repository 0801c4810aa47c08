"""The left side of a rule: where a person's value is found, and how SQL compares it there.

One class per type and place (a column, or a key inside a JSON column). A key is always a parameter of `->`, `->>` or
`@>`, never part of the text.
"""

from segments.operands.columns import Column, Fact, InstantColumn, LowerColumn, NumberColumn, TextColumn, TextsColumn
from segments.operands.keys import (
    DateKey,
    FlagKey,
    InstantKey,
    Key,
    NumberKey,
    PlaceKey,
    TextKey,
    TextsKey,
    VersionKey,
)
from segments.operands.protocols import Changing, Flag, Instant, Number, Operand, Place, Text, Texts
from segments.operands.steps import OrZero, Within

__all__ = [
    "Changing", "Column", "DateKey", "Fact", "Flag", "FlagKey", "Instant", "InstantColumn", "InstantKey", "Key",
    "LowerColumn", "Number", "NumberColumn", "NumberKey", "Operand", "OrZero", "Place", "PlaceKey", "Text",
    "TextColumn", "TextKey", "Texts", "TextsColumn", "TextsKey", "VersionKey", "Within",
]  # fmt: skip
