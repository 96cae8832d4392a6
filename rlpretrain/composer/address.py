"""Composer's address: reading the setting ``composer_url``.

========================================  =====================================================
``embedded[:OPTION=VALUE,...]``           a server started here: transport, faults, kinds, latency, seed, retry_after
``embedded:url=http://HOST``              one that `rlpretrain composer serve` runs elsewhere, with the same settings
``https://HOST/mcp``                      an MCP server over streamable HTTP
``rest+https://HOST``                     the REST API
``stdio:COMMAND ARGUMENT ...``            an MCP server started as a process
========================================  =====================================================

The transport is part of the address, as in ``postgresql+psycopg2://``; a separate setting could contradict it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from rlpretrain.composer.server.faults import FaultKind, Faults
from rlpretrain.errors import SettingsError

__all__ = ["Address", "EmbeddedAddress", "McpAddress", "RestAddress", "StdioAddress", "parse_address"]

_FORMS = "embedded[:OPTION=VALUE,...], http(s)://..., rest+http(s)://... or stdio:COMMAND"
_OPTIONS = ("transport", "url", "faults", "kinds", "latency", "seed", "retry_after")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_SECONDS = {"ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class EmbeddedAddress:
    """An embedded server, to be started here or already running elsewhere."""

    transport: Literal["mcp", "rest"] = "rest"
    faults: Faults | None = None
    url: str | None = None
    """Address of the running server; None to start it here."""


@dataclass(frozen=True)
class McpAddress:
    """An MCP server over streamable HTTP."""

    url: str


@dataclass(frozen=True)
class RestAddress:
    """A server with Composer's REST API."""

    url: str


@dataclass(frozen=True)
class StdioAddress:
    """A command that starts an MCP server."""

    command: str


Address: TypeAlias = EmbeddedAddress | McpAddress | RestAddress | StdioAddress


def parse_address(text: str) -> Address:
    """Read the setting ``composer_url``.

    Raises
    ------
    SettingsError
        The text has none of the forms; the message does not repeat parts that may contain a secret.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "embedded":
        return _embedded(rest)
    if scheme == "stdio":
        return StdioAddress(rest)
    if text.startswith(("http://", "https://")):
        return McpAddress(text)
    if text.startswith(("rest+http://", "rest+https://")):
        return RestAddress(text.removeprefix("rest+"))
    shown = scheme[:40] if rest else text[:40]
    raise SettingsError(f"composer_url: {shown!r} is not an address", hint=_FORMS)


def _embedded(text: str) -> EmbeddedAddress:
    options: dict[str, str] = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        if name not in _OPTIONS:
            raise SettingsError(
                f"composer_url: unknown option {name[:40]!r} of 'embedded:'",
                hint="the options are " + ", ".join(f"{option}=..." for option in _OPTIONS),
            )
        options[name] = value
    transport = options.pop("transport", "rest")
    if transport not in ("mcp", "rest"):
        raise SettingsError(f"composer_url: transport={transport[:40]!r} is neither mcp nor rest")
    chosen = cast(Literal["mcp", "rest"], transport)
    url = options.pop("url", None)
    if url is not None and (options or not url.startswith(("http://", "https://"))):
        raise SettingsError("composer_url: 'embedded:url=' takes an http(s) address and no faults")
    if url is not None and chosen == "rest" and url.rstrip("/").endswith("/mcp"):
        raise SettingsError(
            "composer_url: 'embedded:url=' ends in /mcp, but the transport is REST",
            hint="leave /mcp out, or add ',transport=mcp'",
        )
    return EmbeddedAddress(chosen, _faults(options) if options else None, url)


def _faults(options: dict[str, str]) -> Faults:
    read: dict[str, Any] = {}
    try:
        if "faults" in options:
            read["rate"] = float(options["faults"])
        if "kinds" in options:
            read["kinds"] = tuple(cast(FaultKind, kind) for kind in options["kinds"].split("+"))
        for name in {"seed", "retry_after"} & options.keys():
            read[name] = int(options[name])
    except ValueError as error:
        raise SettingsError(f"composer_url: {error}") from None
    if "latency" in options:
        found = _DURATION.fullmatch(options["latency"])
        if found is None:
            raise SettingsError(
                f"composer_url: latency={options['latency'][:40]!r} is not a duration such as 20ms or 0.5s"
            )
        read["latency"] = float(found.group(1)) * _SECONDS[found.group(2)]
    return Faults(**read)
