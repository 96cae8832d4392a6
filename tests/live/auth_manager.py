"""Airflow's simple auth manager with a user who may log in and see no DAG: the roles alone know no such user."""

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

OUTSIDER = "outsider"


class AuthManager(SimpleAuthManager):
    def is_authorized_dag(self, *, user: Any, **asked: Any) -> bool:
        return user.username != OUTSIDER and super().is_authorized_dag(user=user, **asked)
