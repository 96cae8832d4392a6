#!/bin/sh
# Create one database and role for Airflow and one for the patterns: neither role can read the other's database.
set -eu
create() {
    psql --set ON_ERROR_STOP=1 --set role="$1" --set password="$2" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role";
REVOKE CONNECT ON DATABASE :"role" FROM PUBLIC;
SQL
}
secrets=${SECRETS:-/run/secrets}
create airflow "$(cat "$secrets/airflow_db_password")"
create patterns "$(cat "$secrets/patterns_db_password")"
