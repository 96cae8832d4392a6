"""One function for each stage of the run: settings, the run's folder and the store in, a manifest out.

The command line, the DAG's tasks and the trainer's container call these. They are light to import: each stage
loads its rooms when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlpretrain.stages.promotion import Promotion

__all__ = [
    "analyze",
    "check_patterns",
    "extract_chunk",
    "list_strategies",
    "mine_patterns",
    "pretrain",
    "promote",
    "report",
    "resolve",
    "score",
    "summary",
    "transfer",
    "update_prices",
    "validate_asset",
]


def resolve(run_id: str, settings: Mapping[str, Any]) -> Path:
    """Check a run's settings, make its folder and keep the settings there; return the folder.

    Raises
    ------
    SettingsError
        A setting is unknown or impossible.
    """
    from rlpretrain.artifacts import RunFolder
    from rlpretrain.config import load_config
    from rlpretrain.stages.context import StageContext

    config = load_config(overrides=settings)
    run = RunFolder.of(config.output_dir, run_id)
    StageContext(config, run).write_settings()
    return run.path


def update_prices(folder: Path | str) -> Path | None:
    """Bring the market's folder up to date where the settings say so; return the manifest's path, or None."""
    from rlpretrain.stages.context import open_run
    from rlpretrain.stages.prices import run

    return run(open_run(folder))


def list_strategies(folder: Path | str) -> list[int]:
    """List the library and cut it into chunks; return their numbers."""
    from rlpretrain.stages.context import open_run
    from rlpretrain.stages.library import run

    return run(open_run(folder))


async def extract_chunk(folder: Path | str, chunk: int) -> Path:
    """Fetch, check and replay one chunk of the library; return its manifest's path."""
    from rlpretrain.stages.context import open_run
    from rlpretrain.stages.extraction import run

    return await run(open_run(folder), chunk)


def mine_patterns(folder: Path | str) -> Path:
    """Count the votes, mine and store the patterns, write the data sets; return the manifest's path."""
    from rlpretrain.stages.context import open_run
    from rlpretrain.stages.mining import run

    return run(open_run(folder))


def check_patterns(folder: Path | str) -> Path:
    """Check the stored patterns and trades; return the manifest's path."""
    from rlpretrain.stages.checking import run
    from rlpretrain.stages.context import open_run

    return run(open_run(folder))


def analyze(folder: Path | str) -> Path:
    """Analyse the patterns of the pre-training window; return the manifest's path."""
    from rlpretrain.stages.analysis import run
    from rlpretrain.stages.context import open_run

    return run(open_run(folder))


def pretrain(folder: Path | str) -> Path:
    """Clone the library's decisions; return the manifest's path."""
    from rlpretrain.errors import learning
    from rlpretrain.stages.context import open_run

    with learning():
        from rlpretrain.stages.pretraining import run

    return run(open_run(folder))


def transfer(folder: Path | str) -> Path:
    """Make and fine-tune the RL agent; return the manifest's path."""
    from rlpretrain.errors import learning
    from rlpretrain.stages.context import open_run

    with learning():
        from rlpretrain.stages.fine_tuning import run

    return run(open_run(folder))


def validate_asset(folder: Path | str, symbol: str) -> Path:
    """Compare the agent's start with random initialisation on one asset; return the manifest's path."""
    from rlpretrain.errors import learning
    from rlpretrain.stages.context import open_run

    with learning():
        from rlpretrain.stages.validation import run

    return run(open_run(folder), symbol)


def report(folder: Path | str) -> Path:
    """Write the report, register the agent and ask the rule; return the path of ``report.html``."""
    from rlpretrain.stages.context import open_run
    from rlpretrain.stages.reporting import run

    return run(open_run(folder))


def promote(folder: Path | str) -> Promotion:
    """Make the run's agent champion where the rule says so, and a person where one must be asked."""
    from rlpretrain.stages.context import open_run
    from rlpretrain.stages.promotion import run

    return run(open_run(folder))


def score(folder: Path | str) -> Path:
    """Score the run's latest bars with the champion; return the manifest's path."""
    from rlpretrain.stages.context import open_run
    from rlpretrain.stages.scoring import run

    return run(open_run(folder))


def summary(folder: Path | str) -> list[str]:
    """Return the verdict and the main figures of a finished run, a line each."""
    from rlpretrain.stages.reporting import read_summary

    return read_summary(Path(folder))
