"""Run the nightly DAG once on this machine, or start or stop Airflow's UI, for `make run`, `make ui` and `make stop`.

``python -m rlpretrain.deployment.local [run|ui|stop]`` reads ``MARKET``, ``CATALOGUE``, ``COMPOSER_URL``,
``STORE_URL``, ``TRAINER``, ``PARAMS`` (JSON), ``ARTIFACTS``, ``UI_PORT`` and ``UI_HOME`` from the environment. A run
ends with the line ``report: PATH``. The exit status is 0 for success, 1 for a failure and 2 for bad settings.
"""

import sys

from rlpretrain.errors import MissingExtraError, naming_extras

if __name__ == "__main__":
    try:
        with naming_extras():
            from rlpretrain.deployment.local.run import main
    except MissingExtraError as error:
        raise SystemExit(str(error)) from None
    raise SystemExit(main(sys.argv[1:]))
