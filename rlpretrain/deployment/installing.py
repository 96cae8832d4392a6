"""``rlpretrain airflow install``: put the DAGs and plugins where an existing Airflow looks for them."""

from __future__ import annotations

import argparse
import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from rlpretrain.errors import DataError, SettingsError, naming_extras
from rlpretrain.runs.files import atomic_path

__all__ = ["KINDS", "add_airflow", "install", "shipped"]

KINDS = ("dags", "plugins")
_PROJECT = Path(__file__).resolve().parents[2]
_INSTALL = """Copy the DAGs and plugins of this package into the folders in which Airflow looks for them: those of its
configuration, unless --dags or --plugins names another one. Files that are there already and differ, for example those
of an earlier version, are replaced only with --force. Airflow itself must have this package installed: pip install
'rlpretrain[airflow]' into its environment."""


def add_airflow(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``airflow install``."""
    kinds = commands.add_parser(
        "airflow", help="put the DAGs and plugins into an existing Airflow"
    ).add_subparsers(required=True, metavar="install")
    parser = kinds.add_parser("install", help="copy the DAGs and plugins", description=_INSTALL)
    parser.set_defaults(run_command=_install)
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=Path, metavar="FOLDER", help=f"folder of Airflow's {kind}")
    parser.add_argument("--force", action="store_true", help="replace files that differ")
    parser.add_argument("--json", action="store_true", help="write one JSON object to standard output")


def _install(options: argparse.Namespace) -> dict[str, Any]:
    targets = {kind: getattr(options, kind) or _configured(kind) for kind in KINDS}
    written = {kind: install(kind, folder, force=options.force) for kind, folder in targets.items()}
    lines = [str(path) for paths in written.values() for path in paths]
    return {
        "status": "done",
        "files": lines,
        "lines": [
            *lines,
            "unpause the DAG rl_pretraining in Airflow's UI; its settings are RLPRETRAIN_* variables",
        ],
    }


def _configured(kind: str) -> Path:
    """Return the folder of the installed Airflow's configuration."""
    with naming_extras():
        from airflow.configuration import conf

    return Path(conf.get("core", f"{kind}_folder"))


def shipped(kind: str) -> list[Path]:
    """Return the package's own DAGs or plugins: those of the checkout, or those that the wheel has installed.

    Raises
    ------
    DataError
        There are none.
    """
    if (_PROJECT / "pyproject.toml").is_file():
        return sorted((_PROJECT / kind).glob("*.py"))
    try:
        recorded = files("rlpretrain") or []
    except PackageNotFoundError:
        recorded = []
    found = [Path(str(file.locate())) for file in recorded if file.parent.match(f"share/rlpretrain/{kind}")]
    if not found:
        raise DataError(f"the installed package has no {kind}", hint="install its wheel again")
    return sorted(path.resolve() for path in found)


def install(kind: str, folder: Path, *, force: bool) -> list[Path]:
    """Copy the DAGs or plugins into a folder; return their new paths.

    Raises
    ------
    SettingsError
        A file there differs, and `force` is not given. Nothing has been written then.
    """
    pairs = [(path, folder / path.name) for path in shipped(kind)]
    differing = [str(new) for old, new in pairs if new.is_file() and new.read_bytes() != old.read_bytes()]
    if differing and not force:
        raise SettingsError(
            f"{', '.join(differing)} differ from this version's", hint="--force replaces them"
        )
    for old, new in pairs:
        if new.resolve() != old.resolve():
            with atomic_path(new) as temporary:
                shutil.copyfile(old, temporary)
    return [new for _, new in pairs]
