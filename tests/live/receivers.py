"""What the outside world receives of a deployment: mails, posts and metrics."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

__all__ = ["SECRET", "Inbox", "StatsdListener", "open_inbox", "posts_to"]

SECRET = "hook-secret-4f81c2"
"""Part of the addresses that are posted to, and of nothing else."""
Posts = list[tuple[str, bytes]]


@dataclass
class Inbox:
    """The mails and posts that have arrived."""

    mails: list[EmailMessage] = field(default_factory=list)
    received: Posts = field(default_factory=list)
    web: int = 0
    """Port of the HTTP server."""
    smtp: int = 0
    """Port of the SMTP server."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    @property
    def posts(self) -> list[tuple[str, dict[str, Any]]]:
        return [(path, json.loads(body)) for path, body in self.received]

    def hooked(self, event: str, run_id: str) -> dict[str, Any] | None:
        bodies = (body for path, body in self.posts if path == f"/hook/{SECRET}")
        return next((b for b in bodies if b["event"] == event and b["run_id"] == run_id), None)

    def chatted(self, text: str) -> dict[str, Any] | None:
        bodies = (body for path, body in self.posts if path == f"/slack/{SECRET}")
        return next((body for body in bodies if text in body["text"]), None)


@contextmanager
def posts_to() -> Iterator[tuple[int, Posts]]:
    """Serve HTTP; yield the port, and the path and body of each post as they arrive."""
    received: Posts = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *parts: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, received
    server.shutdown()
    server.server_close()


@contextmanager
def open_inbox() -> Iterator[Inbox]:
    """Serve SMTP and HTTP."""
    with posts_to() as (web, received), socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        # Port 0 would leave the controller asking itself where it is.
        inbox = Inbox(received=received, web=web, smtp=probe.getsockname()[1])
        probe.close()
        mail = Controller(inbox, hostname="127.0.0.1", port=inbox.smtp)
        mail.start()
        yield inbox
        mail.stop()


class StatsdListener:
    """A StatsD server that keeps what it is sent: the values of each metric, in order, with their types."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._received: dict[str, list[tuple[str, str]]] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            for line in self._socket.recv(65_536).decode().splitlines():
                name, _, rest = line.partition(":")
                value, _, kind = rest.partition("|")
                self._received.setdefault(name, []).append((value, kind))

    def so_far(self) -> dict[str, list[tuple[str, str]]]:
        """Each metric's values and types until now."""
        return {name: list(values) for name, values in list(self._received.items())}
