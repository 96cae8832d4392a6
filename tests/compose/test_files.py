"""What holds of docker-compose.yaml and the Dockerfiles without an engine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compose.system import compose_command, read_secrets
from tests.conftest import PROJECT, missing

COMPOSE, GPU = PROJECT / "docker-compose.yaml", PROJECT / "docker-compose.gpu.yaml"
REMOTE = PROJECT / "docker-compose.remote-docker.yaml"
FOR_EVERY_SERVICE = {
    "restart", "cap_drop", "security_opt", "logging", "mem_limit", "pids_limit"
}  # fmt: skip


def rendered(tmp_path: Path, *files: Path, **settings: str) -> dict[str, Any]:
    secrets = tmp_path / "environment"
    if not secrets.exists():
        subprocess.run([PROJECT / "docker/make-secrets", secrets], check=True, capture_output=True)
    return dict(yaml.safe_load(config(secrets, *files, **settings)))


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
        subprocess.run([PROJECT / "docker/make-secrets", tmp_path / name], check=True, capture_output=True)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        made.append({k: v for k, v in read_secrets(tmp_path / name).items() if k != "DOCKER_GID"})
    assert all(made[0][name] != made[1][name] for name in made[0])
    assert len(set(made[0].values())) == len(made[0])
    assert min(len(value) for value in made[0].values()) >= 32
    refused = subprocess.run([PROJECT / "docker/make-secrets", tmp_path / "one"], capture_output=True)
    assert refused.returncode == 1


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
