from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from rlpretrain.errors import DataError, ServiceError, SettingsError
from rlpretrain.patterns.store import open_store
from rlpretrain.patterns.store.connection import connect, migrate, store_url
from rlpretrain.patterns.store.schema import metadata


def test_short_forms_mean_psycopg2() -> None:
    for form in ("postgres", "postgresql", "postgresql+psycopg2"):
        assert store_url(f"{form}://u:p@h:5/d").drivername == "postgresql+psycopg2"
    assert store_url("sqlite:///a.db").drivername == "sqlite"


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://u:hidden@h/d", "postgresql://u:hidden@h:port/d", "/a/b.db"]
)
def test_other_urls_are_bad_settings_and_show_no_password(url: str) -> None:
    with pytest.raises(SettingsError, match="store_url") as caught:
        open_store(url)
    assert "hidden" not in str(caught.value)


def test_an_unreachable_server_can_be_tried_again() -> None:
    with pytest.raises(ServiceError, match="127") as caught:
        open_store("postgresql://user:hidden@127.0.0.1:1/d")
    assert caught.value.retryable and "hidden" not in str(caught.value)


@pytest.mark.postgres
def test_a_wrong_password_or_database_is_final(postgres_server: str) -> None:
    with pytest.raises(ServiceError, match="authentication failed") as caught:
        open_store(f"{postgres_server}/postgres".replace("s3cret", "hidden"))
    assert not caught.value.retryable and "hidden" not in str(caught.value)
    with pytest.raises(ServiceError, match="does not exist") as caught:
        open_store(f"{postgres_server}/missing")
    assert not caught.value.retryable and "s3cret" not in str(caught.value)


def test_a_file_that_is_no_database_or_can_not_be_opened(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello, this is no database at all" * 100)
    with pytest.raises(DataError, match=r"text\.db"):
        open_store(f"sqlite:///{tmp_path / 'text.db'}")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(ServiceError, match=r"folder\.db"):
        open_store(f"sqlite:///{tmp_path / 'folder.db'}")


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path / 'a' / 'b' / 'store.db'}").close()
    assert (tmp_path / "a" / "b" / "store.db").is_file()


def test_migrations_make_the_declared_tables(url: str) -> None:
    engine = connect(store_url(url))
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_store_of_a_newer_version_is_refused(url: str) -> None:
    engine = connect(store_url(url))
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(DataError, match="newer version"):
        open_store(url)
