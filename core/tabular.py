"""Spreadsheet-safe text: a cell that starts a formula is made to start with an apostrophe."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_cell(value: object) -> object:
    """`value` so that no spreadsheet runs it; numbers and harmless text are returned as they are.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
