"""Where the pipeline meets Airflow and Docker: what the DAG needs, and a local Airflow for one run.

Nothing is re-exported here: the DAG processor imports single modules, and each task start pays for what they import.
"""
