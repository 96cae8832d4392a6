"""Create the users `admin` and `viewer`, or set their passwords to those in /run/secrets."""

from pathlib import Path

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils.providers_configuration_loader import providers_configuration_loaded

ROLES = {"admin": "Admin", "viewer": "Viewer"}


@providers_configuration_loaded
def main() -> None:
    """Read both passwords; leave those of other users alone."""
    with get_application_builder() as builder:
        security = builder.sm
        for name, role in ROLES.items():
            password = Path(f"/run/secrets/airflow_{name}_password").read_text(encoding="utf-8").strip()
            user = security.find_user(username=name)
            if user is not None:
                done = security.reset_password(user.id, password)
            else:
                address = f"{name}@localhost"
                done = security.add_user(name, name, "", address, security.find_role(role), password)
            if not done:
                raise SystemExit(f"user {name} could not be created")


if __name__ == "__main__":
    main()
