"""The pages as Airflow serves them, with one run for all tests.

Airflow's own users and permissions decide who sees them, on every address; and in a real browser, inside Airflow's UI,
they show the run, and nothing goes wrong in the console.
"""

import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import FrameLocator, expect

from rlpretrain.deployment.web.app import pages
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import MINE, result_of
from tests.live.conftest import NAME, RUN_ID, Finished, Live, until

pytestmark = [pytest.mark.airflow, pytest.mark.slow]
Start = Callable[..., Any]
RUN = f"/dags/rl_pretraining/runs/{quote(RUN_ID, safe='')}"
ADDRESSES = [
    "/",
    f"/dags/rl_pretraining/runs/{RUN_ID.replace('+', '%2B')}",
    f"/runs/{NAME}",
    f"/runs/{NAME}?show=files",
    f"/runs/{NAME}/files/report.html",
    f"/runs/{NAME}/files/pattern_analysis.html",
    f"/runs/{NAME}/files/transferred_rl_agent.pt",
    "/tonight",
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
        "/tonight",
        "/patterns",
        "/patterns/decision",
        "/static/{name}",
    }


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_are_refused_and_users_are_served(live: Live, finished: Finished, address: str) -> None:
    assert live.get(f"/rlpretrain{address}", None).status_code == 401
    assert live.get(f"/rlpretrain{address}", "outsider").status_code == 403
    for user in ("viewer", "admin"):
        assert live.get(f"/rlpretrain{address}", user).status_code == 200


def test_a_forged_or_empty_token_is_refused(live: Live, finished: Finished) -> None:
    for token in ("", "x.y.z"):
        answer = live.get("/rlpretrain/", None, headers={"Cookie": f"_token={token}"})
        assert answer.status_code in (401, 403)


def test_a_person_without_login_is_sent_to_it(live: Live, finished: Finished) -> None:
    answer = live.get("/rlpretrain/", None, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert "/auth/login" in answer.headers["location"]


def test_another_dags_name_opens_nothing(live: Live, finished: Finished) -> None:
    """The permission asked for is that of the DAG whose data is shown, whatever the address says."""
    path = f"/rlpretrain/dags/rl_pattern_archive/runs/{NAME}"
    assert live.get(path, "outsider").status_code == 403
    assert live.get(path, "viewer").status_code == 404
    assert live.get("/rlpretrain/patterns?dag_id=rl_pattern_archive", "outsider").status_code == 403


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
        "/tonight?run=..%2Fhome",
        "/patterns/decision?run=..&asset=SPY&date=2020-01-02&position=flat",
        "/docs",
        "/openapi.json",
    ],
)
def test_no_path_leads_elsewhere(live: Live, finished: Finished, path: str) -> None:
    answer = live.get(f"/rlpretrain{path}", "admin")
    assert answer.status_code == 404
    assert "password" not in answer.text and "root:" not in answer.text


def test_what_is_served_can_ask_airflow_for_nothing(live: Live, finished: Finished) -> None:
    page = live.get("/rlpretrain/").headers["content-security-policy"]
    assert "script-src 'self'" in page and "'unsafe-inline'" not in page and "default-src 'none'" in page
    report = live.get(f"/rlpretrain/runs/{NAME}/files/report.html").headers["content-security-policy"]
    assert "script" not in report.replace("default-src", "") and "sandbox" in report
    scripted = live.get(f"/rlpretrain/runs/{NAME}/files/pattern_analysis.html")
    assert "allow-same-origin" not in scripted.headers["content-security-policy"]
    for answer in (live.get("/rlpretrain/"), scripted):
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_models_are_saved_and_not_shown(live: Live, finished: Finished) -> None:
    answer = live.get(f"/rlpretrain/runs/{NAME}/files/transferred_rl_agent.pt")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content == (finished.folder / "transferred_rl_agent.pt").read_bytes()


def inner(page: Any, title: str) -> FrameLocator:
    return page.frame_locator(f"iframe[title='{title}']")


