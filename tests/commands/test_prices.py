"""``rlpretrain prices``: which tickers are asked for, and what the command says."""

import json
from pathlib import Path

import pytest

from rlpretrain.cli import main
from rlpretrain.errors import DataError
from rlpretrain.market import load_market
from tests.market.test_download import THURSDAY, series
from tests.symphony import building as b


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def fetch(symbol: str):
        found.append(symbol)
        if symbol == "GONE":
            raise DataError("GONE: Yahoo has no prices")
        return series(symbol, THURSDAY.date())

    monkeypatch.setattr("rlpretrain.market.yahoo.yahoo_series", fetch)
    return found


def test_named_tickers(tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", str(tmp_path), "spy", "GONE", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["updated"] == ["SPY"]
    assert answer["rejected"] == {"GONE": "GONE: Yahoo has no prices"}
    assert load_market(f"files:{tmp_path}").symbols == ("SPY",)


def test_all_that_symphonies_need(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "symphonies"
    folder.mkdir()
    tree = b.root(b.when(("current-price", {}, "AAA"), "gt", 1.0, [b.asset("BBB")], [b.asset("CCC")]))
    (folder / "good.json").write_text(json.dumps(tree), encoding="utf-8")
    (folder / "bad.json").write_text("{", encoding="utf-8")
    assert main(["prices", str(tmp_path / "prices"), "--symphonies", str(folder)]) == 0
    # The market's state and the assets to validate on come with them.
    assert sorted(asked) == ["AAA", "BBB", "BTC-USD", "CCC", "ETH-USD", "SPY", "TLT", "VIXY"]
    printed = capsys.readouterr().out
    assert "8 downloaded" in printed
    assert "bad.json" in printed


def test_all_that_the_library_needs(tmp_path: Path, asked: list[str]) -> None:
    given = ("catalogue=generated:size=6", "max_strategies=6", f"output_dir={tmp_path / 'runs'}")
    settings = [word for setting in given for word in ("--set", setting)]
    assert main(["prices", str(tmp_path / "prices"), "--library", *settings]) == 0
    assert len(asked) > 8


def test_nothing_to_do_and_nothing_to_be_had(
    tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", str(tmp_path)]) == 2
    assert "name tickers" in capsys.readouterr().err
    assert main(["prices", str(tmp_path), "GONE"]) == 1
    assert "no prices of any of 1 tickers: GONE" in capsys.readouterr().err
