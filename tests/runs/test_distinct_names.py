"""Different texts have different names, and what can be read stays readable."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rlpretrain.runs.distinct_names import distinct_name

TAKEN = frozenset({"registry", "cache"})
texts = st.text(max_size=300) | st.text(alphabet="nN1:+/-_. é", max_size=6) | st.sampled_from(sorted(TAKEN))
"""Anything, and short texts of which many have the same readable part."""


def hashed(text: str, readable: str) -> str:
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:11]}"


@pytest.mark.parametrize(
    "text",
    [
        "n-1",
        "BTC-USD",
        "BRK.B",
        "-n",
        "nightly-20240101",
        "at-20240101T093000",
        "night-202401010930",
        "run-550e8400-e29b-41d4-a716-446655440000",
        "a" * 200,
    ],
)
def test_what_can_be_a_name_is_one(text: str) -> None:
    assert distinct_name(text, TAKEN) == text


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("manual__2024-01-01T00:00:00+00:00", "manual__2024-01-01T00_00_00_00_00"),
        ("n:1", "n_1"),
        ("n+1", "n_1"),
        ("../../etc", "etc"),
        (".hidden", "hidden"),
        ("_private", "private"),
        ("n_", "n"),
        ("registry", "registry"),
        ("Registry", "Registry"),
        ("a" * 201, "a" * 200),
        ("../..", "unnamed"),
        ("", "unnamed"),
        ("ночь", "unnamed"),
    ],
)
def test_what_was_changed_says_so_by_its_hash(text: str, readable: str) -> None:
    assert distinct_name(text, TAKEN) == hashed(text, readable)


def test_names_stay_what_they_were() -> None:
    """Folders of earlier runs have them."""
    assert distinct_name("n:1") == "n_1-c96504c8e4c"
    assert distinct_name("manual__2024-01-01T00:00:00+00:00").endswith("T00_00_00_00_00-c87eaaa68ce")


@given(one=texts, other=texts)
@example(one="n:1", other="n+1")
@example(one="BTC/USD", other="BTC-USD")
@example(one="n", other="n_")
@example(one="", other="unnamed")
@example(one="registry", other="registry_")
@example(one="a" * 200, other="a" * 201)
def test_different_texts_have_different_names(one: str, other: str) -> None:
    assert (distinct_name(one, TAKEN) == distinct_name(other, TAKEN)) == (one == other)


@given(one=texts, other=texts)
def test_a_text_that_looks_like_the_name_of_another_has_its_own(one: str, other: str) -> None:
    name = distinct_name(one, TAKEN)
    if name != one:
        again = distinct_name(name, TAKEN)
        assert again not in (name, distinct_name(other, TAKEN)), "no chain of lookalikes meets"


@given(text=texts)
def test_a_name_is_one_part_of_a_path_that_no_disk_refuses(text: str) -> None:
    name = distinct_name(text, TAKEN)
    assert name.isascii() and 0 < len(name) < 220
    assert all(letter.isalnum() or letter in "._-" for letter in name)
    assert not name.startswith((".", "_")), "work under way has such names"
    assert name.lower() not in TAKEN


def test_even_half_a_character_has_a_name() -> None:
    """An argument of a command may hold bytes that are no text."""
    assert distinct_name("\udc80") != distinct_name("\udc81")
