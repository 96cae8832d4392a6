"""What Airflow reports about a run to other systems: metrics, and the assets of its lineage."""
