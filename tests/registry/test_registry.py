"""Who is champion, what is kept, and that writers don't lose each other's events."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rlpretrain.errors import DataError
from rlpretrain.registry import Registry
from rlpretrain.registry.registry import ChampionChangedError
from tests.registry.building import agent_file, card, decision, registered


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def log(registry: Registry) -> Path:
    return registry.folder / "log.jsonl"


def promote(registry: Registry, number: int) -> None:
    champion = registry.champion()
    registry.promote(
        number, by="rule", reason="won", instead_of=None if champion is None else champion.version
    )


def test_an_empty_registry(registry: Registry) -> None:
    assert registry.versions() == registry.history() == []
    assert registry.champion() is None
    with pytest.raises(DataError, match=r"no version 1 \(the registry is empty"):
        registry.version(1)
    assert not registry.folder.exists(), "reading makes nothing"


def test_a_version_keeps_its_agent_and_its_card(registry: Registry, tmp_path: Path) -> None:
    version = registered(registry, "a")
    assert version.version == 1
    assert version.model_dump(exclude={"version"}) == card("a").model_dump()
    agent_file(tmp_path / "a", "a").unlink()
    assert registry.model_file(version).read_text() == "a"
    assert registry.model_file(version).name == f"{version.agent_sha256}.pt"
    assert registry.version_of_run("a") == version
    assert registry.version_of_run("b") is None


def test_a_run_again_is_one_version(registry: Registry) -> None:
    registered(registry, "a")
    before = log(registry).read_bytes()
    assert registered(registry, "a").version == 1
    assert log(registry).read_bytes() == before
    assert registered(registry, "a", "trained anew").version == 2
    # Another run may make the same agent: it is a version of its own, with one file.
    assert registered(registry, "b", "a").version == 3
    assert len(list((registry.folder / "models").iterdir())) == 2


def test_another_file_than_the_card_names_is_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not the agent"):
        registry.register(card("a"), agent_file(tmp_path, "else"))
    assert registry.versions() == []


@pytest.mark.parametrize("damage", ["removed", "changed"])
def test_a_damaged_agent_is_never_used(registry: Registry, damage: str) -> None:
    version = registered(registry, "a")
    path = registry.model_file(version)
    path.unlink() if damage == "removed" else path.write_text("other")
    with pytest.raises(DataError, match=r"the agent of version 1, (is missing|was changed)"):
        registry.model_file(version)
    with pytest.raises(DataError, match="version 1"):
        promote(registry, 1)
    assert registered(registry, "a") == version, "the run that made it brings it back"
    assert registry.model_file(version).read_text() == "a"


def test_reigns(registry: Registry) -> None:
    for run_id in "abc":
        registered(registry, run_id)
    with pytest.raises(DataError, match="no champion to go back to"):
        registry.rollback(by="Ada", reason="-")
    promote(registry, 1)
    with pytest.raises(DataError, match="version 1 is the first"):
        registry.rollback(by="Ada", reason="-")
    promote(registry, 2)
    assert [registry.standing(n) for n in (1, 2, 3)] == ["former champion", "champion", "challenger"]
    champion = registry.champion()
    assert champion is not None and champion.run_id == "b"
    besides = registry.champion(besides="b")
    assert besides is not None and besides.run_id == "a"
    back = registry.rollback(by="Ada", reason="it loses")
    assert (back.version, back.previous, back.by, back.reason) == (1, 2, "Ada", "it loses")
    assert [registry.standing(n) for n in (1, 2)] == ["champion", "former champion"]
    promote(registry, 3)
    registry.rollback(by="Ada", reason="it loses too")
    champion = registry.champion()
    assert champion is not None and champion.version == 1
    assert [e.kind for e in registry.history() if e.kind != "registered"] == [
        "promoted", "promoted", "rolled back", "promoted", "rolled back",
    ]  # fmt: skip


def test_what_is_decided_against_one_champion_is_not_carried_out_against_another(registry: Registry) -> None:
    for run_id in "ab":
        registered(registry, run_id)
    promote(registry, 1)
    with pytest.raises(
        ChampionChangedError, match="compared with no champion, but version 1 is champion now"
    ):
        registry.promote(2, by="rule", reason="won", instead_of=None)
    with pytest.raises(DataError, match="version 1 is already champion"):
        promote(registry, 1)


def test_decisions_are_kept_once_each_and_all(registry: Registry) -> None:
    registered(registry, "a")
    for verdict in ("keep", "keep", "promote"):
        registry.decide(1, None, lambda trials, verdict=verdict: decision(verdict, trials=trials))
    kept = [event.decision for event in registry.history(1) if event.decision]
    assert [one.verdict for one in kept] == ["keep", "promote"]
    assert registry.decision(1) == kept[-1]
    assert registry.decision(2) is None


def test_trials_count_agents_once_against_each_champion(registry: Registry) -> None:
    counted = []
    for run_id, text in (("a", "a"), ("b", "b"), ("b again", "b"), ("c", "c"), ("a", "a")):
        version = registered(registry, run_id, text)
        registry.decide(version.version, None, lambda n: counted.append(n) or decision("keep", trials=n))
    assert counted == [1, 2, 2, 3, 3]
    promote(registry, 1)
    version = registered(registry, "d")
    registry.decide(version.version, 1, lambda n: counted.append(n) or decision("keep", champion=1, trials=n))
    assert counted[-1] == 1


def test_approval(registry: Registry) -> None:
    registered(registry, "a")
    assert registry.standing(1) == "challenger"
    registry.decide(1, None, lambda n: decision())
    assert registry.standing(1) == "waiting"
    assert registry.approval(1) is None
    registry.answer(1, approved=False, by="Ada", reason="not now")
    assert registry.standing(1) == "rejected"
    assert registry.approval(1) is None
    answer = registry.answer(1, approved=True, by="Bo")
    assert registry.approval(1) == answer
    assert registry.standing(1) == "waiting"
    registry.decide(1, None, lambda n: decision(reasons=("Other figures.",)))
    assert registry.approval(1) is None, "what was approved is not what is decided now"


def test_earlier_lines_never_change(registry: Registry) -> None:
    kept = b""
    for action in (
        lambda: registered(registry, "a"),
        lambda: registry.decide(1, None, lambda n: decision()),
        lambda: promote(registry, 1),
        lambda: registered(registry, "b"),
        lambda: promote(registry, 2),
        lambda: registry.rollback(by="Ada", reason="-"),
    ):
        action()
        now = log(registry).read_bytes()
        assert now.startswith(kept) and now.count(b"\n") == kept.count(b"\n") + 1
        kept = now
    assert [event.number for event in registry.history()] == list(range(1, 7))


def test_half_a_line_of_a_killed_writer_is_passed_over_and_removed(registry: Registry) -> None:
    registered(registry, "a")
    whole = log(registry).read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 1):
        log(registry).write_bytes(whole + whole[:cut])
        assert len(registry.history()) == 1
    registered(registry, "b")
    assert [event.version for event in registry.history()] == [1, 2]
    assert log(registry).read_bytes().startswith(whole + b'{"by"')


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "not an event"),
        ("[]", "not an event"),
        ('{"number": 1}', "not an event"),
        (None, "lines were removed"),
    ],
)
def test_a_damaged_log_is_named(registry: Registry, line: str | None, reason: str) -> None:
    registered(registry, "a")
    registered(registry, "b")
    first, second, _ = log(registry).read_text().split("\n")
    log(registry).write_text(f"{second}\n" if line is None else f"{first}\n{line}\n{second}\n")
    with pytest.raises(DataError, match=rf"log\.jsonl, line \d .*{reason}|{reason}"):
        registry.versions()


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from rlpretrain.registry import Registry\n"
        "from tests.registry.building import registered\n"
        "for i in range(10): registered(Registry(Path(sys.argv[1])), f'{sys.argv[2]}-{i}')"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    versions = Registry(tmp_path).versions()
    assert [version.version for version in versions] == list(range(1, 31))
    assert {v.run_id for v in versions} == {f"{name}-{i}" for name in "abc" for i in range(10)}


def test_of_two_promotions_at_once_one_holds(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for run_id in "ab":
        registered(registry, run_id)
    script = (
        "import sys; from pathlib import Path; from rlpretrain.registry import Registry\n"
        "Registry(Path(sys.argv[1])).promote(int(sys.argv[2]), by='rule', reason='won', instead_of=None)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), n], stderr=subprocess.DEVNULL)
        for n in "12"
    ]
    assert sorted(writer.wait() for writer in writers) == [0, 1]
    assert sum(event.kind == "promoted" for event in registry.history()) == 1


def test_who_has_read_sees_what_others_write(registry: Registry, tmp_path: Path) -> None:
    registered(registry, "a")
    other = Registry(tmp_path)
    for run_id in ("b", "c"):
        registered(other, run_id)
        assert [v.run_id for v in registry.versions()] == [v.run_id for v in other.versions()]
    assert [event.number for event in registry.history()] == [1, 2, 3]


def test_equal_registries_differ_by_the_clock_alone(tmp_path: Path) -> None:
    logs = []
    for name in ("one", "other"):
        registry = Registry(tmp_path / name)
        registered(registry, "a")
        registry.decide(1, None, lambda n: decision())
        promote(registry, 1)
        lines = [json.loads(line) for line in log(registry).read_text().splitlines()]
        assert all(set(line.pop("clock")) == {"at", "host"} for line in lines)
        logs.append(lines)
    assert logs[0] == logs[1]


def test_reading_versions_needs_nothing_heavy() -> None:
    code = "import sys, rlpretrain.registry; print(*{'torch', 'numpy', 'scipy', 'pandas'} & set(sys.modules))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == []
