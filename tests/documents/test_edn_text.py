"""EDN is read into what JSON has, and hostile text is refused."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlpretrain.documents.edn_text import plain, read_forms
from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import parse_symphony
from tests.documents.printing import composer_text, edn_text
from tests.symphony.test_robustness import DOCUMENT

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
KEYS = st.from_regex(r"[a-z][a-z0-9?-]*", fullmatch=True)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3),
    max_leaves=10,
)


def read(text):
    (form,) = read_forms(text, "x")
    return plain(form, lambda problem: SymphonyError(f"x: not a symphony: {problem}"))


@settings(max_examples=100, deadline=None)
@given(VALUES.filter(lambda value: "\r" not in edn_text(value)))
def test_a_value_comes_back(value):
    assert read(edn_text(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (":a/b", "a/b"),
        ("(1 [2, 3N] nil)", [1, [2, 3], None]),
        ('{:a #_ 2 1.5M, "b" 1/4}', {"a": 1.5, "b": 0.25}),
        ("^{:line 1} [x \\c]", ["x", "c"]),
        ('#inst "2020-01-02"', "2020-01-02"),
        ('#uuid "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"', "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ("; one\n1 ; two", 1),
        ('"; ( \\" ["', '; ( " ['),
    ],
)
def test_what_only_edn_has(text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1\n(2]\n3)", r"x: not EDN: line 2 has a \] where the \( of line 2 must be closed first"),
        ("[1\n(2)", r"x: not EDN: nothing closes the \[ of line 1"),
        ("1)", r"x: not EDN: line 1 has a \) that closes nothing"),
        ('["a\n"b"]', "x: not EDN: line 2 begins a text that nothing ends"),
        ("[" * 20_001 + "]" * 20_001, "x: not EDN: brackets are nested more than 20,000 deep"),
        ("{{(" * 20_000, "x: not EDN: brackets are nested more than 20,000 deep"),
        ("#{" * 20_000 + "}" * 20_000, "x: not a symphony: it contains a frozenset"),
        ("{" + "(" * 15_000 + ")" * 15_000 + " 1}", "x: not a symphony: a map has a key"),
        ("[" + "[] " * 400_000 + "]", "x: has more than 800,000 words and brackets"),
        ("{:a}", "x: not EDN: Even number of terms"),
        ("#foo 1", "x: not EDN: Don't know how to handle tag"),
        ("#inst 5", "x: not EDN"),
        ("#inst \"never\"", "x: not EDN"),
        ("1/0", "x: not EDN"),
        ("9" * 5_000, "x: not EDN"),
        ("0x" + "f" * 5_000, "x: not a symphony: a number is too large"),
        ("1" + "0" * 4_000 + "/3", "x: not a symphony: a number is too large"),
        ("{1 2}", "x: not a symphony: a map has a key that is neither"),
        ('"\\N{nothing}"', "x: not EDN"),
        ("\u201cSPY\u201d", "x: not EDN: Illegal character"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text, words):
    with pytest.raises(SymphonyError, match=f"^{words}"):
        read(text)


WORDS = (
    "nil :a - 1/0 1e9 0x ##NaN #_ #{ #inst defsymphony if asset weight-equal weight-specified filter rsi > 9"
)
PIECES = st.sampled_from((*WORDS.split(), *'()[]{}"; ,\n\\^#', '"SPY"', "{:window 5}", "9" * 50, "\ud800"))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from((composer_text(DOCUMENT), edn_text(DOCUMENT))), st.data())
def test_whatever_the_text_it_is_parsed_or_refused(text, data):
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        until = data.draw(st.integers(at, min(len(text), at + 40)))
        text = text[:at] + data.draw(PIECES) + text[until:]
    try:
        symphony = parse_symphony(text, symphony_id="x")
    except SymphonyError as error:
        assert str(error).startswith("root")
        str(error).encode()
    else:
        assert symphony.leaves
