"""``rlpretrain prices check``, and what other commands say about the prices that they use."""

import json
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.cli import main
from tests.commands.conftest import RULE, answer, write
from tests.market.quality.building import calm, closes_alone, split
from tests.market.quality.test_calendar_rules import forward_filled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Closes of four tickers with a row for every calendar day; BBB lacks a split."""
    panel = forward_filled(closes_alone(split(calm("SPY", "AAA", "BBB", "CCC"), 250, 10, column=2)))
    rows = [
        ",".join([str(day), *map(repr, row)])
        for day, row in zip(panel.dates, panel.close.tolist(), strict=True)
    ]
    folder = tmp_path / "prices"
    write(folder / "closes.csv", "\n".join(["date,SPY,AAA,BBB,CCC", *rows]))
    return folder


def test_a_folder_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "check", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tickers"] == 4 and found["folder"] == str(folder)
    rules = {rule["rule"]: rule for rule in found["rules"]}
    assert (rules["closed exchange"]["tickers"], rules["missing split"]["bars"]) == (4, 50)
    assert found["counts"]["bars"] == rules["closed exchange"]["bars"] + 50
    (one,) = (finding for finding in found["findings"] if finding["rule"] == "missing split")
    assert one["ticker"] == "BBB" and one["action"] == "bars left out"
    assert main(["prices", "check", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"BBB {one['first']} to {one['last']}: {one['detail']} (missing split; bars left out)" in printed


def test_strict_fails_on_a_finding_and_a_setting_answers_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", "check", str(folder), "--strict", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "failed"
    assert main(["prices", "check", str(folder), "--json", "--set", 'trust_prices=["BBB"]']) == 0
    assert {rule["rule"] for rule in json.loads(capsys.readouterr().out)["rules"]} == {"closed exchange"}


def test_a_clean_folder_says_so(market: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "check", market.removeprefix("files:"), "--strict"]) == 0
    assert "0 bars and 0 tickers left out" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_one_folder_is_needed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "check", *arguments]) == 2
    assert "prices check FOLDER" in capsys.readouterr().err


def test_commands_remark_on_the_prices_of_their_tickers(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule, market = write(tmp_path / "rule.json", RULE), f"files:{folder}"
    backtest = answer(capsys, "backtest", rule, "--market", market, "--no-picture")
    prices = [remark for remark in backtest["remarks"] if remark.startswith("prices of ")]
    assert sum("closed exchange" in remark for remark in prices) == 4  # With SPY, the benchmark.
    assert sum("missing split" in remark for remark in prices) == 1
    shown = answer(capsys, "show", rule, "--market", market)
    assert len([remark for remark in shown["remarks"] if remark.startswith("prices of ")]) == 4
    (checked,) = answer(capsys, "check", rule, "--market", market)["symphonies"]
    assert len([remark for remark in checked["remarks"] if remark.startswith("prices of ")]) == 4
    assert main(["symphony", "backtest", str(rule), "--market", market, "--no-picture"]) == 0
    assert "(closed exchange; bars left out)" in capsys.readouterr().out


def test_filled_weekends_change_no_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A window of ten is ten sessions, whatever rows a file has."""
    rule, answers = write(tmp_path / "rule.json", RULE), []
    for name, panel in (
        ("clean", calm("AAA", "BBB", "CCC")),
        ("filled", forward_filled(calm("AAA", "BBB", "CCC"))),
    ):
        lines = [
            ",".join([str(d), *map(repr, row)])
            for d, row in zip(panel.dates, panel.close.tolist(), strict=True)
        ]
        write(tmp_path / name / "closes.csv", "\n".join(["date,AAA,BBB,CCC", *lines]))
        answers.append(
            answer(capsys, "backtest", rule, "--market", f"files:{tmp_path / name}", "--no-picture")
        )
    clean, filled = answers
    assert clean["remarks"] == [] and len(filled["remarks"]) == 3
    assert filled["stats"] == clean["stats"] and filled["days"] == clean["days"]
    assert np.isfinite(clean["stats"]["cumulative_return"])
