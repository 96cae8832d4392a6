"""Both databases and the artifacts are backed up from one Postgres server, and restored on another, empty one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from rlpretrain.patterns.store import PatternStore, open_store
from tests.conftest import PROJECT
from tests.patterns.building import random_patterns
from tests.postgres import PostgresUnavailableError, _programs, temporary_postgres

ROLES = {"airflow": "for-airflow", "patterns": "for-patterns"}

pytestmark = [pytest.mark.postgres, pytest.mark.airflow]


def secrets_in(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for role, password in ROLES.items():
        (folder / f"{role}_db_password").write_text(password)
    return folder


def environment(server: str, artifacts: Path) -> dict[str, str]:
    place = urlsplit(server)
    return {
        **os.environ,
        "SECRETS": str(secrets_in(artifacts.parent / "secrets")),
        "PATH": f"{_programs()}{os.pathsep}{os.environ['PATH']}",
        "PG": "",
        "TAR": "tar",
        "ARTIFACTS": str(artifacts),
        "PGHOST": str(place.hostname),
        "PGPORT": str(place.port),
        "PGUSER": str(place.username),
        "PGPASSWORD": str(place.password),
        "PGDATABASE": "postgres",
        "POSTGRES_USER": str(place.username),
    }


def url(server: str, database: str) -> str:
    place = urlsplit(server)
    return f"postgresql://{database}:{ROLES[database]}@{place.hostname}:{place.port}/{database}"


def run(script: str, *arguments: Path, env: dict[str, str]) -> None:
    finished = subprocess.run(
        [PROJECT / "docker" / script, *arguments], env=env, cwd=PROJECT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def contents(server: str, database: str) -> dict[str, tuple[int, str, str]]:
    """Rows, their hash and their owner, of every table."""
    connection = psycopg2.connect(url(server, database))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public'")
        found = {}
        for table, owner in cursor.fetchall():
            cursor.execute(
                f"SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM \"{table}\" t"  # noqa: S608
            )
            found[table] = (*(cursor.fetchone() or ()), owner)
    connection.close()
    return found


def fill(server: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env={
            **os.environ,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url(server, "airflow").replace(":", "+psycopg2:", 1),
        },
        check=True,
        capture_output=True,
    )
    with open_store(url(server, "patterns")) as store:
        extraction = store.add_run("night", {"market": 1})
        store.add_patterns(extraction, random_patterns(2_000, 1))


def stored(store: PatternStore) -> int:
    with store.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM patterns_named").scalar_one())


@pytest.mark.slow
def test_what_was_backed_up_is_there_on_an_empty_server(tmp_path: Path) -> None:
    backup, artifacts, elsewhere = tmp_path / "backup", tmp_path / "artifacts", tmp_path / "elsewhere"
    for name in ("run/report.html", "archive/one/patterns.parquet", "registry/log.jsonl", "cache/objects/x"):
        (artifacts / name).parent.mkdir(parents=True, exist_ok=True)
        (artifacts / name).write_text(name)
    elsewhere.mkdir()
    try:
        with temporary_postgres("fsync=off") as server:
            env = environment(server, artifacts)
            run("postgres-roles.sh", env=env)
            fill(server)
            before = {database: contents(server, database) for database in ROLES}
            run("backup", backup, env=env)
    except PostgresUnavailableError as error:
        pytest.skip(str(error))
    assert before["airflow"]["alembic_version"][0] == 1
    assert before["patterns"]["patterns"][0] == 2_000
    assert all(path.stat().st_mode & 0o077 == 0 for path in (backup, *backup.iterdir()))

    with temporary_postgres("fsync=off") as server:
        env = environment(server, elsewhere)
        run("postgres-roles.sh", env=env)
        for _ in range(2):  # Again over what is there.
            run("restore", backup, env=env)
        assert {database: contents(server, database) for database in ROLES} == before
        with open_store(url(server, "patterns")) as store:
            assert stored(store) == 2_000
        stranger = url(server, "airflow").rpartition("/")[0] + "/patterns"
        with pytest.raises(psycopg2.OperationalError, match="permission denied"):
            psycopg2.connect(stranger)
    assert (elsewhere / "archive/one/patterns.parquet").read_text() == "archive/one/patterns.parquet"
    assert (elsewhere / "registry/log.jsonl").exists()
    assert not (elsewhere / "cache").exists()


def test_a_damaged_backup_is_refused_before_anything_is_dropped(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    for name in ("airflow.dump", "patterns.dump", "artifacts.tar.gz"):
        (backup / name).write_text(name)
    sums = subprocess.run(
        ["sha256sum", "airflow.dump", "patterns.dump", "artifacts.tar.gz"],
        cwd=backup,
        capture_output=True,
        check=True,
    )
    (backup / "SHA256SUMS").write_bytes(sums.stdout)
    (backup / "patterns.dump").write_text("changed")
    log = tmp_path / "log"
    program = tmp_path / "called"
    program.write_text(f"#!/bin/sh\necho called >>{log}\n")
    program.chmod(0o755)
    finished = subprocess.run(
        [PROJECT / "docker/restore", backup],
        env={**os.environ, "PG": str(program), "TAR": str(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    assert "patterns.dump" in finished.stdout + finished.stderr
    assert not log.exists()
