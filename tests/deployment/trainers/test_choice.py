"""Where the stages that learn run, as the deployment's settings say."""

import subprocess
import sys

import pytest

from rlpretrain.deployment.trainers.choice import training


@pytest.mark.parametrize(
    ("trainer", "operator", "leaves_containers"),
    [
        ("process", None, False),
        ("docker", "DockerTrainerOperator", True),
        ("kubernetes", "KubernetesTrainerOperator", False),
    ],
)
def test_the_setting_names_the_operator(
    monkeypatch: pytest.MonkeyPatch, trainer: str, operator: str | None, leaves_containers: bool
) -> None:
    monkeypatch.setenv("RLPRETRAIN_TRAINER", trainer)
    chosen = training()
    assert (chosen.operator.__name__ if chosen.operator else None) == operator
    assert chosen.leaves_containers == leaves_containers
    assert chosen.queue == {}
    monkeypatch.setenv("RLPRETRAIN_TRAINING_QUEUE", "gpu")
    assert training() == chosen._replace(queue={"queue": "gpu"})


@pytest.mark.parametrize(("trainer", "imported"), [("process", []), ("docker", ["docker"])])
def test_a_provider_that_is_not_chosen_is_not_imported(
    monkeypatch: pytest.MonkeyPatch, trainer: str, imported: list[str]
) -> None:
    monkeypatch.setenv("RLPRETRAIN_TRAINER", trainer)
    code = (
        "import sys; from rlpretrain.deployment.trainers.choice import training; training();"
        "print(*sorted({'docker', 'kubernetes'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == imported
