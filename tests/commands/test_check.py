"""A folder at once: what is supported, what is not, and why."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from rlpretrain.cli import main
from rlpretrain.market import load_market
from tests.commands.conftest import RULE, answer, deep, write
from tests.stages.conftest import write_prices
from tests.symphony import building as b


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    write(folder / "a.json", RULE)
    write(folder / "b.json", b.root(b.equal(b.asset("AAA"), b.group(b.asset("ZZZ")), b.asset("YYY"))))
    write(folder / "c.json", b.root({"step": "wt-marketcap", "children": [b.asset("AAA")]}))
    write(folder / "d.json", '{"step":')
    write(folder / "e.json", deep(5_000))
    write(folder / "f" / "g.json", {"score": b.root(b.equal(b.asset("AAA"), {"step": "empty"}))})
    window = {"window": 5_000}
    write(folder / "h.json", b.root(b.best("cumulative-return", window, 1, b.asset("AAA"), b.asset("BBB"))))
    write(folder / "i.json", b.root({"step": "dance"}))
    write(folder / "notes.txt", "no symphony")
    return folder


def test_each_file_has_its_finding(folder: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "check", folder, "--market", market)
    by_name = {Path(row["source"]).name: row for row in found["symphonies"]}
    assert list(by_name) == ["a.json", "b.json", "c.json", "d.json", "e.json", "g.json", "h.json", "i.json"]
    status = {name: row["status"] for name, row in by_name.items()}
    assert status == {
        "a.json": "supported",
        "b.json": "lacks_prices",
        "c.json": "unsupported",
        "d.json": "unsupported",
        "e.json": "supported",
        "g.json": "supported",
        "h.json": "lacks_prices",
        "i.json": "unsupported",
    }
    assert found["counts"] == {"supported": 3, "lacks_prices": 2, "unsupported": 3}
    assert sum(found["reasons"].values()) == 5
    assert found["reasons"]["not JSON"] == 1
    assert by_name["a.json"]["first_day"] == "2020-06-15"
    assert by_name["b.json"]["missing"] == [
        {"ticker": "YYY", "path": "root/wt-cash-equal[0]/asset[2]"},
        {"ticker": "ZZZ", "path": "root/wt-cash-equal[0]/group[1]/asset[0]"},
    ]
    assert by_name["c.json"]["path"] == "root/wt-marketcap[0]"
    assert by_name["c.json"]["reason"] == "weighting by market capitalisation is not supported"
    assert by_name["c.json"]["hint"]
    assert by_name["d.json"]["reason"].startswith("not JSON")
    assert by_name["e.json"]["nodes"] == 5_002
    assert by_name["g.json"]["remarks"] == [
        "root/wt-cash-equal[0]/empty[1]: is empty; its share stays in cash"
    ]
    assert by_name["h.json"]["reason"] == "there is no day on which all its tickers and windows are known"
    assert by_name["i.json"]["path"] == "root"
    assert found["remarks"] == 1


def test_who_decides_by_the_level_of_a_price_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    level = b.root(b.when(("current-price", {}, "SPY"), "gt", 200, [b.asset("SPY")], [b.asset("IEF")]))
    write(tmp_path / "level.json", level)
    write(tmp_path / "other.json", b.root(b.asset("SPY")))
    generated = "generated:years=2"
    panel = load_market(generated, symbols=["SPY", "IEF"])
    # Nothing is adjusted on the generated market; files with one close say nothing of the quotes.
    files = write_prices(panel, tmp_path / "prices")
    targets = [tmp_path / "level.json", tmp_path / "other.json"]
    found = answer(capsys, "check", *targets, "--market", generated)
    assert found["by_level"] == {"symphonies": 1, "without_raw_prices": 0}
    found = answer(capsys, "check", *targets, "--market", files)
    assert found["by_level"] == {"symphonies": 1, "without_raw_prices": 1}
    assert found["symphonies"][0]["status"] == "supported"
    assert "SPY (" in found["symphonies"][0]["no_vote"]
    assert main(["symphony", "check", *map(str, targets), "--market", files]) == 0
    assert "1 symphony decides by the level of a price; 1 has no vote" in capsys.readouterr().out
    for market, words in (
        (generated, "as they were quoted on each day"),
        (files, "no vote in a run: root/if[0]"),
    ):
        assert main(["symphony", "backtest", str(targets[0]), "--market", market, "--no-picture"]) == 0
        printed = capsys.readouterr().out
        assert words in printed
        assert "decides by the level of an adjusted price" in printed


def test_the_raw_closes_by_which_levels_are_compared_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        tmp_path / "level.json", b.root(b.when(("current-price", {}, "SPY"), "gt", 1, [b.asset("SPY")], []))
    )
    days = pd.bdate_range("2024-01-02", periods=9)
    prices = pd.DataFrame({"date": days, "symbol": "SPY", "close": 470.0, "adj_close": range(460, 469)})
    (tmp_path / "prices").mkdir()
    prices.to_csv(tmp_path / "prices" / "spy.csv", index=False)
    market = f"files:{tmp_path / 'prices'}"
    assert (
        main(["symphony", "backtest", str(tmp_path / "level.json"), "--market", market, "--no-picture"]) == 0
    )
    printed = capsys.readouterr().out
    assert f"SPY: column 'close' beside 'adj_close' of {tmp_path / 'prices' / 'spy.csv'}" in printed
    assert "were compared as they were quoted on each day" not in printed


def test_the_text(folder: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["symphony", "check", str(folder), "--market", market]) == 0
    printed = capsys.readouterr()
    assert f"8 symphonies on {market}: 3 supported, 2 without prices, 3 unsupported" in printed.out
    assert "YYY at root/wt-cash-equal[0]/asset[2], ZZZ at root/" in printed.out
    assert "1 remark on 1 symphony" in printed.out
    assert "replaying: 5 of 5" in printed.err


def test_files_and_ids_together(
    folder: Path, market: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlpretrain.composer import load_catalogue

    monkeypatch.setenv("RLPRETRAIN_CATALOGUE", "generated:size=6,seed=3")
    identifier = load_catalogue("generated:size=6,seed=3").entries()[1].symphony_id
    targets = [folder / "d.json", identifier, "nosuch", folder / "a.json", folder / "a.json"]
    found = answer(capsys, "check", *targets, "--market", "generated:years=2")
    assert [(row["source"], row["status"]) for row in found["symphonies"]] == [
        (str(folder / "d.json"), "unsupported"),
        (identifier, "supported"),
        ("nosuch", "unsupported"),
        (str(folder / "a.json"), "lacks_prices"),
    ]


def test_nothing_that_could_be_priced(folder: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "check", folder / "d.json", folder / "b.json", "--market", "generated:years=1")
    assert found["counts"] == {"supported": 0, "lacks_prices": 1, "unsupported": 1}
    assert len(found["symphonies"][1]["missing"]) == 3


def test_the_batch_survives_a_failing_engine(
    folder: Path, market: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlpretrain.symphony import Evaluator

    replay = Evaluator.replay

    def fail_on_a(self, symphony, *arguments, **options):
        if symphony.symphony_id == "a":
            raise ZeroDivisionError("oh")
        return replay(self, symphony, *arguments, **options)

    monkeypatch.setattr(Evaluator, "replay", fail_on_a)
    found = answer(capsys, "check", folder, "--market", market)
    assert found["symphonies"][0]["reason"] == "the engine failed: ZeroDivisionError: oh"
    assert found["counts"]["supported"] == 2


@pytest.mark.parametrize(
    ("target", "options", "status", "words"),
    [
        ("empty", [], 1, "contains no symphony file"),
        ("no/such", [], 1, "no/such: no such file or folder"),
        ("nosuch", [], 1, "nosuch is not a file"),
        ("library", ["--market", "moon:"], 2, "unknown market"),
        ("library", ["--market", "files:/nowhere"], 1, "/nowhere does not exist"),
        ("library", ["--start", "soon"], 2, "--start 'soon' is not a date"),
    ],
)
def test_impossible_requests(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    target: str, options: list[str], status: int, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder.parent)
    Path("empty").mkdir()
    assert words in answer(capsys, "check", target, *options, status=status)["error"]


SHARED = Path(__file__).parents[2] / "../shared"


@pytest.mark.market_data
@pytest.mark.skipif(
    not ((SHARED / "symphonies").is_dir() and (SHARED / "market").is_dir()),
    reason="no real prices and symphonies beside the project",
)
def test_real_symphonies(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    market = f"files:{SHARED / 'market'}"
    # Beside the symphonies lies what is known about them.
    every = sorted((SHARED / "symphonies").glob("*.json"))
    files = [file for file in every if json.loads(file.read_text(encoding="utf-8")).get("step") == "root"]
    found = answer(capsys, "check", *files, "--market", market)
    counts = found["counts"]
    assert sum(counts.values()) == len(files) >= 114
    assert counts["unsupported"] == 0 and counts["supported"] >= 96
    assert all(row["missing"] for row in found["symphonies"] if row["status"] == "lacks_prices")
    largest = max(files, key=lambda file: file.stat().st_size)
    shown = answer(capsys, "show", largest)
    assert len(shown["tree"]) == shown["nodes"] == 7_225
    known = next(csv.DictReader((SHARED / "symphonies" / "known_yearly.csv").open(encoding="utf-8")))
    recorded = answer(
        capsys, "backtest", SHARED / "symphonies" / known["file"], "--market", market, "--no-picture"
    )
    year = recorded["yearly"][known["year"]]
    assert year["sharpe_ratio"] == pytest.approx(float(known["sharpe"]), abs=0.01)
    assert 100 * year["max_drawdown"] == pytest.approx(float(known["max_drawdown_pct"]), abs=0.25)
    supported = [row["source"] for row in found["symphonies"] if row["status"] == "supported"]
    figures = answer(
        capsys,
        "backtest",
        supported[0],
        "--market",
        market,
        "--start",
        "2023-01-01",
        "--picture",
        tmp_path / "x.png",
    )
    assert figures["last_market_day"] == "2023-12-29" and (tmp_path / "x.png").is_file()
