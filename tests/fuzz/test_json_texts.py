"""Texts of answers and documents: refused, or decoded to what Python's own reader finds."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.documents import decode_answer
from rlpretrain.documents.json_text import _decode_slowly
from rlpretrain.errors import DataError
from tests.fuzz.values import only

sound = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e300, 1e300)
    | st.text('aé\n"', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(sound)
def test_the_slow_reader_reads_what_the_fast_one_reads(value: object) -> None:
    text = json.dumps(value)
    assert _decode_slowly(text) == json.loads(text) == decode_answer(text.encode())


@given(st.binary(max_size=200) | st.text('[]{}:,"\\0123456789.eE+-truefalsn ', max_size=200).map(str.encode))
def test_bytes_are_refused_or_decoded(data: bytes) -> None:
    with only(ValueError, DataError):
        decode_answer(data)
