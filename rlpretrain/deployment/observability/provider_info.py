"""How this package describes itself to Airflow: which functions understand its assets' URIs.

Airflow reads this module while it starts, before its own modules can be imported, so this one imports nothing.
"""

from __future__ import annotations

from typing import Any

__all__ = ["SCHEME", "provider_info"]

SCHEME = "rlpretrain"
"""Scheme of the assets' URIs."""


def provider_info() -> dict[str, Any]:
    """Return the description; an entry point of the package names this function."""
    return {
        "package-name": "rlpretrain",
        "name": "rlpretrain",
        "description": "Nightly pre-training of trading agents.",
        "asset-uris": [
            {
                "schemes": [SCHEME],
                "handler": "rlpretrain.deployment.observability.asset_places.keep_uri",
                "to_openlineage_converter": "rlpretrain.deployment.observability.asset_places.to_openlineage",
            }
        ],
    }
