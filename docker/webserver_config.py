"""Configure login to Airflow's UI and REST API: users and passwords are in Airflow's own database.

Mount your own file over this one for OAuth, LDAP or a proxy's header; see the FAB provider's documentation.
"""

from flask_appbuilder.const import AUTH_DB

AUTH_TYPE = AUTH_DB
AUTH_USER_REGISTRATION = False
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "10 per minute"
WTF_CSRF_ENABLED = True
SESSION_COOKIE_SAMESITE = "Lax"
