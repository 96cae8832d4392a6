"""Exit with 0 if the api-server reports a recent heartbeat of a component of Airflow: `healthy.py scheduler`.

Airflow's own `airflow jobs check` reports the same, but takes several CPU seconds each time.
"""

import json
import os
import sys
import urllib.request

SECONDS = 10.0


def main(part: str) -> bool:
    """Ask the api-server of AIRFLOW__CORE__EXECUTION_API_SERVER_URL."""
    server = (
        os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/").removesuffix("/execution")
    )
    with urllib.request.urlopen(f"{server}/api/v2/monitor/health", timeout=SECONDS) as answer:  # noqa: S310
        return bool(json.load(answer)[part]["status"] == "healthy")


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1]))
