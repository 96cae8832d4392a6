"""Run the nightly DAG once on this machine; ``make run`` calls ``python -m rlpretrain.deployment.local``.

It reads ``MARKET``, ``CATALOGUE``, ``COMPOSER_URL``, ``STORE_URL``, ``TRAINER``, ``PARAMS`` (JSON) and
``ARTIFACTS`` from the environment, and ends with the line ``report: PATH``. The exit status is 0 for success, 1 for a
failure and 2 for bad settings.
"""

from rlpretrain.deployment.local.run import main

if __name__ == "__main__":
    raise SystemExit(main())
