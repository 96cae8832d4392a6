"""A stage's record of itself: what it used, what it wrote, and what it found."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rlpretrain.errors import StageError

__all__ = ["Manifest", "is_output"]

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Manifest:
    """What a stage used, wrote and found.

    Only `clock` contains what differs between two equal runs (times, host); everything else is reproducible.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    stage: str
    settings: str
    """Hash of the stage's section of the settings."""
    inputs: dict[str, str]
    """Name of each input -> its SHA-256 or content."""
    outputs: dict[str, str]
    """Path relative to the run's folder -> SHA-256."""
    result: dict[str, Any]
    """What later stages and users read, as JSON; `read` converts it to its type."""
    versions: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"
    clock: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read a manifest's file.

        Raises
        ------
        ValueError
            It is not JSON, lacks a field or has another, or names an output that is not in the run's folder.
        """
        try:
            manifest = _adapter().validate_json(content)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            raise ValueError(": ".join([*map(str, problem["loc"]), problem["msg"]])) from None
        for name in manifest.outputs:
            if not is_output(name):
                raise ValueError(f"outputs: {name!r} is no file in the run's folder")
        return manifest

    @property
    def counts(self) -> dict[str, int | float]:
        """Figures of the result, for logs and the command line."""
        return {
            name: value
            for name, value in self.result.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

    @property
    def seconds(self) -> float:
        """How long the stage ran, on the clock; 0 where that is not known."""
        found = self.clock.get("seconds")
        return float(found) if isinstance(found, int | float) else 0.0

    def result_digest(self) -> str:
        """Hash the result, which is an input like a file for the stages that read it."""
        return hashlib.sha256(json.dumps(self.result, sort_keys=True).encode()).hexdigest()

    def read(self, kind: type[ModelT]) -> ModelT:
        """Return the result as its type.

        Raises
        ------
        StageError
            Another version of the program wrote it.
        """
        try:
            return kind.model_validate(self.result)
        except ValidationError as error:
            raise StageError(
                f"the result of stage '{self.stage}' is not of this version: {error}",
                hint=f"run `rlpretrain {self.stage.split('/')[0]}` again",
            ) from None


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def is_output(name: str) -> bool:
    """Return whether a name can be that of a stage's file: a path that stays in the run's folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
