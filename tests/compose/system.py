"""docker-compose.yaml brought up by the real engine, with secrets and names of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

__all__ = ["System", "compose_command", "make_secrets", "read_settings"]

PROJECT_LABEL, SERVICE_LABEL = "com.docker.compose.project", "com.docker.compose.service"


def compose_command() -> list[str] | None:
    """Return the command of whichever Compose is installed: the plugin, or the program of its own."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and not subprocess.run([*command, "version"], capture_output=True).returncode
        ):
            return command
    return None


def make_secrets(folder: Path) -> Path:
    """Make secrets in a folder; return the file of settings beside them."""
    subprocess.run([PROJECT / "docker/make-secrets", folder], check=True, capture_output=True)
    return folder / ".env"


def read_settings(file: Path) -> dict[str, str]:
    """Read a file of variables."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class System:
    """One project of Compose."""

    name: str
    settings: dict[str, str]
    environment_file: Path
    profiles: tuple[str, ...] = ()

    @classmethod
    def prepare(cls, folder: Path, profiles: Sequence[str], **settings: str) -> System:
        """Make the secrets and write the settings beside them."""
        name = f"rlpretrain-test-{os.getpid()}"
        file = make_secrets(folder)
        settings = {"ARTIFACTS_VOLUME": f"{name}-artifacts", "AIRFLOW_PORT": str(free_port()), **settings}
        with file.open("a") as lines:
            lines.writelines(f"{key}={value}\n" for key, value in settings.items())
        return cls(name, read_settings(file), file, tuple(profiles))

    @property
    def secrets(self) -> dict[str, str]:
        """All secrets by their names."""
        return {file.name: file.read_text() for file in Path(self.settings["SECRETS"]).iterdir()}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings['AIRFLOW_PORT']}"

    def compose(self, *arguments: str) -> str:
        """Run a command of Compose; return its standard output."""
        command = compose_command()
        assert command is not None
        profiles = [word for profile in self.profiles for word in ("--profile", profile)]
        files = ["--file", PROJECT / "docker-compose.yaml", "--env-file", self.environment_file]
        # The settings are the file's alone: Compose lets a variable of the caller's environment win over it.
        environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ
        }
        done = subprocess.run(
            [*command, "--project-name", self.name, *files, *profiles, *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """Inspect the containers, by service."""
        names = docker("ps", "--all", "--quiet", "--filter", f"label={PROJECT_LABEL}={self.name}").split()
        found = json.loads(docker("inspect", *names)) if names else []
        return {one["Config"]["Labels"][SERVICE_LABEL]: one for one in found}

    def wait_until_healthy(self, seconds: float) -> None:
        """Wait until every service is healthy and `init` has ended well."""
        deadline = time.monotonic() + seconds
        while True:
            states = {name: _state(one) for name, one in self.containers().items()}
            if states and set(states.values()) <= {"healthy", "done"}:
                return
            if time.monotonic() > deadline or "failed" in states.values():
                raise AssertionError(
                    f"{states}\n{self.compose('logs', '--no-color', '--tail', '40')}"[-8000:]
                )
            time.sleep(1)

    def execute(self, service: str, *command: str) -> str:
        """Run a command in a service's container."""
        return docker("exec", self.containers()[service]["Id"], *command)

    def leftovers(self) -> list[str]:
        """Name what the engine still has of this project, with the volume of the artifacts."""
        mine = f"label={PROJECT_LABEL}={self.name}"
        kinds = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
        found = [name for kind in kinds for name in docker(*kind, "--quiet", "--filter", mine).split()]
        volume = self.settings["ARTIFACTS_VOLUME"]
        return found + docker("volume", "ls", "--quiet", "--filter", f"name={volume}").split()


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"docker {' '.join(arguments[:3])}: {done.stderr[-2000:]}"
    return done.stdout


def _state(container: dict[str, Any]) -> str:
    state = container["State"]
    if state["Status"] == "exited":
        return "done" if state["ExitCode"] == 0 else "failed"
    return str(state.get("Health", {}).get("Status", state["Status"]))
