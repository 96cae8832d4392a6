"""Where the pipeline meets Airflow, Docker and Kubernetes; a room for each part of it.

Nothing is re-exported here: each task start parses the DAG again and pays for all that it imports.
"""
