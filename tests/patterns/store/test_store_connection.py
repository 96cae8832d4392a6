import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text

from rlpretrain.errors import DataError, ServiceError, SettingsError
from rlpretrain.features import STATE_NAMES
from rlpretrain.patterns.store import extraction_digest, open_store, rows
from rlpretrain.patterns.store.connection import connect, migrate, reading, store_url, writing
from rlpretrain.patterns.store.schema import metadata
from tests.conftest import PROJECT
from tests.patterns.building import random_patterns


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


@pytest.mark.parametrize("secret", ["user:hidden@127.0.0.1:1/d", "user@127.0.0.1:1/d?password=hidden"])
def test_an_unreachable_server_can_be_tried_again(secret: str) -> None:
    with pytest.raises(ServiceError, match="127") as caught:
        open_store(f"postgresql://{secret}")
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


def test_what_an_older_version_wrote_stays_readable(url: str) -> None:
    """Two nights of the first tables become two revisions of a collection."""
    engine = connect(store_url(url))
    nights = [random_patterns(40, seed) for seed in (1, 2)]
    with engine.execution_options(writes=True).begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(PROJECT / "rlpretrain/patterns/migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for number, patterns in enumerate(nights, start=1):
            inputs = {"market": number, "settings": 1}
            described = {"id": number, "digest": extraction_digest(inputs), "inputs": json.dumps(inputs)}
            connection.execute(
                text("INSERT INTO extractions (id, digest, inputs) VALUES (:id, :digest, :inputs)"), described
            )
            old = {
                **rows.pattern_columns(patterns, lambda names: dict.fromkeys(names, 0)),
                "asset": patterns.asset,
            }
            del old["asset_id"]
            listed = ", ".join(old)
            insert = f"INSERT INTO patterns (extraction_id, {listed}) VALUES ({number}, :{', :'.join(old)})"  # noqa: S608
            values = [
                [v.tobytes() if v.dtype.kind == "V" else v.item() for v in column] for column in old.values()
            ]
            connection.execute(
                text(insert), [dict(zip(old, row, strict=True)) for row in zip(*values, strict=True)]
            )
    engine.dispose()
    with open_store(url) as store:
        for number, patterns in enumerate(nights, start=1):
            extraction = extraction_digest({"market": number, "settings": 1})
            for _ in range(2):
                found = store.patterns(extraction)
                assert all(
                    np.array_equal(getattr(found, f.name), getattr(patterns, f.name))
                    for f in fields(patterns)
                )
                store.add_run("again", {"market": number, "settings": 1})
                store.add_patterns(extraction, patterns)
                assert len(store.trades(extraction)) == 0
        with store.engine.connect() as connection:
            names = list(connection.exec_driver_sql("SELECT * FROM patterns_named").keys())
    assert [name for name in names if name in STATE_NAMES] == list(STATE_NAMES)


def test_a_reader_sees_one_moment(url: str) -> None:
    patterns = random_patterns(50, 1)
    with open_store(url) as store:
        extraction = store.add_run("run", {"market": 1, "settings": 1})
        store.add_patterns(extraction, patterns)
        with reading(store.engine) as reader:
            counts = [reader.execute(text("SELECT count(*) FROM patterns")).scalar_one()]
            with writing(store.engine) as writer:
                writer.execute(text("DELETE FROM patterns"))
            counts.append(reader.execute(text("SELECT count(*) FROM patterns")).scalar_one())
        assert counts == [50, 50]
        assert len(store.patterns(extraction)) == 0
