"""The folder of a run, with its mark and its manifests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rlpretrain.errors import StageError
from rlpretrain.runs.files import file_sha256, write_json
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.output_folder import MARK, mark_of, read_mark, run_folder_name

__all__ = ["RunFolder"]


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    path
        Created if missing; `RunFolder.of` finds that of a run.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()
        self.path.mkdir(parents=True, exist_ok=True)

    @classmethod
    def of(cls, output_dir: Path, run_id: str) -> RunFolder:
        """Open the folder of a run; if there is none, create it and, before anything else, mark it as the run's.

        Raises
        ------
        StageError
            A folder of that name exists but is not this run's.
        """
        run = cls(output_dir / run_folder_name(run_id))
        # A folder with nothing but half-written files is new, or its creation was interrupted.
        if all(path.name.startswith(".") for path in run.path.iterdir()):
            write_json(run / MARK, mark_of(run_id))
        if read_mark(run.path) != run_id:
            raise StageError(
                f"{run.path} is not the folder of run {run_id!r}: its {MARK} does not name that run",
                hint="move it away, or choose another name for the run",
            )
        return run

    @property
    def run_id(self) -> str:
        """Name of the folder."""
        return self.path.name

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def manifest(self, stage: str) -> Manifest | None:
        """Read a stage's manifest; None if the stage has not finished.

        Raises
        ------
        StageError
            The file is damaged, or another version wrote it.
        """
        path = self.path / f"{stage}.json"
        hint = f"run `rlpretrain {stage.split('/')[0]}` again"
        try:
            manifest = Manifest.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StageError(f"{path} is not a manifest: {error}", hint=hint) from None
        if manifest.stage != stage:
            raise StageError(f"{path} is the manifest of stage '{manifest.stage}'", hint=hint)
        return manifest

    def require(self, stage: str) -> Manifest:
        """Read a stage's manifest and check that its outputs are unchanged.

        Raises
        ------
        StageError
            The stage has not finished, or an output is missing or was changed afterwards.
        """
        manifest = self.manifest(stage)
        if manifest is None:
            raise StageError(
                f"{self.path}: stage '{stage}' has not finished", hint=f"run `rlpretrain {stage}` first"
            )
        self._check_outputs(manifest)
        return manifest

    def _check_outputs(self, manifest: Manifest) -> None:
        for name, expected in manifest.outputs.items():
            path = self.path / name
            try:
                found = file_sha256(path)
            except FileNotFoundError:
                raise StageError(f"{path} is missing, although stage '{manifest.stage}' wrote it") from None
            except OSError as error:
                raise StageError(f"{path} can't be read: {error.strerror}") from None
            if found != expected:
                raise StageError(f"{path} was changed after stage '{manifest.stage}' wrote it")

    def finished(self, stage: str, settings: str, inputs: Mapping[str, str]) -> Manifest | None:
        """Return the stage's manifest if it ran with the same settings and inputs and its outputs are unchanged."""
        try:
            manifest = self.manifest(stage)
            if manifest is None or manifest.settings != settings or manifest.inputs != dict(inputs):
                return None
            self._check_outputs(manifest)
        except StageError:
            return None
        return manifest

    def damage(self, stage: str) -> str | None:
        """Return what is wrong with the manifest of a stage or with its outputs; None if nothing is."""
        try:
            manifest = self.manifest(stage)
            if manifest is not None:
                self._check_outputs(manifest)
        except StageError as error:
            return error.message
        return None
