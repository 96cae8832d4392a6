"""The app behind the pages: who may see them, what a browser may do with them, and their addresses."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from functools import cache, partial
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from rlpretrain.deployment.web.airflow_runs import Failure, airflow_run, airflow_runs, failures_of
from rlpretrain.deployment.web.folders import UnknownError, files_of, find_run
from rlpretrain.deployment.web.overview import Run, list_runs, one_run
from rlpretrain.deployment.web.patterns_page import Choice, decision_context, patterns_context
from rlpretrain.deployment.web.places import DAG_ID, task_page
from rlpretrain.deployment.web.runs_page import run_context, runs_context
from rlpretrain.deployment.web.tonight_page import tonight_of
from rlpretrain.errors import RlpretrainError, StageError
from rlpretrain.runs.output_folder import find_runs, read_mark, run_folder_name
from rlpretrain.settings import load_config
from rlpretrain.tonight.outlook import newest_mined
from rlpretrain.tonight.page import SHOWN_ASSETS, templates
from rlpretrain.tonight.text import agent_words

__all__ = ["pages"]

logger = logging.getLogger(__name__)

_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
"""Nothing is loaded from elsewhere or inline, and only Airflow may frame the page."""
_FILE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-same-origin allow-downloads"
)
"""Policy of a report: it runs no script, so it may keep its origin, which its links to other files of the run need."""
_SCRIPTED_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-scripts"
)
"""Policy of a page with its own scripts: without an origin, it cannot send requests to Airflow in the reader's name."""
_Offset = Annotated[int, Query(ge=0, le=10**9)]
_FIRST_DAY, _LAST_DAY = dt.date(1900, 1, 1), dt.date(2999, 12, 31)
"""Days that a chart of a year before and after can be drawn of."""
_SCRIPTED = frozenset({"pattern_analysis.html"})
_STATIC = {
    "pages.css": "text/css; charset=utf-8",
    "pages.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "icon-dark.svg": "image/svg+xml",
}


@cache
def pages() -> FastAPI:
    """Create the app; every address asks Airflow whether the user may read the DAG's runs."""
    allowed = Depends(requires_access_dag("GET", DagAccessEntity.RUN, DAG_ID))
    # No schema and no documentation: those addresses would skip the check.
    app = FastAPI(dependencies=[allowed], docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_guarded)
    app.add_exception_handler(HTTPException, _denied)
    app.add_exception_handler(RlpretrainError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    for path, endpoint in _ROUTES.items():
        app.add_api_route(path, endpoint, response_class=HTMLResponse)
    return app


async def _guarded(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        if "\0" in request.url.path or "%00" in request.url.query:
            response = _problem(request, HTTPStatus.NOT_FOUND, "No address contains the character NUL.")
        else:
            response = await call(request)
    except Exception:
        # Here and not in a handler of the app, whose answer would have none of the headers below.
        logger.exception("the page cannot be shown")
        response = _problem(
            request, HTTPStatus.INTERNAL_SERVER_ERROR, "The log of the server says what failed."
        )
    response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def _denied(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    if error.status_code == HTTPStatus.UNAUTHORIZED and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(get_auth_manager().get_url_login(next_url=str(request.url)), 303)
    return _problem(request, error.status_code, str(error.detail))


def _failed(request: Request, error: Exception) -> Response:
    status = (
        HTTPStatus.NOT_FOUND
        if isinstance(error, UnknownError | StageError)
        else HTTPStatus.SERVICE_UNAVAILABLE
    )
    return _problem(request, status, str(error))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    message = "; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in error.errors())
    return _problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, message)


def _problem(request: Request, status: int, message: str) -> Response:
    return _page(request, "problem", status=status, title=HTTPStatus(status).phrase, message=message)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("rlpretrain.deployment.web"), templates()]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": lambda name: str(name).replace("_", " "),
        "percent": lambda share: f"{100.0 * share:.1f} %",
        "basis_points": lambda value: "–" if value is None else f"{1e4 * value:+.2f}",
        "signed_percent": lambda share: f"{100.0 * share:+.2f} %",
        "moment": lambda when: f"{when:%Y-%m-%d %H:%M}",
        "size": _size,
        "number": lambda value: "–" if value is None else f"{value:,}",
    }
    return environment


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{max(count / 1e3, 0.1):,.1f} kB"


