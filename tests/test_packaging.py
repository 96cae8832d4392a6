"""What an installation has: the wheel's and the sdist's files, DAGs and plugins for Airflow, and the version."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from rlpretrain.cli import main
from rlpretrain.deployment.installing import install, shipped
from rlpretrain.errors import MissingExtraError, SettingsError, naming_extras
from tests.conftest import PROJECT

BUILD = """
import sys
from setuptools import build_meta
target = sys.argv[1]  # setuptools changes the arguments
print(build_meta.build_sdist(target), build_meta.build_wheel(target))
"""
OURS = {kind: {path.name for path in (PROJECT / kind).glob("*.py")} for kind in ("dags", "plugins")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist, built from a copy, since building leaves files behind."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("rlpretrain", "dags", "plugins"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt", "MANIFEST.in"):
        shutil.copy(PROJECT / name, folder)
    target = tmp_path_factory.mktemp("built")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(target)], cwd=folder, capture_output=True, text=True, check=True
    )
    sdist, wheel = done.stdout.splitlines()[-1].split()
    return target / wheel, target / sdist


def test_the_wheel_has_code_pages_dags_and_plugins(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(next(name for name in names if name.endswith("METADATA"))).decode()
    package = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "rlpretrain").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package <= names
    for kind, files in OURS.items():
        assert {name.rsplit("/")[-1] for name in names if f"/data/share/rlpretrain/{kind}/" in name} == files
    assert not {name for name in names if name.startswith(("tests/", "benchmarks/", "dags/", "plugins/"))}
    for line in ("Author: The rlpretrain authors", "License-Expression: MIT", "Classifier: Typing :: Typed"):
        assert line in metadata


def test_the_sdist_can_be_built_again(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "constraints.txt"} <= names
    for kind, files in OURS.items():
        assert {f"{kind}/{name}" for name in files} <= names


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    import rlpretrain

    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.split() == ["rlpretrain", version]
    assert rlpretrain.__version__ == version


def test_dags_and_plugins_go_where_airflow_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [f"--{kind}={tmp_path / kind}" for kind in OURS]
    assert main(["airflow", "install", *folders, "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["files"]
    assert {Path(path).name for path in written} == OURS["dags"] | OURS["plugins"]
    for kind, names in OURS.items():
        for name in names:
            assert (tmp_path / kind / name).read_bytes() == (PROJECT / kind / name).read_bytes()
    # Again, nothing happens; a file that was changed is kept unless it is said to be replaced.
    install("dags", tmp_path / "dags", force=False)
    changed = tmp_path / "dags" / "rl_pretraining.py"
    changed.write_text("# mine\n")
    with pytest.raises(SettingsError, match=r"rl_pretraining\.py differ.*--force"):
        install("dags", tmp_path / "dags", force=False)
    assert changed.read_text() == "# mine\n"
    install("dags", tmp_path / "dags", force=True)
    assert changed.read_bytes() == (PROJECT / "dags" / "rl_pretraining.py").read_bytes()


def test_an_installed_package_finds_them_by_its_own_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Recorded(type(Path("x"))):  # type: ignore[misc]
        def locate(self) -> Path:
            return tmp_path / self.name

    recorded = [Recorded(f"../../../share/rlpretrain/{kind}/{kind}.py") for kind in OURS]
    recorded.append(Recorded("rlpretrain/cli.py"))
    monkeypatch.setattr("rlpretrain.deployment.installing._PROJECT", tmp_path)
    monkeypatch.setattr("rlpretrain.deployment.installing.files", lambda _: recorded)
    assert shipped("dags") == [tmp_path / "dags.py"]
    assert shipped("plugins") == [tmp_path / "plugins.py"]


def test_a_missing_extra_is_named_and_other_modules_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, extra in (("torch.nn", "train"), ("airflow", "airflow"), ("optuna", "tune")):
        with pytest.raises(MissingExtraError, match=rf"rlpretrain\[{extra}\]"), naming_extras():
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    with pytest.raises(ModuleNotFoundError, match="nothing"), naming_extras():
        raise ModuleNotFoundError("No module named 'nothing'", name="nothing")
    with pytest.raises(ImportError), naming_extras():
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
