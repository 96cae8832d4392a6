"""Register the nightly schedule, so that scheduler and api-server can read it back from Airflow's database."""

from airflow.plugins_manager import AirflowPlugin

from rlpretrain.deployment.runs.timetable import TradingDayTimetable


class TradingDayPlugin(AirflowPlugin):
    """The timetable of `rl_pretraining`."""

    name = "rlpretrain_timetable"
    timetables = (TradingDayTimetable,)
