"""A run from Airflow's side: its schedule and settings, what its tasks need, and what becomes of its results."""
