"""The query of the explorer's page: refused, or read into values that a database takes."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rlpretrain.deployment.web.decisions import cursor
from rlpretrain.deployment.web.patterns_page import Choice
from rlpretrain.errors import DataError
from tests.fuzz.values import ODD, only

texts = st.text(max_size=30) | st.sampled_from([str(value) for value in ODD[:20]])
cursors = st.tuples(
    st.dates().map(str) | texts, st.integers().map(str) | texts, st.sampled_from(["0", "1", "2", "", "01"])
).map(".".join)


@given(cursors | texts)
def test_a_cursor_is_refused_or_read(text: str) -> None:
    with only(DataError):
        day, asset, position = cursor(text)
        assert isinstance(day, dt.date) and 0 <= asset < 2**31 and position in (True, False)


@given(st.dictionaries(st.sampled_from(list(Choice.model_fields)), cursors | texts, max_size=4))
def test_a_choice_is_refused_or_written_back(query: dict[str, str]) -> None:
    with only(ValidationError):
        chosen = Choice.model_validate(query)
        assert "\0" not in "".join(chosen.query().values())
        assert Choice.model_validate(chosen.query()).query() == chosen.query()
