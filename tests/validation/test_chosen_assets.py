"""Assets by name and by votes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rlpretrain.errors import DataError
from rlpretrain.settings import PretrainingConfig
from rlpretrain.validation.chosen_assets import choose_assets, named_assets, number_of_assets

TICKERS = ["SPY", "QQQ", "TLT", "GLD", "BTC-USD", "BRK-B"]


def test_named_assets_come_first_and_duplicates_are_merged() -> None:
    chosen = choose_assets(["BTC-USD", "QQQ", "most_voted:3"], ["SPY", "QQQ", "TLT", "GLD"])
    assert chosen == ["BTC-USD", "QQQ", "SPY", "TLT"]


def test_fewer_with_votes_are_all_taken() -> None:
    assert choose_assets(["BTC-USD", "most_voted:4"], ["SPY"]) == ["BTC-USD", "SPY"]
    assert choose_assets(["BTC-USD", "most_voted:4"], []) == ["BTC-USD"]


def test_no_asset_at_all_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(DataError, match=r"validation_envs=most_voted:4.*votes before the validation window"):
        choose_assets(["most_voted:4"], [])


@given(
    names=st.lists(st.sampled_from(TICKERS), unique=True),
    ranked=st.permutations(TICKERS),
    n=st.integers(1, 9),
)
def test_each_asset_is_chosen_once_and_no_more_than_counted(
    names: list[str], ranked: list[str], n: int
) -> None:
    choices = [*names, f"most_voted:{n}"]
    chosen = choose_assets(choices, ranked)
    assert len(set(chosen)) == len(chosen) <= number_of_assets(choices)
    assert {*names, *ranked[:n]} == set(chosen)
    assert named_assets(choices) == names


def test_the_setting_is_read_in_one_spelling() -> None:
    config = PretrainingConfig(validation_envs=["spy", " Most_Voted:04 "])
    assert config.validation_envs == ["SPY", "most_voted:4"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["most_voted"], "not most_voted:N"),
        (["most_voted:0"], "from 1 to 100"),
        (["most_voted:101"], "from 1 to 100"),
        (["most_voted:two"], "not most_voted:N"),
        (["most_voted:2", "most_voted:3"], "two numbers of most voted"),
        (["SPY", "spy"], "names an asset twice"),
        (["a b"], "neither a ticker nor most_voted:N"),
    ],
)
def test_what_it_cannot_be_is_refused(value: list[str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PretrainingConfig(validation_envs=value)
