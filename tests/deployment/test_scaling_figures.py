"""The table of docs/scaling.md: unit costs from manifests, and the sum that they make."""

from pathlib import Path

import pytest

from benchmarks.scaling import AIRFLOW_SECONDS, UnitCosts
from rlpretrain.runs.files import write_json
from rlpretrain.stages import stage_named
from tests.runs.building import write_manifest


def manifest(folder: Path, stage: str, seconds: float, **result: int) -> None:
    assert set(result) <= set(stage_named(stage.split("/")[0]).result.model_fields)
    write_manifest(folder, stage, result, seconds=seconds)


@pytest.fixture
def costs(tmp_path: Path) -> UnitCosts:
    manifest(tmp_path, "list", 1.0, listed=100)
    for chunk in range(2):
        manifest(tmp_path, f"extract/chunk_000{chunk}", 25.0, replayed=50)
    manifest(tmp_path, "mine", 10.0, patterns=1000)
    manifest(tmp_path, "analyze", 5.0, patterns=500)
    manifest(tmp_path, "pretrain", 40.0, train=250, epochs=4)
    manifest(tmp_path, "transfer", 7.0, assets=2)
    for symbol in ("SPY", "QQQ"):
        manifest(tmp_path, f"validate/{symbol}", 30.0, bars=10)
        write_json(tmp_path / f"validate/{symbol}_evidence.json", {"symbol": symbol})
    manifest(tmp_path, "report", 3.0, assets=2)
    return UnitCosts.of(tmp_path)


def test_the_run_itself_is_the_sum_of_its_stages(costs: UnitCosts) -> None:
    whole = 1 + 2 * 25 + 10 + 5 + 40 + 7 + 2 * 30 + 3
    assert costs.night(100, machines=1, cores=1, assets=2) == pytest.approx(AIRFLOW_SECONDS + whole)


def test_machines_share_chunks_and_assets_alone(costs: UnitCosts) -> None:
    one, two = (costs.night(100, machines, cores=1, assets=2) for machines in (1, 2))
    assert one - two == pytest.approx(25 + 30)
    assert costs.night(100, 8, 1, 2) - costs.night(100, 16, 1, 2) == pytest.approx(50 / 16)


def test_a_library_twice_as_large_costs_twice_what_grows_with_it(costs: UnitCosts) -> None:
    assert costs.night(200, 1, 1, 2) - costs.night(100, 1, 1, 2) == pytest.approx(1 + 50 + 10 + 5 + 40)
