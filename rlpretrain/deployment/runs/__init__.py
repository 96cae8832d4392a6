"""A run as Airflow sees it: its schedule and settings, what its tasks need, and where its results go."""
