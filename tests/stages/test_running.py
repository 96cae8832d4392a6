"""How stages are run, shown on small ones: what runs again, what is read of what, what a stage leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer.settings import ChunkSettings
from rlpretrain.errors import StageError
from rlpretrain.patterns.settings import StoreSettings
from rlpretrain.runs.distinct_names import distinct_name
from rlpretrain.runs.files import file_sha256
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import Run, Stage, parts_of, run_stage, run_with_needs, stages_before, work_of
from rlpretrain.stages.stage import Parts, Result
from rlpretrain.stages.work import Work


class SmallSettings(ChunkSettings, StoreSettings):
    """One setting of the run, ``chunk_size``, and one of the deployment, ``store_url``."""


class Found(Result):
    number: int = 0


class KilledError(BaseException):
    """Ends a stage as a kill does: no handler of errors sees it."""


class World:
    """What small stages do, which a test may change between two tries, and which of them have worked."""

    def __init__(self) -> None:
        self.worked: list[str] = []
        self.files: dict[str, dict[str, str]] = {}
        """Stage -> the names and contents of its files."""
        self.numbers: dict[str, int] = {}
        """Stage -> the number in its result."""
        self.outside: dict[str, str] = {}
        """Stage -> what it depends on beside the run."""
        self.killed: set[str] = set()

    def stage(self, name: str, *needs: Stage[Any, Any], **options: Any) -> Stage[Any, Any]:
        def work(one: Work[SmallSettings]) -> Found:
            self.worked.append(one.part or name)
            if name in self.killed:
                raise KilledError
            for file, content in self.files.get(name, {}).items():
                one.write(file.format(one.part)).write_text(content)
            return Found(number=self.numbers.get(name, 0))

        values = {
            "does": "what the test says",
            "settings": SmallSettings,
            "result": Found,
            "run": work,
            "inputs": lambda _: {"outside": self.outside.get(name, "")},
            **options,
        }
        return Stage(name=name, needs=needs, **values)

    def since(self, act: Callable[[], object]) -> list[str]:
        """Return who works while something is done."""
        self.worked.clear()
        act()
        return list(self.worked)


@pytest.fixture
def world() -> World:
    return World()


def run_in(folder: Path, **settings: Any) -> Run:
    return Run(PretrainingConfig(output_dir=folder, **settings), RunFolder(folder / "run"))


def contents(run: Run) -> set[str]:
    found = (path.relative_to(run.folder.path) for path in run.folder.path.rglob("*") if path.is_file())
    return {str(path) for path in found}


def everything_but_the_clock(manifest: Manifest) -> dict[str, Any]:
    return {**asdict(manifest), "clock": {}}


# What a stage needs


def test_what_a_stage_needs_comes_first_and_once(world: World, tmp_path: Path) -> None:
    first = world.stage("first")
    left, right = world.stage("left", first), world.stage("right", first)
    last = world.stage("last", right, left, first)
    assert stages_before(last) == (first, right, left)
    run = run_in(tmp_path)
    assert world.since(lambda: run_with_needs(run, last)) == ["first", "right", "left", "last"]
    assert world.since(lambda: run_with_needs(run, last)) == []


def test_a_stage_does_not_run_before_what_it_needs(world: World, tmp_path: Path) -> None:
    first = world.stage("first")
    second = world.stage("second", first)
    with pytest.raises(StageError, match=r"'first' has not finished.*run `rlpretrain first` first"):
        run_stage(run_in(tmp_path), second)
    assert world.worked == []


def test_a_stage_does_not_run_on_changed_files(world: World, tmp_path: Path) -> None:
    world.files["first"] = {"first.txt": "whole"}
    first = world.stage("first")
    second, run = world.stage("second", first), run_in(tmp_path)
    run_with_needs(run, second)
    (run.folder / "first.txt").write_text("by hand")
    with pytest.raises(StageError, match=r"first\.txt was changed after stage 'first' wrote it"):
        run_stage(run, second)
    # With what it needs, it finds the file made again as it was.
    assert world.since(lambda: run_with_needs(run, second)) == ["first"]


def test_all_parts_are_needed(world: World, tmp_path: Path) -> None:
    parts = world.stage("parts", parts=Parts("part", lambda _: ["a", "b"], str))
    last, run = world.stage("last", parts), run_in(tmp_path)
    run_stage(run, parts, "a")
    with pytest.raises(StageError, match="'parts/b' has not finished"):
        run_stage(run, last)
    run_stage(run, parts, "b")
    run_stage(run, last)
    assert list(parts_of(run, parts)) == ["a", "b"]
    assert list(parts_of(run, last)) == [""]
    assert list(work_of(run, last).results(parts)) == ["a", "b"]


# What runs again


def test_the_manifest_tells_what_was_used_made_and_found(world: World, tmp_path: Path) -> None:
    world.files["first"], world.numbers["first"] = {"deep/first.txt": "text"}, 3
    first = world.stage("first")
    second, run = world.stage("second", first), run_in(tmp_path)
    (manifest,) = run_with_needs(run, second)
    made = run.folder.require("first")
    assert made.settings == run.config.part(SmallSettings).digest()
    assert made.outputs == {"deep/first.txt": file_sha256(run.folder / "deep/first.txt")}
    assert first.read(made) == Found(number=3)
    assert made.counts == {"number": 3}
    assert manifest == run.folder.require("second")
    assert manifest.inputs == {
        "first": made.result_digest(),
        "first:deep/first.txt": made.outputs["deep/first.txt"],
        "outside": "",
    }


def test_equal_runs_differ_in_their_clocks_alone(world: World, tmp_path: Path) -> None:
    world.files["first"] = {"first.txt": "text"}
    first = world.stage("first")
    one, other = (run_stage(run_in(tmp_path / name), first) for name in ("one", "other"))
    assert everything_but_the_clock(one) == everything_but_the_clock(other)


@pytest.mark.parametrize("cut", [False, True])
def test_a_run_setting_of_its_own_runs_it_again_and_no_other_setting(
    world: World, tmp_path: Path, cut: bool
) -> None:
    parts = Parts("part", lambda _: ["a"], str) if cut else None
    stage, part = world.stage("stage", parts=parts), "a" if cut else ""
    worked = [part or "stage"]
    for settings, expected in (
        ({}, worked),
        ({}, []),
        ({"chunk_size": 7}, worked),
        ({"chunk_size": 7, "num_epochs": 3}, []),
        ({"chunk_size": 7, "store_url": "sqlite:///elsewhere.db"}, []),
    ):
        run = run_in(tmp_path, **settings)
        assert world.since(lambda run=run: run_stage(run, stage, part)) == expected, settings


def test_what_it_depends_on_outside_the_run_runs_it_again(world: World, tmp_path: Path) -> None:
    stage, run = world.stage("stage"), run_in(tmp_path)
    for outside, expected in (("a", ["stage"]), ("a", []), ("b", ["stage"]), ("a", ["stage"])):
        world.outside["stage"] = outside
        assert world.since(lambda: run_stage(run, stage)) == expected


@pytest.mark.parametrize("damage", [lambda path: path.write_text("other"), Path.unlink])
def test_what_was_damaged_is_made_again(
    world: World, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    world.files["stage"] = {"file.txt": "text"}
    stage, run = world.stage("stage"), run_in(tmp_path)
    first = run_stage(run, stage)
    damage(run.folder / "file.txt")
    assert world.since(lambda: run_stage(run, stage)) == ["stage"]
    assert everything_but_the_clock(run.folder.require("stage")) == everything_but_the_clock(first)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "stage", "of": "another version"}'])
def test_a_damaged_manifest_is_made_again(world: World, tmp_path: Path, text: str) -> None:
    stage, run = world.stage("stage"), run_in(tmp_path)
    first = run_stage(run, stage)
    (run.folder / "stage.json").write_text(text)
    assert world.since(lambda: run_stage(run, stage)) == ["stage"]
    assert everything_but_the_clock(run.folder.require("stage")) == everything_but_the_clock(first)


@pytest.mark.parametrize(
    ("number", "content", "expected"),
    [
        (1, "text", ["first"]),
        (2, "text", ["first", "second"]),
        (1, "other text", ["first", "second"]),
    ],
    ids=["the same", "another result", "another file"],
)
def test_a_stage_runs_again_when_what_it_needs_finds_or_makes_something_else(
    world: World, tmp_path: Path, number: int, content: str, expected: Sequence[str]
) -> None:
    world.numbers["first"], world.files["first"] = 1, {"first.txt": "text"}
    first = world.stage("first")
    second, run = world.stage("second", first), run_in(tmp_path)
    run_with_needs(run, second)
    world.outside["first"] = "something has changed"
    world.numbers["first"], world.files["first"] = number, {"first.txt": content}
    assert world.since(lambda: run_with_needs(run, second)) == expected


def test_a_part_that_comes_or_goes_runs_it_again(world: World, tmp_path: Path) -> None:
    def parts(run: Run) -> Sequence[str]:
        return [str(i) for i in range(run.config.max_strategies)]

    cut = world.stage("cut", parts=Parts("part", parts, str))
    last = world.stage("last", cut)
    for count, expected in ((2, ["0", "1", "last"]), (3, ["2", "last"]), (1, ["last"]), (1, [])):
        run = run_in(tmp_path, max_strategies=count)
        assert world.since(lambda run=run: run_with_needs(run, last)) == expected


def test_settings_may_stand_in_for_those_of_the_run(world: World, tmp_path: Path) -> None:
    def work(one: Work[SmallSettings]) -> Found:
        return Found(number=one.settings.chunk_size)

    stage, run = world.stage("stage", run=work), run_in(tmp_path, chunk_size=5)
    assert stage.read(run_stage(run, stage, settings=SmallSettings(chunk_size=9))).number == 9
    assert stage.read(run_stage(run, stage)).number == 5


def test_what_is_to_be_said_before_a_stage_is_said_each_time(world: World, tmp_path: Path) -> None:
    def check(run: Run) -> None:
        checked.append(run)
        if run.config.chunk_size == 1:
            raise StageError("too few")

    checked: list[Run] = []
    stage, run = world.stage("stage", check=check), run_in(tmp_path)
    run_stage(run, stage)
    run_stage(run, stage)
    assert (checked, world.worked) == ([run, run], ["stage"])
    with pytest.raises(StageError, match="too few"):
        run_stage(run_in(tmp_path, chunk_size=1), stage)
    assert world.worked == ["stage"]


# What a stage can read


@pytest.mark.parametrize(
    "read",
    [
        lambda work, stage: work.result(stage),
        lambda work, stage: work.results(stage),
        lambda work, stage: work.manifest(stage),
        lambda work, stage: work.read(stage, "made.json"),
        lambda work, stage: work.read_json(stage, "made.json"),
    ],
    ids=["result", "results", "manifest", "file", "JSON"],
)
def test_a_stage_reads_only_what_it_needs(
    world: World, tmp_path: Path, read: Callable[[Work[Any], Stage[Any, Any]], object]
) -> None:
    world.files["first"] = {"made.json": "{}"}
    first, run = world.stage("first"), run_in(tmp_path)

    def work(one: Work[SmallSettings]) -> Found:
        read(one, first)
        return Found()

    with pytest.raises(StageError, match="stage 'blind' reads 'first', which it does not need"):
        # That it is needed on the way, by what is needed, is not enough.
        run_with_needs(run, world.stage("blind", world.stage("between", first), run=work))
    assert run.folder.manifest("blind") is None
    run_with_needs(run, world.stage("seeing", first, run=lambda one: _after(read(one, first))))


def _after(_: object) -> Found:
    return Found()


def test_a_needed_stage_must_have_made_the_file(world: World, tmp_path: Path) -> None:
    world.files["first"] = {"made.json": '{"a": 1}'}
    first = world.stage("first")
    second, run = world.stage("second", first), run_in(tmp_path)
    run_stage(run, first)
    (run.folder / "another.json").write_text("{}")
    work = work_of(run, second)
    assert work.read(first, "made.json") == run.folder / "made.json"
    assert work.read_json(first, "made.json") == {"a": 1}
    with pytest.raises(StageError, match=r"stage 'first' writes no file another\.json"):
        work.read(first, "another.json")


def test_a_stage_sees_no_setting_outside_its_section(world: World, tmp_path: Path) -> None:
    def work(one: Work[Any]) -> Found:
        assert one.settings.chunk_size == 5
        return Found(number=one.settings.num_epochs)

    run = run_in(tmp_path, chunk_size=5)
    with pytest.raises(AttributeError, match="num_epochs"):
        run_stage(run, world.stage("stage", run=work))
    assert run.folder.manifest("stage") is None


def test_a_result_of_another_version_is_refused_and_made_again(world: World, tmp_path: Path) -> None:
    first = world.stage("first")
    second, run = world.stage("second", first), run_in(tmp_path)
    run_stage(run, first)
    document = json.loads((run.folder / "first.json").read_text())
    (run.folder / "first.json").write_text(json.dumps({**document, "result": {"amount": 1}}))
    for read in (
        lambda: first.read(run.folder.require("first")),
        lambda: work_of(run, second).result(first),
        lambda: work_of(run, second).results(first),
    ):
        with pytest.raises(StageError, match=r"(?s)not of this version.*run `rlpretrain first` again"):
            read()
    assert world.since(lambda: run_with_needs(run, second)) == ["first", "second"], "the hint helps"


def test_stages_of_a_process_make_what_they_share_once(world: World, tmp_path: Path) -> None:
    made: list[str] = []

    def work(one: Work[SmallSettings]) -> Found:
        return Found(number=one.remember("shared", lambda: made.append("shared") or len(made)))

    first = world.stage("first", run=work)
    second, run = world.stage("second", first, run=work), run_in(tmp_path)
    run_with_needs(run, second)
    assert made == ["shared"]
    run_stage(run_in(tmp_path / "other"), first)
    assert made == ["shared", "shared"]


# What a stage leaves behind


def test_files_that_it_no_longer_makes_are_removed(world: World, tmp_path: Path) -> None:
    world.files = {"first": {"first.txt": "kept"}, "stage": {"a.txt": "a", "deep/b.txt": "b"}}
    first, run = world.stage("first"), run_in(tmp_path)
    stage = world.stage("stage", first)
    run_with_needs(run, stage)
    world.files["stage"], world.outside["stage"] = {"a.txt": "a"}, "changed"
    run_with_needs(run, stage)
    assert contents(run) == {"first.json", "first.txt", "stage.json", "a.txt"}


def test_parts_that_the_settings_no_longer_name_are_removed(world: World, tmp_path: Path) -> None:
    def parts(run: Run) -> Sequence[str]:
        return run.config.validation_envs

    world.files["cut"] = {"cut/{}.txt": "text", "cut/{}_evidence.json": '{"stage": "cut/B"}'}
    cut = world.stage("cut", parts=Parts("part", parts, distinct_name))
    last = world.stage("last", cut)
    run_with_needs(run_in(tmp_path, validation_envs=["A", "B", "C/D"]), last)
    run = run_in(tmp_path, validation_envs=["A"])
    (run.folder / "cut/notes.json").write_text('["of a person"]')
    (run.folder / "cut/torn.json").write_text("{")
    run_with_needs(run, last)
    a = {"cut/A.json", "cut/A.txt", "cut/A_evidence.json"}
    assert contents(run) == {"last.json", "cut/notes.json", "cut/torn.json", *a}


def test_what_is_killed_leaves_no_manifest_and_the_next_try_tidies_up(world: World, tmp_path: Path) -> None:
    world.files["stage"] = {"a.txt": "a", "b.txt": "b"}
    stage, run = world.stage("stage"), run_in(tmp_path)
    run_stage(run, stage)
    world.outside["stage"], world.killed = "changed", {"stage"}
    for _ in range(2):
        with pytest.raises(KilledError):
            run_stage(run, stage)
        assert run.folder.manifest("stage") is None
        with pytest.raises(StageError, match="'stage' has not finished"):
            run_stage(run, world.stage("later", stage))
    world.killed, world.files["stage"] = set(), {"a.txt": "a", "c.txt": "c"}
    run_stage(run, stage)
    assert contents(run) == {"stage.json", "a.txt", "c.txt"}


def test_what_is_killed_does_not_count_as_done_even_with_the_old_settings(
    world: World, tmp_path: Path
) -> None:
    stage, run = world.stage("stage"), run_in(tmp_path)
    run_stage(run, stage)
    world.killed = {"stage"}
    with pytest.raises(KilledError):
        run_stage(run_in(tmp_path, chunk_size=7), stage)
    world.killed = set()
    assert world.since(lambda: run_stage(run, stage)) == ["stage"]


@given(st.lists(st.tuples(st.sets(st.sampled_from("abcd")), st.booleans()), max_size=6))
def test_after_any_tries_only_the_files_of_the_last_are_there(
    tmp_path_factory: pytest.TempPathFactory, tries: list[tuple[set[str], bool]]
) -> None:
    world = World()
    stage, run = world.stage("stage"), run_in(tmp_path_factory.mktemp("tries"))
    for number, (names, killed) in enumerate(tries):
        world.outside["stage"] = str(number)
        world.files["stage"] = dict.fromkeys(names, "text")
        world.killed = {"stage"} if killed else set()
        if killed:
            with pytest.raises(KilledError):
                run_stage(run, stage)
            assert "stage.json" not in contents(run)
        else:
            run_stage(run, stage)
            assert contents(run) == {*names, "stage.json"}


def test_a_result_of_another_type_is_refused(world: World, tmp_path: Path) -> None:
    class Other(Result):
        number: int = 0

    run = run_in(tmp_path)
    with pytest.raises(TypeError, match="stage stage returned Other, not Found"):
        run_stage(run, world.stage("stage", run=lambda _: Other()))
    assert contents(run) == set()


# Processes that work together


def in_company(leader: Callable[[Work[SmallSettings]], object]) -> Mapping[str, Any]:
    """Return the options of a stage that another process leads."""

    @contextmanager
    def processes(work: Work[SmallSettings]) -> Iterator[bool]:
        yield False
        leader(work)

    return {"processes": processes}


def test_a_process_that_does_not_lead_writes_nothing(world: World, tmp_path: Path) -> None:
    run = run_in(tmp_path)
    run_stage(run, world.stage("stage"))
    before = (run.folder / "stage.json").read_bytes()
    world.worked.clear()
    world.outside["stage"] = "changed"
    follower = world.stage("stage", **in_company(lambda _: None))
    run_stage(run, follower)
    assert world.worked == []
    assert (run.folder / "stage.json").read_bytes() == before
    assert contents(run) == {"stage.json"}


def test_a_process_that_does_not_lead_returns_what_the_first_has_written(
    world: World, tmp_path: Path
) -> None:
    run, leader = run_in(tmp_path), world.stage("stage")
    world.numbers["stage"] = 4
    follower = world.stage("stage", **in_company(lambda _: run_stage(run, leader)))
    assert follower.read(run_stage(run, follower)).number == 4
    assert world.worked == ["stage"]
    assert world.since(lambda: run_stage(run, follower)) == []


def test_what_nobody_has_written_is_an_error(world: World, tmp_path: Path) -> None:
    run = run_in(tmp_path)
    with pytest.raises(StageError, match="'stage' has not finished"):
        run_stage(run, world.stage("stage", **in_company(lambda _: None)))
    assert contents(run) == set()