def _page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    root = request.scope.get("root_path", "")
    text = _templates().get_template(f"{template}.html.j2").render({"root": root, "tab": False, **context})
    return HTMLResponse(text, status)


def _output() -> Path:
    return load_config().output_dir.absolute()


def _runs_page(request: Request, offset: _Offset = 0) -> Response:
    root = _output()
    runs = list_runs(root, airflow_runs(DAG_ID))
    return _page(request, "runs", **runs_context(root, runs, offset, partial(failures_of, DAG_ID)))


def _find(run_id: str) -> Run:
    return one_run(_output(), run_id, airflow_run(DAG_ID, run_id))


def _find_named(name: str) -> Run:
    """Find a run by its folder's name; a queued run has no folder yet, and is found in Airflow."""
    try:
        run_id = read_mark(find_run(_output(), name))
    except UnknownError:
        waiting = (run_id for run_id in airflow_runs(DAG_ID) if run_folder_name(run_id) == name)
        run_id = next(waiting, None)
    if run_id is None:
        raise UnknownError("there is no such run")
    return _find(run_id)


def _shown_run(request: Request, run: Run, show: str | None, *, tab: bool = False) -> Response:
    failures: tuple[Failure, ...] = ()
    if run.state == "failed":
        failures = failures_of(DAG_ID, [run.run_id]).get(run.run_id, ())
    return _page(request, "run", tab=tab, task_page=task_page, **run_context(run, show, failures))


def _run_page(request: Request, name: str, show: str | None = None) -> Response:
    return _shown_run(request, _find_named(name), show)


def _tab_page(request: Request, dag_id: str, run_id: str, show: str | None = None) -> Response:
    if dag_id != DAG_ID:
        return _problem(
            request, HTTPStatus.NOT_FOUND, f"Runs of {dag_id} write no report; only those of {DAG_ID} do."
        )
    return _shown_run(request, _find(run_id), show, tab=True)


def _file(name: str, file: str) -> Response:
    found = files_of(find_run(_output(), name)).get(file)
    if found is None:
        raise UnknownError("the run has no such file")
    policy = _SCRIPTED_POLICY if found.name in _SCRIPTED else _FILE_POLICY
    return FileResponse(
        found.path,
        media_type=found.kind.media_type,
        filename=f"{name}-{Path(found.name).name}",
        content_disposition_type="inline" if found.kind.inline else "attachment",
        headers={"Content-Security-Policy": policy},
    )


def _tonight_page(request: Request, run: Annotated[str | None, Query(max_length=300)] = None) -> Response:
    folder = newest_mined(_output()) if run is None else find_run(_output(), run)
    found = tonight_of(folder)
    return _page(request, "tonight", found=found, agent=agent_words(found), most=SHOWN_ASSETS)


def _patterns_page(request: Request, choice: Annotated[Choice, Query()]) -> Response:
    mined = [run for run in find_runs(_output()) if (run.path / "mine.json").is_file()]
    name = choice.run or newest_mined(_output()).name
    chosen = choice.model_copy(update={"run": name})
    context = patterns_context(find_run(_output(), name), chosen)
    newest_first = sorted(mined, key=lambda run: run.path.name, reverse=True)
    return _page(request, "patterns", mined=newest_first, **context)


def _decision_page(
    request: Request,
    run: Annotated[str, Query(max_length=300)],
    asset: Annotated[str, Query(max_length=32)],
    date: Annotated[dt.date, Query(ge=_FIRST_DAY, le=_LAST_DAY)],
    position: Literal["flat", "long"],
    offset: _Offset = 0,
) -> Response:
    context = decision_context(find_run(_output(), run), asset, date, position, offset)
    return _page(request, "decision", run=run, **context)


def _static(name: str) -> Response:
    media_type = _STATIC.get(name)
    if media_type is None:
        raise UnknownError("there is no such file")
    content = files("rlpretrain.deployment.web").joinpath("static", name).read_bytes()
    return Response(content, media_type=media_type, headers={"Cache-Control": "private, max-age=300"})


_ROUTES: dict[str, Callable[..., Response]] = {
    "/": _runs_page,
    "/dags/{dag_id}/runs/{run_id}": _tab_page,
    "/runs/{name}": _run_page,
    "/runs/{name}/files/{file:path}": _file,
    "/tonight": _tonight_page,
    "/patterns": _patterns_page,
    "/patterns/decision": _decision_page,
    "/static/{name}": _static,
}
