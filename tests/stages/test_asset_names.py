"""The files of two assets never meet, whatever the assets are called."""

from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages.validate import VALIDATE, champion_file, evidence_file, ledger_file
from rlpretrain.validation.chosen_assets import named_assets

symbols = st.text(alphabet="ABC.-/é", min_size=1, max_size=12) | st.sampled_from(
    ["BTC-USD", "BTC/USD", "BTC.USD", "BTC//USD", "BTC/USD/evidence", "BTC/USD/champion"]
)


def test_usual_symbols_are_names_of_files() -> None:
    for symbol in (*named_assets(PretrainingConfig().validation_envs), "SPY", "BRK.B", "UNI7083-USD"):
        assert VALIDATE.manifest_name(symbol) == f"validate/{symbol}"


def test_a_pair_with_a_slash_has_files_of_its_own() -> None:
    names = {VALIDATE.manifest_name(symbol) for symbol in ("BTC/USD", "BTC-USD", "BTC_USD", "BTC//USD")}
    assert len(names) == 4 and {"validate/BTC-USD", "validate/BTC_USD"} < names
    assert VALIDATE.manifest_name("BTC/USD").startswith("validate/BTC_USD-")


@given(one=symbols, other=symbols)
def test_no_file_of_one_asset_is_anothers(one: str, other: str) -> None:
    if one != other:
        files = [
            {
                f"{VALIDATE.manifest_name(symbol)}.json",
                evidence_file(symbol),
                champion_file(symbol),
                ledger_file(symbol),
            }
            for symbol in (one, other)
        ]
        assert not files[0] & files[1]
