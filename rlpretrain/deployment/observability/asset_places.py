"""Where this deployment's assets are, for OpenLineage.

Airflow loads this module while it sets assets up, before one can be created: this module creates none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rlpretrain.deployment.observability.provider_info import SCHEME

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.sdk import Asset

__all__ = ["keep_uri", "to_openlineage"]


def keep_uri(uri: SplitResult) -> SplitResult:
    """Return a URI unchanged: there is only one way to write each."""
    return uri


def to_openlineage(asset: Asset, lineage_context: Any) -> Any:  # noqa: ARG001
    """Return where an asset is in this deployment, by OpenLineage's naming conventions and without any secret."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    uri = urlsplit(asset.uri)
    name = uri.path.lstrip("/")
    place = _PLACES.get(uri.netloc)
    namespace, name = place(name) if place else (SCHEME, f"{uri.netloc}/{name}")
    return Dataset(namespace=namespace, name=name)


def _composer(name: str) -> tuple[str, str]:
    from rlpretrain.settings import load_config

    url = load_config().composer_url.removeprefix("rest+")
    address = urlsplit(url)
    if address.hostname is None:  # embedded, or a command, whose text may be private
        return SCHEME, f"{url.partition(':')[0]}/{name}"
    return f"{address.scheme}://{address.hostname}", name


def _store(table: str) -> tuple[str, str]:
    from sqlalchemy import make_url

    from rlpretrain.settings import load_config

    config = load_config()
    if not config.store_url:
        return _runs("composer_patterns.db")
    url = make_url(config.store_url)
    if url.get_backend_name() == "postgresql":
        return f"postgres://{url.host}:{url.port or 5432}", f"{url.database}.public.{table}"
    return "file", str(url.database)


def _runs(name: str) -> tuple[str, str]:
    from rlpretrain.settings import load_config

    return "file", str(load_config().output_dir.absolute() / "*" / name)


_PLACES = {"composer": _composer, "store": _store, "runs": _runs}
"""Prices are not included: each run chooses its own, and the settings, which the events carry too, name them."""
