"""Who is champion, by which rule, and that writers don't lose each other's versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rlpretrain.errors import DataError
from rlpretrain.registry import Decision, ModelVersion, Registry, decide


def version(run_id: str, promote: bool = False) -> ModelVersion:
    return ModelVersion(
        run_id=run_id,
        agent=f"{run_id}/agent.pt",
        agent_sha256="0" * 64,
        state_version="1",
        test_window=["2023-01-01", "2024-01-01"],
        figures={"area": 0.5, "final": None},
        decision=Decision(promote, ["because"]),
    )


@pytest.mark.parametrize(
    ("shown", "champion", "interval", "promote", "reason"),
    [
        (False, False, None, False, "no effect"),
        (False, True, (0.1, 0.2), False, "no effect"),
        (True, False, None, True, "no champion yet"),
        (True, True, None, False, "could not be run"),
        (True, True, (1e-4, 2e-4), True, "above zero"),
        (True, True, (0.0, 2e-4), False, "not shown to be better"),
        (True, True, (-2e-4, -1e-4), False, "not shown to be better"),
    ],
)
def test_the_rule(
    shown: bool, champion: bool, interval: tuple[float, float] | None, promote: bool, reason: str
) -> None:
    decision = decide(
        effect_shown=shown,
        clean=True,
        effect_sentence="An effect." if shown else "There is no effect.",
        champion=version("old", True) if champion else None,
        difference_interval=interval,
    )
    assert decision.promote is promote
    assert reason in decision.reasons[-1]


def test_what_contaminated_days_show_promotes_nobody() -> None:
    decision = decide(
        effect_shown=True, clean=False, effect_sentence="An effect.", champion=None, difference_interval=None
    )
    assert not decision.promote
    assert "no day is clean" in decision.reasons[-1]


def test_the_champion_is_the_one_promoted_last(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    assert registry.versions() == []
    assert registry.champion() is None
    for run_id, promote in (("a", True), ("b", True), ("c", False)):
        registry.record(version(run_id, promote))
    champion = registry.champion()
    assert champion == version("b", True)
    assert registry.agent_path(champion) == tmp_path / "b/agent.pt"
    assert registry.champion(besides="b") == version("a", True)


def test_a_run_again_takes_its_own_place(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for run_id in ("a", "b", "a"):
        registry.record(version(run_id))
    assert [known.run_id for known in registry.versions()] == ["a", "b"]


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.test_registry import Registry, version\n"
        "for i in range(10): Registry(Path(sys.argv[1])).record(version(f'{sys.argv[2]}-{i}'))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in "abcd"]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    found = {known.run_id for known in Registry(tmp_path).versions()}
    assert found == {f"{name}-{i}" for name in "abcd" for i in range(10)}


@pytest.mark.parametrize("text", ["", "[]", '{"versions": [{"run_id": "a"}]}'])
def test_a_file_that_is_no_registry(tmp_path: Path, text: str) -> None:
    (tmp_path / "registry.json").write_text(text)
    with pytest.raises(DataError, match=r"registry\.json"):
        Registry(tmp_path).versions()
