"""How much is read of foreign input: stated in one place, with reasons, and in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlpretrain import limits
from rlpretrain.errors import DataError
from rlpretrain.limits import LIMITS, Limit, shorten

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"


def test_the_documentation_has_every_limit() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for limit in LIMITS:
        assert f"| {limit.what} | {limit.most:,} | {limit.reason} | {limit.beyond} |" in text, limit.what


def test_no_limit_is_missing_in_the_list() -> None:
    assert {id(value) for value in vars(limits).values() if isinstance(value, Limit)} == set(map(id, LIMITS))


def test_a_count_above_the_limit_is_refused_with_both_numbers() -> None:
    limit = Limit("days of a backtest", 1_000, "a reason")
    limit.check(1_000)
    with pytest.raises(DataError, match=r"^1,001 days of a backtest, at most 1,000 are read$"):
        limit.check(1_001)


def test_a_text_is_shortened_where_it_is_too_long() -> None:
    limit = Limit("characters", 3, "a reason")
    assert [shorten(text, limit) for text in ("", "abc", "abcd")] == ["", "abc", "abc…"]
