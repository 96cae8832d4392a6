"""Whatever stands in the query of an address, the answer is a page or a 4xx, with the headers of every page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from rlpretrain.deployment.web import app
from rlpretrain.patterns.store import open_store
from rlpretrain.runs.run_folder import RunFolder
from tests.patterns.building import random_patterns
from tests.plugins.building import mined
from tests.runs.building import write_manifest

RUN = "night"
LATE = "2020-01-01.99999999999999999999999999.1"
DECISION = f"/patterns/decision?run={RUN}&asset=SPY&date=2020-01-02&position=flat"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A browser whose user may see everything, and one run with patterns."""
    with pytest.MonkeyPatch.context() as patch:
        yield browser_of(tmp_path_factory.mktemp("runs"), patch)


def browser_of(output: Path, patch: pytest.MonkeyPatch) -> TestClient:
    folder = RunFolder.of(output, RUN).path
    with open_store(f"sqlite:///{folder / 'composer_patterns.db'}") as store:
        extraction = store.add_run("run", {"library": "one"})
        store.add_patterns(extraction, random_patterns(40, seed=2))
    write_manifest(folder, "mine", mined(extraction=extraction), inputs={"store": "run"})
    patch.setenv("RLPRETRAIN_OUTPUT_DIR", str(output))
    patch.setattr(app, "requires_access_dag", lambda *_: lambda: None)
    patch.setattr(app, "airflow_runs", lambda _: {})
    patch.setattr(app, "airflow_run", lambda *_: None)
    patch.setattr(app, "failures_of", lambda *_: {})
    return TestClient(app.pages.__wrapped__(), raise_server_exceptions=False)


def test_the_pages_are_there(browser: TestClient) -> None:
    assert browser.get("/").status_code == 200
    assert browser.get(f"/patterns?run={RUN}&after=2020-01-01.1.0").status_code == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"/patterns?run={RUN}&after={LATE}", 422),
        (f"/patterns?run={RUN}&after=x", 422),
        (f"/patterns?run={RUN}&after=2020-02-30.1.1", 422),
        (f"/patterns?run={RUN}&strategy=a%00b", 404),
        (f"/patterns?run={RUN}&confidence=nan", 422),
        (f"/patterns?run={RUN}&start=1e400", 422),
        ("/patterns?run=%00", 404),
        (f"/patterns?run={'x' * 5_000}", 422),
        (f"/?offset={10**30}", 422),
        ("/?offset=-1", 422),
        (f"{DECISION}&offset={10**30}", 422),
        (DECISION.replace("2020-01-02", "0001-01-01"), 422),
        (DECISION.replace("2020-01-02", "9999-12-31"), 422),
        (DECISION.replace(RUN, "x" * 5_000), 422),
        ("/runs/a%00b", 404),
        (f"/dags/{app.DAG_ID}/runs/a%00b", 404),
    ],
)
def test_an_error_of_the_query_is_a_4xx(browser: TestClient, address: str, status: int) -> None:
    answer = browser.get(address)
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


ODD = ("", "-1", "1e400", "9" * 400, "%ED%A0%80%00", "0001-01-01", "<script>alert(1)</script>'")
PLACES = {"dag_id": app.DAG_ID, "run_id": RUN, "name": RUN, "file": "report.html"}
SOUND = {"run": RUN, "asset": "SPY", "date": "2020-01-02", "position": "flat"}


def addresses() -> list[str]:
    """Every route with every parameter of its query, or its path, set to every odd value, by the app's own table."""
    found = []
    for route in app.pages.__wrapped__().routes:
        path = route.path_format.format(**{place: PLACES[place] for place in route.param_convertors})
        names = [name for field in route.dependant.query_params for name in _names(field)]
        needed = "&".join(f"{name}={SOUND[name]}" for name in names if name in SOUND)
        found += [f"{path}?{needed}&{name}={value}" for name in names for value in ODD]
        found += [
            route.path_format.format(
                **{**{place: PLACES[place] for place in route.param_convertors}, changed: value}
            )
            for changed in route.param_convertors
            for value in ODD
        ]
    return found


def _names(field: Any) -> list[str]:
    model = getattr(field.field_info, "annotation", None)
    return list(getattr(model, "model_fields", {})) or [field.alias]


@pytest.mark.slow
def test_no_value_of_any_parameter_of_any_route_is_an_error_of_the_server(browser: TestClient) -> None:
    asked = addresses()
    parameters = {part.split("=")[0] for address in asked for part in address.partition("?")[2].split("&")}
    assert {"after", "strategy", "date", "offset", "show"} <= parameters
    for address in asked:
        answer = browser.get(address, follow_redirects=False)
        assert answer.status_code < 500, (address, answer.status_code)
        assert "default-src 'none'" in answer.headers["content-security-policy"], address
        assert answer.headers["x-content-type-options"] == "nosniff", address
        assert "<script>alert" not in answer.text, address


def test_a_page_that_fails_has_the_headers_too(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody expected this")

    monkeypatch.setattr(app, "runs_context", fail)
    answer = browser.get("/")
    assert answer.status_code == 500 and "nobody expected" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
