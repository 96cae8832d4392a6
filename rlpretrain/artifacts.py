"""The run's folder, atomic files and stage manifests.

A stage writes its outputs under the run's folder in ``output_dir`` and then, last and atomically, ``<stage>.json``. The
manifest carries the hash of the settings and inputs the stage used, so an unchanged stage is not run again, and a
killed one leaves no manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rlpretrain.errors import StageError
from rlpretrain.output_folder import MARK, mark_of, read_mark, run_folder_name

__all__ = ["Manifest", "RunFolder", "StageRecorder", "atomic_path", "file_sha256", "run_once", "write_json"]

_TRACKED = ("rlpretrain", "numpy", "pandas", "scikit-learn", "torch", "stable-baselines3")

_UMASK = os.umask(0)
"""Of this process. It can be read by setting it only, which is safe now, while no other thread makes files."""
os.umask(_UMASK)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends well, and vanishes when it doesn't."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_UMASK)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys: equal values give equal bytes."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n",
            encoding="utf-8",
            errors="backslashreplace",  # an unpaired surrogate, as JSON escapes it
        )


def file_sha256(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@dataclass(frozen=True)
class Manifest:
    """What a stage used, made and took.

    `clock` alone holds what differs between two equal runs (times, host); everything else is reproducible.
    """

    stage: str
    settings: str
    """Hash of the settings that the stage depends on."""
    inputs: dict[str, str]
    """Name of each input -> its SHA-256 or content hash."""
    outputs: dict[str, str]
    """Path relative to the run's folder -> SHA-256."""
    counts: dict[str, int | float]
    details: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"
    clock: dict[str, Any] = field(default_factory=dict)


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    path
        Made when missing; `RunFolder.of` knows where a run's is.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()
        self.path.mkdir(parents=True, exist_ok=True)

    @classmethod
    def of(cls, output_dir: Path, run_id: str) -> RunFolder:
        """Open the folder of a run; where there is none, make it and, before anything else, mark it as the run's.

        Raises
        ------
        StageError
            What has the folder's name is not this run's folder.
        """
        run = cls(output_dir / run_folder_name(run_id))
        # A folder that holds nothing but half-written files is new, or its making was broken off.
        if all(path.name.startswith(".") for path in run.path.iterdir()):
            write_json(run / MARK, mark_of(run_id))
        if read_mark(run.path) != run_id:
            raise StageError(
                f"{run.path} is not the folder of run {run_id!r}: its {MARK} does not say so",
                hint="move it away, or name the run otherwise",
            )
        return run

    @property
    def run_id(self) -> str:
        """Name of the folder."""
        return self.path.name

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def manifest(self, stage: str) -> Manifest | None:
        """Read a stage's manifest; None when the stage has not finished.

        Raises
        ------
        StageError
            The file is damaged, or another version wrote it.
        """
        path = self.path / f"{stage}.json"
        if not path.is_file():
            return None
        try:
            return Manifest(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise StageError(
                f"{path} is no manifest: {error}", hint=f"run `rlpretrain {stage}` again"
            ) from None

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
            if not path.is_file():
                raise StageError(f"{path} is missing, although stage '{manifest.stage}' wrote it")
            if file_sha256(path) != expected:
                raise StageError(f"{path} was changed after stage '{manifest.stage}' wrote it")

    def finished(self, stage: str, settings: str, inputs: Mapping[str, str]) -> Manifest | None:
        """Return the stage's manifest if it ran with the same settings and inputs and its outputs stand."""
        try:
            manifest = self.manifest(stage)
            if manifest is None or manifest.settings != settings or manifest.inputs != dict(inputs):
                return None
            self._check_outputs(manifest)
        except StageError:
            return None
        return manifest


class StageRecorder:
    """Collects what a stage made, and writes its manifest at the end."""

    def __init__(self, run: RunFolder, stage: str, settings: str, inputs: Mapping[str, str]) -> None:
        self.run, self.stage, self.settings, self.inputs = run, stage, settings, dict(inputs)
        self.counts: dict[str, int | float] = {}
        self.details: dict[str, Any] = {}
        self.device = "cpu"
        self._outputs: list[str] = []
        self._started = time.time()

    def output(self, name: str) -> Path:
        """Register an output by its path relative to the run's folder; return its full path."""
        if name not in self._outputs:
            self._outputs.append(name)
        path = self.run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def finish(self) -> Manifest:
        """Hash the outputs and write the manifest."""
        manifest = Manifest(
            stage=self.stage,
            settings=self.settings,
            inputs=self.inputs,
            outputs={name: file_sha256(self.run / name) for name in sorted(self._outputs)},
            counts=self.counts,
            details=self.details,
            versions=_versions(_TRACKED),
            device=self.device,
            clock={
                "finished": time.time(),
                "seconds": round(time.time() - self._started, 3),
                "host": platform.node(),
            },
        )
        write_json(self.run / f"{self.stage}.json", asdict(manifest))
        return manifest


def run_once(
    run: RunFolder,
    stage: str,
    settings: str,
    inputs: Mapping[str, str],
    work: Callable[[StageRecorder], None],
) -> Manifest:
    """Run `work` unless the stage already finished with the same settings and inputs."""
    done = run.finished(stage, settings, inputs)
    if done is not None:
        return done
    (run / f"{stage}.json").unlink(missing_ok=True)
    recorder = StageRecorder(run, stage, settings, inputs)
    work(recorder)
    return recorder.finish()


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
