"""Which stages have metrics, and when there are none."""

from pathlib import Path

from rlpretrain.deployment.observability.metrics import METRICS, stage_metrics
from rlpretrain.stages import NIGHT, PROMOTE, STAGES


def test_every_stage_of_a_night_tells_its_seconds() -> None:
    assert set(METRICS) <= {stage.name for stage in STAGES}
    told = {
        name.removesuffix(".seconds") for names in METRICS.values() for name in names if ".seconds" in name
    }
    # A promotion takes no time, and is skipped where the champion stays.
    assert told == {stage.name for stage in NIGHT if stage is not PROMOTE}


def test_a_task_without_figures_and_a_run_without_a_folder_say_nothing(tmp_path: Path) -> None:
    assert stage_metrics(tmp_path, "resolve_settings") == {}
    assert stage_metrics(tmp_path / "none", "mine") == {}
    assert not (tmp_path / "none").exists()
