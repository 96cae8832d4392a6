"""Symphonies in every form: refused by name, or parsed to what can be replayed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.documents import unwrap_document
from rlpretrain.errors import DataError, SymphonyError
from rlpretrain.symphony import parse_symphony
from tests.documents.printing import composer_text, edn_text
from tests.fuzz.values import documents, json_values, only
from tests.symphony import building as b

TREE = b.root(b.equal(b.asset("SPY"), b.group(b.asset("TLT"))), b.asset("GLD"))
TEXTS = (composer_text(TREE), edn_text(TREE))


@given(documents(TREE, paths=4) | json_values())
def test_a_tree_is_refused_or_parsed(document: Any) -> None:
    with only(SymphonyError):
        parsed = parse_symphony(document, symphony_id="one")
        assert parsed.nodes and len(parsed.name) <= 501


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A text of a symphony of which pieces are cut, doubled or replaced."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        stop = draw(st.integers(start, min(len(text), start + 20)))
        new = ["", "(", ")", '"', "\\", "#{}", "^", "1e999", "\0", "9" * 400, text[start:stop] * 2]
        piece = draw(st.sampled_from(new))
        text = text[:start] + piece + text[stop:]
    return text


@given(damaged() | st.text(max_size=60))
def test_a_text_is_refused_or_parsed(text: str) -> None:
    with only(SymphonyError, DataError):
        parse_symphony(unwrap_document(text, "one"), symphony_id="one")
