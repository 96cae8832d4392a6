"""What the trainer's image is asked to do is what its command line takes."""

from pathlib import Path

import pytest

from rlpretrain.cli import _parser
from rlpretrain.deployment.trainers.container import CONTAINER_ARTIFACTS, stage_command
from rlpretrain.stages import STAGES, Stage


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage.learns], ids=lambda stage: stage.name)
def test_the_command_of_a_stage_that_learns_is_understood(stage: Stage) -> None:
    symbol = "BRK.B" if stage.parts else ""
    options = _parser().parse_args(stage_command(stage.name, Path("/runs/night 1"), symbol))
    assert (options.name, options.run) == (stage.name, Path(CONTAINER_ARTIFACTS, "night 1"))
    given = {other.name: getattr(options, other.parts.flag) for other in STAGES if other.parts}
    assert given == {other: symbol if other == stage.name else None for other in given}


def test_the_command_names_a_stage_that_there_is() -> None:
    with pytest.raises(KeyError):
        stage_command("pretraining", Path("/runs/1"))
