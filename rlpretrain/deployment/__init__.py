"""Where the pipeline meets Airflow and Docker: what the DAG needs, and a local Airflow for one run.

Nothing is re-exported here: each task start parses the DAG again and pays for all that it imports.
"""
