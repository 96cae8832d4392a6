"""docs/operations.md: every task has its row, and its commands run."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from airflow.sdk import DAG
from cryptography.fernet import Fernet

from tests.conftest import PROJECT
from tests.examples.documents import blocks

PAGE = PROJECT / "docs/operations.md"
INSIDE = re.compile(r"^docker compose exec (scheduler|postgres) (.*)$")
BY_OTHER_TESTS = ("docker/backup", "docker/restore", "docker compose up", "make ", "git pull")
"""Run by the tests of the backup and of Compose; the last is the reader's own."""


def commands() -> list[str]:
    return [
        line for block in blocks(PAGE) if block.kind == "bash" for line in block.text.splitlines() if line
    ]


def inside(service: str, program: str) -> list[list[str]]:
    found = [match for line in commands() if (match := INSIDE.match(line)) and match[1] == service]
    return [words for match in found if (words := shlex.split(match[2]))[0] == program]


@pytest.mark.parametrize("trainer", ["process", "docker"])
@pytest.mark.parametrize("approval", ["none", "required"])
def test_every_task_has_a_row(monkeypatch: pytest.MonkeyPatch, trainer: str, approval: str) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "dags"))
    monkeypatch.setenv("RLPRETRAIN_TRAINER", trainer)
    monkeypatch.setenv("RLPRETRAIN_APPROVAL", approval)
    section = PAGE.read_text(encoding="utf-8").partition("## A task failed")[2].partition("\n### ")[0]
    parts = dict(re.findall(r"^\| \*\*`(\w+)`\*\* \|.*\n((?:\| `.*\n)+)", section, re.MULTILINE))
    for file in sorted((PROJECT / "dags").glob("*.py")):
        sys.modules.pop(file.stem, None)
        (dag,) = [one for one in vars(importlib.import_module(file.stem)).values() if isinstance(one, DAG)]
        rows = set(re.findall(r"^\| `(\w+)` \|", parts[dag.dag_id], re.MULTILINE))
        assert set(dag.task_ids) <= rows


def test_every_command_is_run_somewhere() -> None:
    for line in commands():
        assert INSIDE.match(line) or line.startswith(BY_OTHER_TESTS), line


@pytest.mark.airflow
@pytest.mark.slow
def test_airflows_commands_run_and_a_connection_outlives_its_key(
    tmp_path: Path, migrated_database: Path
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}

    def airflow(*words: str, key: str) -> str:
        finished = subprocess.run(
            [sys.executable, "-m", "airflow", *words],
            env={**environment, "AIRFLOW__CORE__FERNET_KEY": key},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr[-2_000:]
        return finished.stdout

    shutil.copyfile(migrated_database, tmp_path / "airflow.db")
    airflow("connections", "add", "composer", "--conn-type", "http", "--conn-password", "s3cret", key=old)
    found = inside("scheduler", "airflow")
    assert len(found) == 3
    for words in found:
        airflow(*words[1:], key=f"{new},{old}" if "rotate-fernet-key" in words else old)
    assert "s3cret" in airflow("connections", "get", "composer", "--output", "json", key=new)


def test_this_packages_commands_run(tmp_path: Path) -> None:
    from rlpretrain.cli import main

    for _, *words in inside("scheduler", "rlpretrain"):
        assert main([*words, "--set", f"output_dir={tmp_path}"]) == 0


def test_logs_that_are_old_go(tmp_path: Path) -> None:
    old, recent = tmp_path / "old.log", tmp_path / "recent.log"
    for path in (old, recent):
        path.touch()
    os.utime(old, (0, 0))
    (words,) = inside("scheduler", "find")
    subprocess.run([word.replace("/opt/airflow/logs", str(tmp_path)) for word in words], check=True)
    assert list(tmp_path.iterdir()) == [recent]


@pytest.mark.postgres
def test_passwords_of_roles_are_changed(postgres_server: str) -> None:
    import psycopg2

    place = urlsplit(postgres_server)
    found = inside("postgres", "psql")
    roles = [re.search(r"ALTER ROLE (\w+)", words[-1])[1] for words in found]  # type: ignore[index]
    assert sorted(roles) == ["airflow", "patterns"]
    connection = psycopg2.connect(f"{postgres_server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        for role, words in zip(roles, found, strict=True):
            cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'old'")
            subprocess.run(
                [word.replace("postgres", "tester") for word in words],
                env={
                    **os.environ,
                    "PGHOST": str(place.hostname),
                    "PGPORT": str(place.port),
                    "PGPASSWORD": str(place.password),
                    "PGDATABASE": "postgres",
                },
                check=True,
                capture_output=True,
            )
            psycopg2.connect(
                host=place.hostname, port=place.port, user=role, password="new", dbname="postgres"
            ).close()
            cursor.execute(f"DROP ROLE {role}")
    connection.close()
