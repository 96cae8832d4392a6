"""What holds of docker-compose.yaml and the Dockerfiles without an engine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compose.system import compose_command, make_secrets, read_settings
from tests.conftest import PROJECT, missing

COMPOSE, GPU = PROJECT / "docker-compose.yaml", PROJECT / "docker-compose.gpu.yaml"
REMOTE = PROJECT / "docker-compose.remote-docker.yaml"
SCRIPTS = {
    "postgres": {"airflow_db_password", "patterns_db_password"},
    "init": {"airflow_admin_password", "airflow_viewer_password"},
}
"""Secrets that a service's scripts read: docker/postgres-roles.sh and docker/users.py."""
PUBLIC = {
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "AIRFLOW__API__BASE_URL", "RLPRETRAIN_COMPOSER_URL"
}  # fmt: skip
"""Variables with addresses without a password."""
FOR_EVERY_SERVICE = {
    "restart", "cap_drop", "security_opt", "logging", "mem_limit", "pids_limit"
}  # fmt: skip


def rendered(tmp_path: Path, *files: Path, **settings: str) -> dict[str, Any]:
    file = tmp_path / ".env"
    if not file.exists():
        make_secrets(tmp_path)
    return dict(yaml.safe_load(config(file, *files, **settings)))


def config(environment_file: Path, *files: Path, **settings: str) -> str:
    command = compose_command()
    if command is None:
        missing("Docker Compose is not installed")
    named = [word for file in files or (COMPOSE,) for word in ("--file", str(file))]
    profiles = ["--profile", "demo", "--profile", "celery"]
    done = subprocess.run(
        [*command, *named, "--env-file", environment_file, *profiles, "config"],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def test_without_secrets_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(RuntimeError, match="run make secrets"):
        config(tmp_path / "empty")


def test_secrets_are_random_private_and_never_overwritten(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        settings = read_settings(make_secrets(tmp_path / name))
        folder = Path(settings["SECRETS"])
        assert settings.keys() == {"SECRETS", "DOCKER_GID"}
        assert folder.stat().st_mode & 0o777 == 0o700, "what is in it is out of reach for others"
        assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o444}
        made.append({file.name: file.read_text() for file in folder.iterdir()})
    assert all(made[0][name] != made[1][name] for name in made[0])
    assert len(set(made[0].values())) == len(made[0])
    assert min(len(value) for value in made[0].values()) >= 32
    refused = subprocess.run([PROJECT / "docker/make-secrets", tmp_path / "one"], capture_output=True)
    assert refused.returncode == 1


def test_secrets_of_an_older_file_move_and_its_settings_stay(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PATTERNS_DB_PASSWORD=old\nMARKET=files:/prices\nDOCKER_GID=7\n")
    settings = read_settings(make_secrets(tmp_path))
    assert settings == {"MARKET": "files:/prices", "DOCKER_GID": "7", "SECRETS": str(tmp_path / ".secrets")}
    assert (tmp_path / ".secrets/patterns_db_password").read_text() == "old"
    assert (tmp_path / ".secrets/patterns_store_url").read_text() == (
        "postgresql+psycopg2://patterns:old@postgres/patterns"
    )


def test_each_service_has_the_secrets_that_it_reads_and_no_others(tmp_path: Path) -> None:
    rendered_all = rendered(tmp_path)
    all_secrets = {file.name for file in (tmp_path / ".secrets").iterdir()}
    assert set(rendered_all["secrets"]) == all_secrets
    used = set()
    for name, service in rendered_all["services"].items():
        text = " ".join(
            map(str, (service.get("environment"), service.get("command"), service.get("healthcheck")))
        )
        read = set(re.findall(r"/run/secrets/(\w+)", text)) | SCRIPTS.get(name, set())
        granted = {item if isinstance(item, str) else item["source"] for item in service.get("secrets", [])}
        assert read == granted, name
        used |= granted
        for key in service.get("environment") or {}:
            assert not re.search(r"PASSWORD$|SECRET$|_KEY$|_URL$|_CONN$", key) or key in PUBLIC, (name, key)
    assert used == all_secrets


def test_every_service_is_bounded_and_says_whether_it_is_well(tmp_path: Path) -> None:
    services = rendered(tmp_path)["services"]
    assert {"postgres", "redis", "composer", "worker", "worker-gpu"} <= services.keys()
    for name, service in services.items():
        assert service.keys() >= FOR_EVERY_SERVICE, name
        assert ("healthcheck" in service) is (name != "init"), name
        assert ":" in service["image"], f"{name}: a version or tag is named"


def test_every_image_can_be_another(tmp_path: Path) -> None:
    others = {"AIRFLOW_IMAGE": "a:1", "POSTGRES_IMAGE": "p:1", "REDIS_IMAGE": "r:1", "TRAINER_IMAGE": "t:1"}
    services = rendered(tmp_path, **others)["services"]
    assert {service["image"] for service in services.values()} == {"a:1", "p:1", "r:1"}
    assert services["scheduler"]["environment"]["RLPRETRAIN_TRAINER_IMAGE"] == "t:1"


def test_gpus_are_checked_before_a_task_may_start(tmp_path: Path) -> None:
    services = rendered(tmp_path, COMPOSE, GPU, TRAINER_IMAGE="t:1")["services"]
    assert services["gpu-check"]["image"] == "t:1"
    device = services["gpu-check"]["deploy"]["resources"]["reservations"]["devices"][0]
    assert device["capabilities"] == ["gpu"]
    for name in ("scheduler", "worker", "worker-gpu"):
        assert services[name]["environment"]["RLPRETRAIN_DEVICE"] == "cuda"
    assert "gpu-check" in services["scheduler"]["depends_on"]


def test_with_an_engine_elsewhere_this_hosts_socket_is_out_of_reach(tmp_path: Path) -> None:
    there = {"TRAINER_DOCKER_HOST": "tcp://gpu:2376", "TRAINER_DOCKER_CERTIFICATES": "/etc/certificates"}
    services = rendered(tmp_path, COMPOSE, REMOTE, **there)["services"]
    for name in ("scheduler", "worker", "worker-gpu"):
        assert services[name]["environment"]["DOCKER_HOST"] == "tcp://gpu:2376"
        assert "/var/run/docker.sock:/var/run/docker.sock" not in str(services[name]["volumes"])
        assert "/dev/null" in str(services[name]["volumes"])


def test_both_images_begin_with_the_same_layers() -> None:
    heads = [
        (PROJECT / f"docker/{name}.Dockerfile").read_text().split("# What differs")[0].split("\n", 1)[1]
        for name in ("trainer", "airflow")
    ]
    assert heads[0] == heads[1]
