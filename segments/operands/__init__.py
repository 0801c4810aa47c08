"""The left side of a rule: where a person's value is found, and how SQL compares it there.

One class per type and place (a column, or a key inside a JSON column). A key is always a parameter of `->`, `->>` or
`@>`, never part of the text.
"""

from segments.operands.columns import Column, Fact, InstantColumn, LowerColumn, TextColumn, TextsColumn
from segments.operands.keys import DateKey, FlagKey, InstantKey, Key, NumberKey, TextKey, TextsKey
from segments.operands.protocols import Flag, Instant, Number, Operand, Text, Texts

__all__ = [
    "Column", "DateKey", "Fact", "Flag", "FlagKey", "Instant", "InstantColumn", "InstantKey", "Key", "LowerColumn",
    "Number", "NumberKey", "Operand", "Text", "TextColumn", "TextKey", "Texts", "TextsColumn", "TextsKey",
]  # fmt: skip
