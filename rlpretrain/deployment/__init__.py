"""Running the pipeline under Airflow on this machine."""
