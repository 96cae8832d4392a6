from .address import EmbeddedAddress, RestAddress, parse_address
from .catalogue.catalogue_setting import judges_prices, load_catalogue
from .catalogue.entries import Catalogue, CatalogueEntry, CatalogueVersion
from .catalogue.generated import GeneratedCatalogue
from .catalogue.symphony_folder import FolderCatalogue
from .client.call_progress import BudgetSpentError
from .client.composer_client import ComposerClient
from .client.credentials import Credentials
from .client.daily import DailyValues
from .client.failures import ComposerError, Verdict
from .client.listing import LeftOutRow, LibraryListing, SymphonySummary, list_library, read_library
from .client.rate import AdaptiveRate
from .client.retry import RetryPolicy
from .client.search_settings import check_search
from .client.versions import (
    MCP_HAS_NO_VERSIONS,
    AbsentEndpointError,
    SymphonyVersion,
    VersionList,
    may_be_about_endpoint,
)
from .client.wire import Backtest, SearchPage, SearchRow, Statistics
from .connection import open_composer
from .server.backtester import Backtester, BacktestOptions, BacktestOutcome
from .server.embedded import LoopbackServer, composer_app, embedded_server, serve_http
from .server.faults import FAULT_KINDS, Faults
from .server.mcp_server import serve_stdio
from .server.served_catalogue import ServedCatalogue

__all__ = [
    "FAULT_KINDS",
    "MCP_HAS_NO_VERSIONS",
    "AbsentEndpointError",
    "AdaptiveRate",
    "Backtest",
    "BacktestOptions",
    "BacktestOutcome",
    "Backtester",
    "BudgetSpentError",
    "Catalogue",
    "CatalogueEntry",
    "CatalogueVersion",
    "ComposerClient",
    "ComposerError",
    "Credentials",
    "DailyValues",
    "EmbeddedAddress",
    "Faults",
    "FolderCatalogue",
    "GeneratedCatalogue",
    "LeftOutRow",
    "LibraryListing",
    "LoopbackServer",
    "RestAddress",
    "RetryPolicy",
    "SearchPage",
    "SearchRow",
    "ServedCatalogue",
    "Statistics",
    "SymphonySummary",
    "SymphonyVersion",
    "Verdict",
    "VersionList",
    "check_search",
    "composer_app",
    "embedded_server",
    "judges_prices",
    "list_library",
    "load_catalogue",
    "may_be_about_endpoint",
    "open_composer",
    "parse_address",
    "read_library",
    "serve_http",
    "serve_stdio",
]
