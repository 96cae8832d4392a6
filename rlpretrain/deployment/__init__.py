"""The pipeline's interface to Airflow, Docker and Kubernetes, with a package for each part of it.

Nothing is re-exported here: each task parses the DAG again when it starts and pays for everything that it imports.
"""
