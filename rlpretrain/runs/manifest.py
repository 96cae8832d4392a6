"""A stage's record of itself: what it used, what it wrote, and what it found."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rlpretrain.errors import StageError

__all__ = ["Manifest"]

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Manifest:
    """What a stage used, wrote and found.

    Only `clock` contains what differs between two equal runs (times, host); everything else is reproducible.
    """

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

    @property
    def counts(self) -> dict[str, int | float]:
        """Figures of the result, for logs and the command line."""
        return {
            name: value
            for name, value in self.result.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

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