def test_the_nav_page_shows_runs_champion_and_trends(finished: Finished, visit: Start) -> None:
    results = json.loads((finished.folder / "pipeline_results.json").read_text())
    mined = result_of(RunFolder(finished.folder), MINE)
    with visit(height=1050) as tab:
        page = tab.open("/")
        page.get_by_role("link", name="Pre-training").click()
        shown = inner(page, "Pre-training")
        row = shown.get_by_role("row", name=re.compile(re.escape(RUN_ID)))
        expect(row).to_contain_text("success")
        expect(row).to_contain_text(results["headline"])
        expect(row).to_contain_text(f"{mined.patterns:,}")
        expect(row).to_contain_text("max_strategies=24")
        expect(shown.get_by_role("heading", name="Champion")).to_be_visible()
        for figure in ("Patterns", "Rejected", "Fidelity", "Jump-start", "Hindsight", "Seconds"):
            expect(shown.locator("figure").filter(has_text=figure).locator("svg").first).to_be_visible()
        effect = results["effects"]["jump_start"]
        assert shown.get_by_role("img", name="Jump-start").locator("path.whisker").count() >= 1
        assert effect["low"] <= effect["estimate"] <= effect["high"]
        tab.picture("runs")
        assert tab.troubles == []


def test_the_theme_is_airflows(visit: Start) -> None:
    with visit(theme="dark") as tab:
        page = tab.open("/plugin/rlpretrain")
        heading = inner(page, "Pre-training").get_by_role("heading", name="Runs", exact=True)
        expect(heading).to_be_visible()
        colour = heading.evaluate("element => getComputedStyle(element).color")
        assert min(int(part) for part in re.findall(r"\d+", colour)[:3]) > 200
        tab.picture("dark")
        assert tab.troubles == []


def test_the_report_is_a_tab_of_its_run(visit: Start) -> None:
    with visit() as tab:
        page = tab.open(RUN)
        page.get_by_role("link", name="Report", exact=True).click()
        shown = inner(page, "Report")
        report = shown.frame_locator("iframe")
        expect(report.get_by_text(f"run {NAME}")).to_be_visible()
        tab.picture("report")
        shown.get_by_role("link", name="Pattern analysis").click()
        expect(shown.frame_locator("iframe").locator("svg").first).to_be_visible()
        tab.picture("analysis")
        shown.get_by_role("link", name="As text").click()
        expect(shown.frame_locator("iframe").locator("pre")).to_contain_text("random")
        shown.get_by_role("link", name="Files and stages").click()
        with page.expect_download() as download:
            shown.get_by_role("link", name="pipeline_results.json").click()
        assert download.value.suggested_filename == f"{NAME}-pipeline_results.json"
        tab.picture("files")
        assert tab.troubles == []


def test_the_report_task_links_the_tab(finished: Finished, visit: Start) -> None:
    with visit() as tab:
        page = tab.open(f"{RUN}/tasks/report/details")
        link = page.get_by_role("link", name="Report", exact=True).first
        expect(link).to_have_attribute("href", re.compile(r"/plugin/rlpretrain-report$"))
        tab.picture("link")
        tab.open(link.get_attribute("href"))
        expect(inner(page, "Report").frame_locator("iframe").get_by_text(f"run {NAME}")).to_be_visible()
        assert tab.troubles == []


def test_tonight_shows_decisions_turning_points_and_votes(
    live: Live, finished: Finished, visit: Start
) -> None:
    with visit(height=1300) as tab:
        page = tab.open("/plugin/rlpretrain")
        shown = inner(page, "Pre-training")
        shown.get_by_role("link", name="Tonight", exact=True).click()
        expect(shown.get_by_role("heading", name=re.compile("Tonight, after the close of"))).to_be_visible()
        expect(shown.get_by_text("The challenger, version 1, would decide")).to_be_visible()
        near = shown.get_by_role("region", name="Conditions nearest to turning")
        expect(near.get_by_role("row").nth(1)).to_be_visible()
        expect(
            shown.get_by_role("region", name="Votes on each asset").get_by_role("row").nth(1)
        ).to_be_visible()
        tab.picture("tonight")
        assert tab.troubles == []


