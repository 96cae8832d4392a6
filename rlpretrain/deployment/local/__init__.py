"""What `make run` does: start a private Airflow, run the nightly DAG once, and show its progress on the terminal."""
