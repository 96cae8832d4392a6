"""Statistics, files and the picture of one symphony."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from rlpretrain.cli import main
from rlpretrain.market import load_market
from rlpretrain.symphony import Costs, Evaluator, backtest, parse_symphony, yearly_statistics
from tests.commands.conftest import RULE, answer, deep, write
from tests.symphony import building as b


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_json_holds_what_the_engine_gives(
    rule: Path, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, "backtest", rule, "--market", market, "--weights", "w.csv", "--equity", "e.csv")
    panel = load_market(market)
    replay = Evaluator(panel).replay(parse_symphony(RULE, symphony_id="rule"))
    costs = Costs.per_side(0.001)
    result = backtest(replay, panel, costs, benchmarks=["SPY"])
    assert found["stats"] == {k: (v if np.isfinite(v) else None) for k, v in result.stats.items()}
    assert found["yearly"] == yearly_statistics(replay, panel, costs)
    assert list(found["yearly"]) == ["2020", "2021", "2022"]
    assert set(found["yearly"]["2021"]) == {"sharpe_ratio", "annualized_rate_of_return", "max_drawdown"}
    assert found["first_day"] == str(replay.dates[0]) == "2020-06-15"
    assert found["last_market_day"] == str(replay.dates[-1])
    assert found["costs"] == result.costs
    assert found["costs"]["slippage"] > 0 == found["costs"]["reg_fee"]
    nearest = found["decisions"][0]
    assert (nearest["path"], nearest["rule"]) == ("root/if[0]", "RSI(10) of AAA > 55")
    assert nearest["difference"] == nearest["left_value"] - 55.0
    assert nearest["deviations"] > 0
    assert found["rebalances"] == len(replay.dates)
    assert result.benchmarks["SPY"].items() <= found["benchmarks"]["SPY"].items()
    assert found["files"] == {"weights": "w.csv", "equity": "e.csv", "picture": "rule-equity.png"}

    with Path("w.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["date", "AAA", "BBB", "CCC"]
    assert [row[0] for row in rows] == replay.dates.astype(str).tolist()
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], float), replay.targets)
    with Path("e.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["date", "value"]
    np.testing.assert_array_equal([float(value) for _, value in rows], result.equity)
    assert found["final_value"] == float(rows[-1][1])
    assert imread("rule-equity.png").shape[0] > 500


def test_whole_shares_follow_the_setting(rule: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = ["--set", 'whole_share_tickers=["BBB", "CCC", "DDD"]']
    found = answer(capsys, "backtest", rule, "--market", market, "--no-picture", "--capital=900", *whole)
    panel = load_market(market)
    replay = Evaluator(panel).replay(parse_symphony(RULE, symphony_id="rule"))
    options: dict[str, Any] = {"capital": 900.0, "whole_share_tickers": ("BBB", "CCC")}
    costs = Costs.per_side(0.001)
    assert found["whole_shares"] == ["BBB", "CCC"]
    assert found["final_value"] == backtest(replay, panel, costs, **options).equity[-1]
    assert found["yearly"] == yearly_statistics(replay, panel, costs, **options)
    assert found["final_value"] != backtest(replay, panel, costs, capital=900.0).equity[-1]


FEES = ["--slippage=0.0001", "--reg-fee", "--taf-fee"]


@pytest.mark.parametrize(
    ("options", "costs", "fill", "capital"),
    [
        (["--slippage", "0", "--capital", "500"], Costs.free(), "same_close", 500.0),
        ([*FEES, "--fill=next_close"], Costs(spread_markup=0.0), "next_close", 1e4),
        ([*FEES, "--spread-markup=0.002", "--capital=1e8"], Costs(), "same_close", 1e8),
    ],
)  # fmt: skip
def test_costs_fills_and_capital(
    rule: Path, market: str, capsys: pytest.CaptureFixture[str],
    options: list[str], costs: Costs, fill: Any, capital: float,
) -> None:  # fmt: skip
    found = answer(capsys, "backtest", rule, "--market", market, "--no-picture", *options)
    panel = load_market(market)
    replay = Evaluator(panel).replay(parse_symphony(RULE, symphony_id="rule"))
    result = backtest(replay, panel, costs, fill, capital=capital)
    assert found["final_value"] == result.equity[-1]
    assert found["costs"] == result.costs
    assert found["yearly"] == yearly_statistics(replay, panel, costs, fill, capital=capital)
    assert found["files"] == {}


def test_the_text(rule: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["symphony", "backtest", str(rule), "--market", market]) == 0
    text = capsys.readouterr().out
    for words in (
        "A test",
        "2020-06-15 to ",
        "Sharpe",
        "max drawdown",
        "SPY",
        "alpha",
        "  2021  ",
        "slippage",
    ):
        assert words in text
    assert text.endswith("picture: rule-equity.png\n")
    assert "slippage 0.1 % a side, no fees, filled at the deciding close" in text
    assert "nan" not in text


def test_benchmarks(rule: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(
        capsys,
        "backtest",
        rule,
        "--market",
        market,
        "--benchmark",
        "bbb",
        "--benchmark",
        "CCC",
        "--no-picture",
    )
    assert list(found["benchmarks"]) == ["BBB", "CCC"]
    assert {"alpha", "beta", "r_square", "pearson_r"} <= found["benchmarks"]["BBB"].keys()
    error = answer(capsys, "backtest", rule, "--market", market, "--benchmark", "ZZZ", status=1)["error"]
    assert error == "no prices of benchmark ZZZ"
    assert "expected a ticker" in answer(capsys, "backtest", rule, "--benchmark", "$", status=1)["error"]


def test_a_symphony_against_itself(market: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("hold.json"), b.root(b.asset("SPY")))
    found = answer(capsys, "backtest", "hold.json", "--market", market, "--slippage", "0")
    against = found["benchmarks"]["SPY"]
    assert against["beta"] == pytest.approx(1.0) and against["alpha"] == pytest.approx(0.0, abs=1e-12)
    assert against["sharpe_ratio"] == pytest.approx(found["stats"]["sharpe_ratio"])
    assert against["max_drawdown"] == pytest.approx(found["stats"]["max_drawdown"])


def test_one_day_has_no_nan(rule: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    day = ["--start", "2021-03-01", "--end", "2021-03-01"]
    found = answer(capsys, "backtest", rule, "--market", market, *day)
    assert found["stats"]["sharpe_ratio"] is None
    assert found["yearly"]["2021"]["sharpe_ratio"] is None
    assert main(["symphony", "backtest", str(rule), "--market", market, *day]) == 0
    assert "nan" not in capsys.readouterr().out


def test_a_market_without_the_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = "\n".join(["date,AAA", *(f"2021-01-{day:02},{100 + day}" for day in range(4, 9))])
    write(tmp_path / "prices" / "closes.csv", prices)
    write(Path("hold.json"), b.root(b.asset("AAA")))
    found = answer(capsys, "backtest", "hold.json", "--market", "files:prices")
    assert found["benchmarks"] == {} and Path("hold-equity.png").is_file()
    write(Path("other.json"), b.root(b.asset("QQQ")))
    assert (
        "no prices of"
        in answer(capsys, "backtest", "other.json", "--market", "files:prices", status=1)["error"]
    )


def test_a_chain_of_5000_groups(market: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("deep.json"), deep(5_000))
    assert answer(capsys, "backtest", "deep.json", "--market", market, "--no-picture")["name"] == "Deep"


def test_pictures_of_other_kinds_and_odd_names(
    market: str, capsys: pytest.CaptureFixture[str], recwarn: Any
) -> None:
    write(Path("x.json"), {**RULE, "name": "Rich $x^2$ 😀 " + "long " * 40})
    for name in ("a.svg", "b.svg", "c"):
        answer(capsys, "backtest", "x.json", "--market", market, "--picture", name)
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes(), "equal figures, equal bytes"
    assert Path("c").read_bytes().startswith(b"\x89PNG")
    assert not [warning for warning in recwarn if "lyph" in str(warning.message)]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--slippage", "0.7"], 2, "slippage is 0.7"),
        (["--slippage", "nan"], 2, "slippage is nan"),
        (["--capital", "0"], 2, "--capital 0"),
        (["--picture", "x.foo"], 2, "x.foo"),
        (["--picture", "nowhere/x.png"], 1, "nowhere/x.png: No such file or directory"),
        (["--weights", "nowhere/x.csv"], 1, "nowhere/x.csv: No such file or directory"),
        (["--start", "2022-01-01", "--end", "2021-01-01"], 1, "on any day from 2022-01-01 to 2021-01-01"),
    ],
)
def test_impossible_requests(
    rule: Path, market: str, capsys: pytest.CaptureFixture[str], options: list[str], status: int, words: str
) -> None:
    assert words in answer(capsys, "backtest", rule, "--market", market, *options, status=status)["error"]


def test_an_id_of_the_server(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from rlpretrain.composer import load_catalogue

    monkeypatch.setenv("RLPRETRAIN_CATALOGUE", "generated:size=6,seed=3")
    monkeypatch.setenv("RLPRETRAIN_MARKET", "generated:years=2")
    identifier = load_catalogue("generated:size=6,seed=3").entries()[0].symphony_id
    found = answer(capsys, "backtest", identifier)
    assert found["symphony_id"] == identifier and found["market"] == "generated:years=2"
    assert found["files"] == {"picture": f"{identifier}-equity.png"}
    json.dumps(found, allow_nan=False)


def test_a_symphony_that_lacks_prices_is_replayed_without_the_days_that_need_them(
    tmp_path: Path, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = b.when(
        ("relative-strength-index", {"window": 10}, "AAA"), "gt", 55, [b.asset("BBB")], [b.asset("XXX")]
    )
    file = write(tmp_path / "x.json", b.root(tree))
    command = ["symphony", "backtest", str(file), "--market", market, "--no-picture"]
    assert main(command) == 1
    assert "no prices of XXX at root/if[0]" in capsys.readouterr().err
    assert main([*command, "--missing-tickers", "replay_without"]) == 0
    assert "no prices of XXX; " in capsys.readouterr().out
    found = answer(
        capsys, "backtest", file, "--market", market, "--no-picture", "--missing-tickers=replay_without"
    )
    assert 0 < found["days_left_out"] < found["days"]
