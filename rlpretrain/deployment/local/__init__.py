"""What `make run` does: an Airflow of its own, one run of the nightly DAG, and its progress on the terminal."""
