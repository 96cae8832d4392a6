"""What Airflow tells other systems of a run: metrics, and the assets of its lineage."""