def test_the_explorer_filters_pages_and_draws(visit: Start) -> None:
    with visit(height=1300) as tab:
        page = tab.open("/plugin/rlpretrain")
        shown = inner(page, "Pre-training")
        shown.get_by_role("link", name="Patterns", exact=True).click()
        expect(shown.get_by_role("heading", name="Overview")).to_be_visible()
        first = shown.locator("tbody th.day").first.inner_text()
        shown.get_by_role("link", name="Older").click()
        expect(shown.get_by_role("link", name="Newest")).to_be_visible()
        assert shown.locator("tbody th.day").first.inner_text() <= first
        tab.open("/plugin/rlpretrain/rlpretrain/patterns?action=buy")
        asset = shown.locator("tbody tr td a").first.inner_text()
        shown.get_by_label("Asset").select_option(asset)
        expect(shown.get_by_role("heading", name=f"Votes on {asset}")).to_be_visible()
        actions = shown.locator("tbody .action").all_inner_texts()
        assert set(actions) == {"buy"}
        assert set(shown.locator("tbody tr td:nth-child(2) a").all_inner_texts()) == {asset}
        tab.picture("patterns")
        assert tab.troubles == []


def test_a_decision_shows_its_supporters_and_their_paths(visit: Start) -> None:
    with visit(height=1300) as tab:
        page = tab.open("/plugin/rlpretrain/rlpretrain/patterns?action=buy")
        shown = inner(page, "Pre-training")
        shown.locator("tbody th.day a").first.click()
        expect(shown.get_by_role("heading", name=re.compile("Strategies that could hold"))).to_be_visible()
        supporter = shown.locator("article.strategy").first
        expect(supporter.locator(".step").first).not_to_be_empty()
        expect(supporter).to_contain_text("holds")
        tab.picture("decision")
        supporter.get_by_role("link").click()
        expect(shown.get_by_text("On the assets that")).to_be_visible()
        expect(shown.get_by_role("columnheader", name="Held")).to_be_visible()
        assert tab.troubles == []


def test_the_trigger_form_is_grouped_and_explained(visit: Start) -> None:
    with visit(user="admin", height=1200) as tab:
        page = tab.open("/dags/rl_pretraining")
        page.get_by_role("button", name="Trigger").first.click()
        form = page.get_by_role("dialog")
        expect(form.get_by_text("Library: which strategies take part")).to_be_visible()
        form.get_by_text("Most often changed").click()
        expect(form.get_by_text("Maximum number of strategies", exact=False).first).to_be_visible()
        tab.picture("trigger")
        assert tab.troubles == []


def test_a_run_without_a_folder_is_listed(live: Live, finished: Finished) -> None:
    token = {"Authorization": f"Bearer {live.token('admin')}"}
    body = {"dag_run_id": "unreadable", "logical_date": None, "conf": {"no_such_setting": 1}}
    url = f"{live.url}/api/v2/dags/rl_pretraining/dagRuns"
    assert httpx.post(url, json=body, headers=token, trust_env=False, timeout=60).is_success
    assert "unreadable" in live.get("/rlpretrain/").text
    until(lambda: "Failed in" in live.get("/rlpretrain/runs/unreadable").text)
    # The list and the run's own page name the task and the reason.
    for page in ("/rlpretrain/", "/rlpretrain/runs/unreadable"):
        shown = html.unescape(live.get(page).text)
        assert "resolve_settings" in shown
        assert "SettingsError: 'no_such_setting' is not a setting that a run may change" in shown
    assert "waiting for" not in live.get("/rlpretrain/runs/unreadable").text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("category=sideways", 422),
        ("confidence=2", 422),
        ("start=yesterday", 422),
        ("after=1.2.3", 422),
        ("strategy=no+such+strategy", 404),
        ("asset=' OR 1=1 --", 200),
        ("strategy='; DROP TABLE patterns; --", 404),
        ("asset=<script>alert(1)</script>", 200),
    ],
)
def test_odd_questions_get_plain_answers(live: Live, finished: Finished, query: str, status: int) -> None:
    answer = live.get(f"/rlpretrain/patterns?{query}")
    assert answer.status_code == status
    assert "<script>alert" not in answer.text
    assert "Traceback" not in answer.text
