"""What all tests share: an Airflow home of their own, chosen before anything imports Airflow."""

import os
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="rlpretrain-airflow-")
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(PROJECT / "dags")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(PROJECT / "plugins")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
for name in [name for name in os.environ if name.startswith("RLPRETRAIN_") and "REQUIRE" not in name]:
    del os.environ[name]
