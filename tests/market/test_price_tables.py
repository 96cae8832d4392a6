"""Price providers and sources: every row is complete, and a package's own ones are used for real."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.cli import main
from rlpretrain.errors import SettingsError
from rlpretrain.market import exchange_sessions, load_market, market_symbols, parse_provider
from rlpretrain.market.provider import PRICE_PROVIDERS, PriceProvider
from rlpretrain.market.sources import PRICE_SOURCES, PriceSource
from rlpretrain.settings import load_config, run_parameters
from tests.outside import install


@pytest.mark.parametrize("row", PRICE_PROVIDERS.values(), ids=lambda row: row.name)
def test_every_provider_reads_its_own_syntax(row: PriceProvider) -> None:
    parsed = parse_provider(row.syntax)
    assert callable(parsed.symbols) and callable(parsed.load)


@pytest.mark.parametrize("missing", [{"name": ""}, {"name": "a:b"}, {"syntax": ""}, {"syntax": "other:x"}])
def test_an_incomplete_provider_is_refused(missing: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="needs a syntax"):
        replace(PRICE_PROVIDERS["files"], **missing)


@pytest.mark.parametrize("missing", [{"name": ""}, {"name": "none"}, {"description": ""}])
def test_an_incomplete_source_is_refused(missing: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="needs a description, and a name"):
        replace(PRICE_SOURCES["yahoo"], **missing)


def test_an_unknown_provider_is_answered_with_each_syntax() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_provider("bank:7")
    assert "unknown market 'bank:7'" in str(caught.value)
    assert all(row.syntax in str(caught.value) for row in PRICE_PROVIDERS.values())


@pytest.mark.parametrize("source", PRICE_SOURCES.values(), ids=lambda row: row.name)
def test_every_source_can_be_set(source: PriceSource) -> None:
    config = load_config(overrides={"price_updates": source.name, "market": "files:/prices"})
    assert config.price_updates == source.name


def test_a_provider_from_a_package_is_loaded_cut_and_ordered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = install("A price provider", PRICE_PROVIDERS, tmp_path, monkeypatch)
    assert name in PRICE_PROVIDERS
    assert market_symbols("deposits:0.03") == ("SAVER", "LOAN")
    whole = load_market("deposits:0.03")
    assert whole.symbols == ("SAVER", "LOAN")
    assert whole.close[252, 0] == pytest.approx(103.0)
    start, end = dt.date(2019, 3, 2), dt.date(2019, 5, 5)
    cut = load_market("deposits:0.03", symbols=["LOAN", "SAVER", "NONE"], start=start, end=end)
    assert cut.symbols == ("LOAN", "SAVER")
    np.testing.assert_array_equal(cut.dates, exchange_sessions(start, end))
    assert load_market("deposits:0.03", symbols=["LOAN"]).symbols == ("LOAN",)
    with pytest.raises(SettingsError, match="no rate"):
        load_market("deposits:high")
    with pytest.raises(SettingsError, match=r"unknown market.*deposits:0.03"):
        load_market("bank:7")


def test_a_source_from_a_package_fills_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = install("A price source", PRICE_SOURCES, tmp_path, monkeypatch)
    folder = tmp_path / "prices"
    assert main(["prices", str(folder), "SPY", "TLT", "NOPE", "--source", name]) == 0
    given = load_market("generated:kind=noise", symbols=["SPY", "TLT"])
    np.testing.assert_array_equal(load_market(f"files:{folder}").close, given.close)
    schema = run_parameters()["price_updates"]
    assert schema["enum"] == ["none", "yahoo", "alpaca", name]
    assert schema["labels"][-1] == PRICE_SOURCES[name].description


def test_an_unknown_source_is_answered_with_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", str(tmp_path), "SPY", "--source", "bank"]) == 2
    assert "unknown price source 'bank'" in capsys.readouterr().err
    with pytest.raises(SettingsError, match="price_updates: unknown price source 'bank': one of none, yahoo"):
        load_config(overrides={"price_updates": "bank", "market": "files:/prices"})
