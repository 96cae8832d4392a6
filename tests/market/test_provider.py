import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.market import FilesProvider, GeneratedProvider, load_market, market_symbols, parse_provider

SMALL = "generated:years=2,end=2020-06-30"


def test_defaults() -> None:
    parsed = parse_provider("generated:")
    assert parsed == GeneratedProvider("regimes", 15, dt.date(2024, 12, 31), None)
    assert isinstance(parsed, GeneratedProvider)
    assert parsed.start == dt.date(2010, 1, 1)
    assert parse_provider("generated") == parsed


def test_every_option() -> None:
    parsed = parse_provider("generated:kind=noise, years=3, end=2024-02-29, seed=11")
    assert parsed == GeneratedProvider("noise", 3, dt.date(2024, 2, 29), 11)
    assert isinstance(parsed, GeneratedProvider)
    assert parsed.start == dt.date(2021, 3, 1)
    strong = parse_provider("generated:kind=library,strength=1.5")
    assert strong == GeneratedProvider("library", strength=1.5)
    assert parse_provider("generated:kind=library") == GeneratedProvider("library", strength=1.0) != strong
    assert parse_provider("files:some/folder") == FilesProvider(Path("some/folder"))


@pytest.mark.parametrize(
    ("provider", "named"),
    [
        ("yahoo:", "yahoo"),
        ("", "''"),
        ("files:", "folder"),
        ("files", "files"),
        ("generated:sort=noise", "sort"),
        ("generated:kind=magic", "magic"),
        ("generated:kind", "kind"),
        ("generated:years=", "years"),
        ("generated:years=0", "years"),
        ("generated:years=2.5", "years"),
        ("generated:years=60", "years"),
        ("generated:seed=-1", "seed"),
        ("generated:seed=1,seed=2", "seed"),
        ("generated:end=tomorrow", "end"),
        ("generated:end=2300-01-01", "end"),
        ("generated:strength=1", "kind=regimes has no strength"),
        ("generated:kind=noise,strength=0", "kind=noise has no strength"),
        ("generated:kind=library,strength=strong", "number from 0 to 5, not 'strong'"),
        ("generated:kind=library,strength=-1", "strength"),
        ("generated:kind=library,strength=5.1", "strength"),
        ("generated:kind=library,strength=nan", "strength"),
        ("generated:kind=library,strength=", "strength"),
    ],
)
def test_bad_strings_are_named(provider: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        parse_provider(provider)


def test_seed_of_the_string_wins() -> None:
    assert (
        load_market(SMALL + ",seed=3", symbols=["SPY"], seed=9).digest
        == load_market(SMALL, symbols=["SPY"], seed=3).digest
    )


def test_window_is_cut_on_both_sides() -> None:
    panel = load_market(SMALL, symbols=["SPY", "BTC-USD"], start=dt.date(2019, 3, 2), end=dt.date(2019, 5, 5))
    assert (str(panel.dates[0]), str(panel.dates[-1])) == ("2019-03-02", "2019-05-05")
    whole = load_market(SMALL, symbols=["SPY", "BTC-USD"])
    assert panel.digest == whole.between(panel.dates[0], panel.dates[-1]).digest


def test_a_window_without_prices_is_an_error() -> None:
    with pytest.raises(DataError, match="2031"):
        load_market(SMALL, symbols=["SPY"], start=dt.date(2031, 1, 1))
    with pytest.raises(DataError, match="ETH-USD"):
        load_market("generated:years=2,end=2010-06-30", symbols=["ETH-USD"])
    with pytest.raises(DataError, match="1985"):
        load_market(SMALL, symbols=["SPY"], end=dt.date(1985, 1, 1))
    with pytest.raises(SettingsError, match="after its end"):
        load_market(SMALL, start=dt.date(2020, 1, 2), end=dt.date(2020, 1, 1))


def test_assets_not_born_yet_are_left_out() -> None:
    panel = load_market("generated:years=2,end=2010-06-30")
    assert "TQQQ" in panel
    assert "BTC-USD" not in panel
    assert np.isfinite(panel.close).any(axis=0).all()
    with pytest.raises(DataError, match="BTC-USD"):
        load_market("generated:years=2,end=2010-06-30", symbols=["SPY", "BTC-USD"], missing="error")


def test_missing_symbols_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    panel = load_market(SMALL, symbols=["QQQ", "NOPE", "SPY", "QQQ"])
    assert panel.symbols == ("QQQ", "SPY")
    assert "NOPE" in caplog.text
    with pytest.raises(DataError, match="NOPE"):
        load_market(SMALL, symbols=["SPY", "NOPE"], missing="error")
    with pytest.raises(DataError, match="NOPE"):
        load_market(SMALL, symbols=["NOPE"])
    with pytest.raises(DataError, match="no asset"):
        load_market(SMALL, symbols=[])


def test_market_symbols_is_what_loads() -> None:
    assert market_symbols(SMALL) == load_market("generated:years=1").symbols
    assert np.unique(market_symbols(SMALL)).size == len(market_symbols(SMALL))


def test_tickers_are_asked_for_in_any_spelling(tmp_path: Path) -> None:
    for name in ("BRK-B", "SPY", "BTC-USD"):
        (tmp_path / f"{name}.csv").write_text("date,close\n2024-01-02,10\n2024-01-03,11\n")
    asked = ["BRK.B", "spy.us", "BTC/USD", "SPY", "EQUITIES::BRK/B//USD"]
    panel = load_market(f"files:{tmp_path}", symbols=asked, missing="error")
    assert panel.symbols == ("BRK-B", "SPY", "BTC-USD")
    assert load_market("generated:years=2", symbols=["spy.us", "BTC/USD"]).symbols == ("SPY", "BTC-USD")
    with pytest.raises(DataError, match="no ticker!"):
        load_market(f"files:{tmp_path}", symbols=["SPY", "no ticker!"], missing="error")
