"""The Docker engine that runs the trainer: on this machine, or on a GPU host over TLS.

Its address comes from the variables that Docker's own command line reads, so that `docker` and the tasks use the same
engine: ``DOCKER_HOST``, ``DOCKER_CERT_PATH`` and ``DOCKER_TLS_VERIFY``. Airflow's connection ``docker_default`` is the
login of an image registry; nothing is pulled, so it is not used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.api.client import APIClient
from docker.errors import APIError, DockerException, NotFound
from docker.tls import TLSConfig

from rlpretrain.errors import ServiceError, SettingsError, StageError

__all__ = [
    "DAG_LABEL",
    "RUN_LABEL",
    "STAGE_LABEL",
    "DockerEngine",
    "remove_containers",
    "remove_ended_runs",
    "require_image",
]

RUN_LABEL, DAG_LABEL, STAGE_LABEL = "rlpretrain.run", "rlpretrain.dag", "rlpretrain.stage"
SOCKET = "unix:///var/run/docker.sock"
_CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")


class _Client(APIClient):  # type: ignore[misc]  # docker has no types
    """A client that connects to the engine directly and trusts only the given authority.

    `requests` would let a proxy or ``REQUESTS_CA_BUNDLE`` of the environment, both meant for the internet, override
    the engine's address and authority.
    """

    def merge_environment_settings(
        self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> dict[str, Any]:
        return {
            "proxies": proxies or {},
            "stream": self.stream if stream is None else stream,
            "verify": self.verify if verify is None else verify,
            "cert": cert or self.cert,
        }


@dataclass(frozen=True)
class DockerEngine:
    """The engine's address, and the certificates by which it and its client verify each other."""

    url: str = SOCKET
    certificates: Path | None = None
    """Folder of ``ca.pem``, ``cert.pem`` and ``key.pem``; None where the address needs no TLS."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> DockerEngine:
        """Read Docker's variables. With TLS the engine's certificate is always checked."""
        environment = os.environ if environment is None else environment
        url = environment.get("DOCKER_HOST") or SOCKET
        folder = environment.get("DOCKER_CERT_PATH")
        if url.startswith("unix:") or not (folder or environment.get("DOCKER_TLS_VERIFY")):
            return cls(url)
        return cls(url, Path(folder) if folder else Path.home() / ".docker")

    def files(self) -> tuple[str, str, str] | None:
        """Return the paths of the authority's certificate, the client's certificate and the client's key.

        Raises
        ------
        SettingsError
            One of them is missing.
        """
        if self.certificates is None:
            return None
        paths = [self.certificates / name for name in _CERTIFICATES]
        for path in paths:
            if not path.is_file():
                raise SettingsError(f"{path} is missing", hint="DOCKER_CERT_PATH names the folder")
        authority, ours, key = (str(path) for path in paths)
        return authority, ours, key

    def connect(self) -> APIClient:
        """Return a client of the engine, after the engine has answered.

        Raises
        ------
        SettingsError
            A certificate is missing.
        ServiceError
            No engine answers, or one of the two does not trust the other.
        """
        files = self.files()
        try:
            if files is None:
                return _Client(self.url, version="auto")
            authority, ours, key = files
            tls = TLSConfig(client_cert=(ours, key), ca_cert=authority, verify=True)
            return _Client(self.url.replace("tcp://", "https://", 1), version="auto", tls=tls)
        except DockerException as error:
            raise ServiceError(
                f"no Docker engine at {self.url}: {error}",
                hint="start it, or use TRAINER=process",
                # A host on the network may come back; a local engine must be started manually.
                retryable=not self.url.startswith("unix:"),
            ) from error


def remove_containers(labels: Mapping[str, str], client: APIClient | None = None) -> int:
    """Remove all containers that carry the labels, running or not; return their number."""
    client = client or DockerEngine.from_environment().connect()
    wanted = [f"{name}={value}" for name, value in labels.items()]
    found = client.containers(all=True, filters={"label": wanted})
    return sum(_remove(client, container["Id"]) for container in found)


def remove_ended_runs(dag_id: str, has_ended: Callable[[str], bool], client: APIClient | None = None) -> int:
    """Remove containers of the DAG's ended runs that no task watches any more, for example after a lost scheduler.

    Parameters
    ----------
    has_ended
        Whether the run of this name is known and over; a run of an unknown name belongs to another deployment.
    """
    client = client or DockerEngine.from_environment().connect()
    found = client.containers(all=True, filters={"label": [f"{DAG_LABEL}={dag_id}", RUN_LABEL]})
    runs = {container["Labels"][RUN_LABEL] for container in found}
    return sum(remove_containers({RUN_LABEL: run}, client) for run in sorted(runs) if has_ended(run))


def _remove(client: APIClient, container: str) -> bool:
    try:
        client.remove_container(container, force=True)
    except NotFound:
        return False
    except APIError as error:
        # Something else is removing it at this moment.
        if error.status_code != 409:
            raise
        return False
    return True


def require_image(image: str, client: APIClient | None = None) -> None:
    """Check that the trainer's image is on the Docker host.

    It is never pulled: the name is local, and a registry's image of the same name would be a stranger's.

    Raises
    ------
    StageError
        The image is not on the Docker host.
    ServiceError
        No Docker engine answers.
    """
    client = client or DockerEngine.from_environment().connect()
    if not client.images(name=image):
        raise StageError(
            f"image {image} is not on the Docker host", hint="build it with `make trainer-image`"
        )
