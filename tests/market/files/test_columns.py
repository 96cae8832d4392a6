"""The table of the names by which files call their columns."""

from __future__ import annotations

import re

import pytest

from rlpretrain.market.files.columns import COLUMNS, LETTERS, column_of, meanings, preferred

SPELLINGS = [(column, spelling) for column, row in COLUMNS.items() for spelling in row]


@pytest.mark.parametrize(("column", "spelling"), SPELLINGS)
def test_every_spelling_means_its_column(column: str, spelling: str) -> None:
    assert column_of(spelling) == column
    for written in (
        f" {spelling.upper()} ",
        spelling.title(),
        spelling.replace("_", " "),
        spelling.replace("_", ""),
    ):
        assert column_of(written) == column


def test_no_spelling_means_two_columns() -> None:
    spellings = [re.sub(r"[\W_]", "", spelling) for _, spelling in SPELLINGS]
    assert len(set(spellings)) == len(spellings)
    assert not set(LETTERS) & set(spellings) and set(LETTERS.values()) <= set(COLUMNS)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Adj Close", "adj_close"), ("adjClose", "adj_close"), ("Adjusted_close", "adj_close"),
        ("Adj. Close", "adj_close"),
        ("adjcp", "adj_close"), ("Close/Last", "close"),
        ("<TICKER>", "symbol"), ("tic", "symbol"), ("window_start", "date"), ("4. close", "close"),
        ("5. adjusted close", "adj_close"), ("Stock Splits", "split"), ("splitFactor", "split"),
        ("__index_level_0__", "index"), ("Unnamed: 0", "index"), ("SPY", None), ("C", None),
        ("T", None), ("BRK.B", None),
    ],
)  # fmt: skip
def test_spellings_of_vendors(name: str, column: str | None) -> None:
    assert column_of(name) == column


def test_letters_are_fields_only_as_a_whole_bar() -> None:
    assert meanings(["t", "o", "h", "l", "c", "v"]) == ["date", "open", "high", "low", "close", "volume"]
    # Citigroup, Visa, Realty Income, Loews and Hyatt are tickers.
    assert meanings(["Date", "O", "H", "L", "C", "V", "SPY"]) == ["date", None, None, None, None, None, None]
    assert meanings(["Date", "C", "V"]) == ["date", None, None]


def test_the_first_spelling_of_the_table_counts() -> None:
    head = ["<TIME>", "<DATE>", "Name", "Ticker"]
    assert preferred(head, meanings(head), "date") == 1
    assert preferred(head, meanings(head), "symbol") == 3
    assert preferred(head, meanings(head), "close") is None
