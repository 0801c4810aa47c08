"""Cells that a spreadsheet would run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tabular import FORMULA_STARTS, escape_cell


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_formula_becomes_text(start: str) -> None:
    assert escape_cell(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


@given(st.text())
def test_no_text_comes_out_as_a_formula(text: str) -> None:
    assert not str(escape_cell(text)).startswith(FORMULA_STARTS)


@pytest.mark.parametrize("value", [-1, 2.5, None, True, "plain", ""])
def test_harmless_values_stay_as_they_are(value: object) -> None:
    assert escape_cell(value) == value
