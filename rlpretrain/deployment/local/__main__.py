"""Run the nightly DAG once on this machine; ``make run`` calls ``python -m rlpretrain.deployment.local``.

Reads ``MARKET``, ``CATALOGUE``, ``COMPOSER_URL``, ``STORE_URL``, ``TRAINER``, ``PARAMS`` (JSON) and
``ARTIFACTS`` from the environment. Ends with the line ``report: PATH``; answers 0 done, 1 failed, 2 for bad
settings.
"""

from rlpretrain.deployment.local.run import main

if __name__ == "__main__":
    raise SystemExit(main())
