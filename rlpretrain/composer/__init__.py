"""Composer's service: client, wire schema, and an embedded server that speaks the same protocol."""

from rlpretrain.composer.address import EmbeddedAddress, parse_address
from rlpretrain.composer.backtester import Backtester, BacktestOptions, BacktestOutcome
from rlpretrain.composer.catalogue import Catalogue, CatalogueEntry, FolderCatalogue, load_catalogue
from rlpretrain.composer.client import ComposerClient
from rlpretrain.composer.connection import open_composer
from rlpretrain.composer.credentials import Credentials
from rlpretrain.composer.daily import DailyValues
from rlpretrain.composer.embedded import LoopbackServer, composer_app, embedded_server, serve_http
from rlpretrain.composer.failures import ComposerError, Verdict
from rlpretrain.composer.faults import FAULT_KINDS, Faults
from rlpretrain.composer.generated import GeneratedCatalogue
from rlpretrain.composer.library import Library
from rlpretrain.composer.listing import SymphonySummary, list_library
from rlpretrain.composer.mcp_server import serve_stdio
from rlpretrain.composer.progress import BudgetSpentError
from rlpretrain.composer.rate import AdaptiveRate
from rlpretrain.composer.retry import RetryPolicy
from rlpretrain.composer.search_settings import check_search
from rlpretrain.composer.wire import Backtest, SearchPage, SearchRow, Statistics

__all__ = [
    "FAULT_KINDS",
    "AdaptiveRate",
    "Backtest",
    "BacktestOptions",
    "BacktestOutcome",
    "Backtester",
    "BudgetSpentError",
    "Catalogue",
    "CatalogueEntry",
    "ComposerClient",
    "ComposerError",
    "Credentials",
    "DailyValues",
    "EmbeddedAddress",
    "Faults",
    "FolderCatalogue",
    "GeneratedCatalogue",
    "Library",
    "LoopbackServer",
    "RetryPolicy",
    "SearchPage",
    "SearchRow",
    "Statistics",
    "SymphonySummary",
    "Verdict",
    "check_search",
    "composer_app",
    "embedded_server",
    "list_library",
    "load_catalogue",
    "open_composer",
    "parse_address",
    "serve_http",
    "serve_stdio",
]
