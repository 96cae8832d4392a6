"""The outlook as text, page and JSON, and the votes in it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.symphony.turning import Turn
from rlpretrain.tonight.fragility import FragileRule
from rlpretrain.tonight.outlook import AgentDecision, Outlook, RejectedKind, newest_mined
from rlpretrain.tonight.page import outlook_page
from rlpretrain.tonight.strategies import VotingStrategy
from rlpretrain.tonight.text import agent_words, outlook_lines
from rlpretrain.tonight.votes import AssetVote, asset_votes
from tests.patterns.building import unanimous

HOSTILE = "<script>alert('x')</script>"
VOTE = AssetVote("SPY", 7, 3, 0.7, 0.1, -0.05, 1.25, 4.2, 0.3, supporters=(HOSTILE, "A"), dissenters=("B",))
DECISION = AgentDecision(3, "champion", "SPY", "2024-12-31", "sell", 0.6, 0.3, 0.1, 0.6, False)
FOUND = Outlook(
    run_id="night",
    folder="/runs/night",
    market="generated:",
    as_of="2024-12-31",
    champion=3,
    decisions=(DECISION,),
    votes=(VOTE,),
    fragile=(
        FragileRule("RSI(10) of SPY > 79", ("A", HOSTILE), ("SPY",), 0.12, Turn("SPY", 100.0, 98.76)),
        FragileRule("price of BIL > 3", ("C",), ("BIL",), 0.5, None, "its tree is no longer cached"),
    ),
    listed=30,
    strategies=24,
    voters=12,
    voting_now=10,
    rejected=(RejectedKind("quality", 2, (("id1", "too few days"),)),),
)


def test_text_names_the_decision_the_votes_the_turning_point_and_the_rejects() -> None:
    text = "\n".join(outlook_lines(FOUND))
    assert "The champion, version 3, decides:" in text
    assert "sell 60% sure (hold 30%, buy 10%); flat afterwards" in text
    assert "7 for, 3 against (70%, +10.0 points since the close before" in text
    assert "RSI(10) of SPY > 79: turns if SPY closes at 98.76 (-1.24 %)" in text
    assert "its tree is no longer cached" in text
    assert "quality" in text and "too few days" in text


def test_the_page_shows_the_same_and_texts_of_others_stay_text() -> None:
    page = outlook_page(FOUND)
    assert "SPY at 98.76 (-1.24 %)" in page and "10 strategies vote" in page
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")


def test_json_has_turning_points_as_objects() -> None:
    found = json.loads(json.dumps(FOUND.as_json(), allow_nan=False))
    assert found["fragile"][0]["turn"] == {
        "ticker": "SPY", "last_close": 100.0, "close": 98.76, "change": pytest.approx(-0.0124),
    }  # fmt: skip
    assert found["fragile"][1]["turn"] is None
    assert found["decisions"][0]["sure"] == 0.6


@pytest.mark.parametrize(
    ("champion", "words"),
    [
        (None, "There is no champion yet. The champion, version 3"),
        (4, "Version 4 became champion after this run"),
    ],
)
def test_a_decision_of_another_agent_than_the_champion_is_said_to_be_one(
    champion: int | None, words: str
) -> None:
    assert words in agent_words(dataclasses.replace(FOUND, champion=champion))
    assert "no decisions" in agent_words(dataclasses.replace(FOUND, decisions=()))


def test_votes_are_those_of_the_last_close_and_name_who_casts_them() -> None:
    dates = np.arange("2024-12-02", "2024-12-07", dtype="datetime64[D]")
    panel = unanimous("SPY", dates)
    able = {
        "symphony_id": "x",
        "day": dt.date(2024, 12, 6),
        "able": ("SPY",),
        "nearest_rule": "",
        "margin": None,
    }
    strategies = [
        VotingStrategy(**able, name="Holder", holds=("SPY",), tree=None),
        VotingStrategy(**able, name="Dissenter", holds=(), tree=None),
        VotingStrategy(**{**able, "able": ("BIL",)}, name="Other", holds=("BIL",), tree=None),
    ]
    (vote,) = asset_votes(panel, strategies)
    assert (vote.asset, vote.supporters, vote.dissenters) == ("SPY", ("Holder",), ("Dissenter",))
    assert vote.for_it == panel.holders[-1, 0]
    assert vote.against == panel.eligible[-1, 0] - panel.holders[-1, 0]


def test_without_a_run_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="make run"):
        newest_mined(tmp_path)
