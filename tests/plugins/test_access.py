"""Who sees the pages: Airflow's own users and permissions decide, on every address."""

import pytest

from rlpretrain.deployment.web.app import pages
from tests.plugins.conftest import NAME, RUN_ID, Served

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

ADDRESSES = [
    "/",
    f"/dags/rl_pretraining/runs/{RUN_ID.replace('+', '%2B')}",
    f"/runs/{NAME}",
    f"/runs/{NAME}?show=files",
    f"/runs/{NAME}/files/report.html",
    f"/runs/{NAME}/files/pattern_analysis.html",
    f"/runs/{NAME}/files/transferred_rl_agent.pt",
    "/patterns",
    "/static/pages.css",
]


def test_the_list_covers_every_address_of_the_app() -> None:
    paths = {route.path for route in pages().routes}
    assert paths == {
        "/",
        "/dags/{dag_id}/runs/{run_id}",
        "/runs/{name}",
        "/runs/{name}/files/{file:path}",
        "/patterns",
        "/patterns/decision",
        "/static/{name}",
    }


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_are_refused_and_users_are_served(served: Served, address: str) -> None:
    assert served.get(f"/rlpretrain{address}", None).status_code == 401
    assert served.get(f"/rlpretrain{address}", "outsider").status_code == 403
    for user in ("viewer", "admin"):
        assert served.get(f"/rlpretrain{address}", user).status_code == 200


def test_a_forged_or_empty_token_is_refused(served: Served) -> None:
    for token in ("", "x.y.z"):
        answer = served.get("/rlpretrain/", None, headers={"Cookie": f"_token={token}"})
        assert answer.status_code in (401, 403)


def test_a_person_without_login_is_sent_to_it(served: Served) -> None:
    answer = served.get("/rlpretrain/", None, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert "/auth/login" in answer.headers["location"]


def test_another_dags_name_opens_nothing(served: Served) -> None:
    """The permission asked for is that of the DAG whose data is shown, whatever the address says."""
    path = f"/rlpretrain/dags/rl_pattern_archive/runs/{NAME}"
    assert served.get(path, "outsider").status_code == 403
    assert served.get(path, "viewer").status_code == 404
    assert served.get("/rlpretrain/patterns?dag_id=rl_pattern_archive", "outsider").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/runs/..%2F..%2Fhome",
        "/runs/cache",
        "/runs/no-such-run",
        f"/runs/{NAME}/files/settings.json",
        f"/runs/{NAME}/files/composer_patterns.db",
        f"/runs/{NAME}/files/..%2F..%2Fhome%2Fpasswords.json",
        f"/runs/{NAME}/files/%2Fetc%2Fpasswd",
        f"/runs/{NAME}/files/validate/../report.json",
        "/runs/..%2Fcache/files/report.html",
        "/static/..%2Fapp.py",
        "/static/pages.css%00",
        "/patterns?run=..%2F..",
        "/patterns/decision?run=..&asset=SPY&date=2020-01-02&position=flat",
        "/docs",
        "/openapi.json",
    ],
)
def test_no_path_leads_elsewhere(served: Served, path: str) -> None:
    answer = served.get(f"/rlpretrain{path}", "admin")
    assert answer.status_code == 404
    assert "password" not in answer.text and "root:" not in answer.text


def test_what_is_served_can_ask_airflow_for_nothing(served: Served) -> None:
    page = served.get("/rlpretrain/").headers["content-security-policy"]
    assert "script-src 'self'" in page and "'unsafe-inline'" not in page and "default-src 'none'" in page
    report = served.get(f"/rlpretrain/runs/{NAME}/files/report.html").headers["content-security-policy"]
    assert "script" not in report.replace("default-src", "") and "sandbox" in report
    scripted = served.get(f"/rlpretrain/runs/{NAME}/files/pattern_analysis.html")
    assert "allow-same-origin" not in scripted.headers["content-security-policy"]
    for answer in (served.get("/rlpretrain/"), scripted):
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_models_are_saved_and_not_shown(served: Served) -> None:
    answer = served.get(f"/rlpretrain/runs/{NAME}/files/transferred_rl_agent.pt")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content == (served.output / NAME / "transferred_rl_agent.pt").read_bytes()
