from .address import EmbeddedAddress, parse_address
from .backtester import Backtester, BacktestOptions, BacktestOutcome
from .catalogue import Catalogue, CatalogueEntry, FolderCatalogue, load_catalogue
from .client import ComposerClient
from .connection import open_composer
from .credentials import Credentials
from .daily import DailyValues
from .embedded import LoopbackServer, composer_app, embedded_server, serve_http
from .failures import ComposerError, Verdict
from .faults import FAULT_KINDS, Faults
from .generated import GeneratedCatalogue
from .library import Library
from .listing import SymphonySummary, list_library
from .mcp_server import serve_stdio
from .progress import BudgetSpentError
from .rate import AdaptiveRate
from .retry import RetryPolicy
from .search_settings import check_search
from .wire import Backtest, SearchPage, SearchRow, Statistics

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
