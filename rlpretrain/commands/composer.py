"""``rlpretrain composer serve``: the embedded server as a service for other machines."""

from __future__ import annotations

import argparse
from typing import Any

from rlpretrain.commands.progress import say
from rlpretrain.commands.settings import add_command, read_settings

__all__ = ["add_composer"]

_DESCRIPTION = """Serve the library of the setting `catalogue`, with backtests on the prices of the setting `market`,
over REST and over MCP (/mcp), until it is stopped. A run uses it with composer_url=embedded:url=http://HOST:PORT and
the same two settings. There is no login and no encryption: listen on an address that only those who may read the
library can reach."""


def add_composer(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``composer`` and its command."""
    composer = commands.add_parser("composer", help="serve a library as Composer does")
    kinds = composer.add_subparsers(required=True, metavar="serve")
    serve = add_command(kinds, "serve", "serve until stopped", _DESCRIPTION, _serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (default %(default)s)")


def _serve(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.composer import ServedCatalogue, load_catalogue, serve_http
    from rlpretrain.library.engine_backtester import EngineBacktester
    from rlpretrain.market.configured import configured_market

    config = read_settings(options)
    panel = configured_market(config)
    last_day = panel.dates[-1].astype(object)
    served = ServedCatalogue(load_catalogue(config.catalogue), EngineBacktester(panel), last_day)
    say(f"serving {config.catalogue} to {last_day} on http://{options.host}:{options.port}")
    serve_http(served, options.host, options.port)
    return {"status": "done", "lines": ["stopped"]}
