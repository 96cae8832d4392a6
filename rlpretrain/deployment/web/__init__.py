"""Pages inside Airflow's UI: the runs and their trends, a run's report and the link to it, the patterns.

Nothing is re-exported here: Airflow reads plugins in every process, tasks included, so only `places`, which is light,
is imported then; the app is loaded at its first request.
"""
