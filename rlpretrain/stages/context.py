"""What every stage is given: the settings, the run's folder, the market and the windows."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlpretrain.artifacts import Manifest, RunFolder, StageRecorder, run_once, write_json
from rlpretrain.config import PretrainingConfig, load_config
from rlpretrain.errors import StageError
from rlpretrain.output_folder import CACHE

if TYPE_CHECKING:
    from rlpretrain.market import PricePanel
    from rlpretrain.market.windows import Windows

__all__ = ["SETTINGS", "StageContext", "open_run"]

SETTINGS = "settings.json"

logger = logging.getLogger("rlpretrain")


class StageContext:
    """Settings and folder of one run.

    Parameters
    ----------
    config
        All settings, those of the deployment included.
    run
        The run's folder; the settings of the run are written into it, without addresses that may carry secrets.
    progress
        Called with plain lines while a stage works.
    """

    def __init__(
        self, config: PretrainingConfig, run: RunFolder, progress: Callable[[str], None] | None = None
    ) -> None:
        self.config, self.run = config, run
        self.progress = progress or (lambda line: logger.info("%s", line))

    def write_settings(self) -> None:
        """Keep the run's settings beside its results."""
        write_json(self.run / SETTINGS, self.config.public())

    @property
    def store_url(self) -> str:
        """The pattern store's URL: the deployment's, or a SQLite file in the run's folder."""
        return self.config.store_url or f"sqlite:///{self.run / 'composer_patterns.db'}"

    @property
    def cache_folder(self) -> Path:
        """Where runs keep answers and results for each other."""
        return self.config.output_dir / CACHE

    @property
    def embedded(self) -> bool:
        """Whether the service is the embedded server."""
        from rlpretrain.composer import EmbeddedAddress, parse_address

        return isinstance(parse_address(self.config.composer_url), EmbeddedAddress)

    @cached_property
    def panel(self) -> PricePanel:
        """The whole market."""
        from rlpretrain.market import load_market

        panel = load_market(self.config.market, seed=self.config.seed)
        self.progress(
            f"market {self.config.market}: {len(panel.symbols)} assets, {panel.dates[0]} to {panel.dates[-1]}"
        )
        return panel

    @cached_property
    def windows(self) -> Windows:
        """How the market's sessions are split."""
        from rlpretrain.market.windows import split_windows

        config = self.config
        return split_windows(
            self.panel.dates[self.panel.sessions],
            validation_split=config.validation_split,
            test_split=config.test_split,
            validation_start=config.validation_start,
            test_start=config.test_start,
        )

    def device(self) -> str:
        """Choose the device of pre-training and transfer.

        Raises
        ------
        StageError
            ``cuda`` is demanded and there is none.
        """
        import torch

        available = torch.cuda.is_available()
        if self.config.device == "cuda" and not available:
            raise StageError("device is 'cuda', but torch finds no GPU", hint="set device to 'auto' or 'cpu'")
        return "cuda" if available and self.config.device != "cpu" else "cpu"

    def run_stage(
        self,
        stage: str,
        work: Callable[[StageRecorder], None],
        *,
        needs: Sequence[str] = (),
        settings: Sequence[str] = (),
        inputs: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Run a stage unless it is done with the same settings and inputs.

        Parameters
        ----------
        needs
            Stages whose outputs this one reads; each must have finished.
        settings
            Names of the settings that the stage's result depends on.
        inputs
            Further inputs and their content hashes.
        """
        known = dict(inputs or {})
        for name in needs:
            manifest = self.run.require(name)
            known |= {f"{name}:{output}": digest for output, digest in manifest.outputs.items()}
        return run_once(self.run, stage, self.config.digest(settings), known, work)


def open_run(folder: Path | str) -> StageContext:
    """Open a run that `resolve` prepared: its settings, and the deployment's from the environment.

    Raises
    ------
    StageError
        The folder holds no settings.
    """
    path = Path(folder) / SETTINGS
    if not path.is_file():
        raise StageError(f"{path} is missing", hint="resolve the run's settings first")
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    # These belong to the machine that runs the stage and to the deployment of today, not to the run.
    today = ("approval", "device", "trainer")
    settings = {name: value for name, value in values.items() if name not in today}
    return StageContext(load_config(overrides=settings), RunFolder(folder))
