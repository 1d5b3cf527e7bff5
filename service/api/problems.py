"""Every error an HTTP client sees is problem+json (RFC 9457): what is wrong, where, what to do."""

from collections.abc import Sequence

import msgspec
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from service.core.errors import StaleWrite, Unavailable

PROBLEM_JSON = "application/problem+json"
_TITLES = {
    400: "Not JSON",
    404: "Not found",
    405: "Method not allowed",
    409: "State cannot be read",
    413: "Too large",
    422: "Invalid input",
    503: "Unavailable, try again",
}


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong. `field` is a JSON pointer into the body, or a parameter."""

    field: str
    detail: str


class Problem(Exception):
    """An answer other than success."""

    def __init__(self, status: int, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)


def invalid(field: str, detail: str) -> Problem:
    """Build the problem for one bad field."""
    return Problem(422, f"{field}: {detail}", (FieldError(field, detail),))


def problem_response(problem: Problem) -> Response:
    """Write a problem as a response."""
    body = {
        "type": "about:blank",
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = [msgspec.structs.asdict(error) for error in problem.errors]
    headers = {"Retry-After": "1"} if problem.status == 503 else None
    return Response(orjson.dumps(body), problem.status, headers, media_type=PROBLEM_JSON)


def install_problems(app: FastAPI) -> None:
    """Turn every expected failure of the app into a problem."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> Response:
        return problem_response(error)

    @app.exception_handler(Unavailable)
    async def _unavailable(_: Request, error: Unavailable) -> Response:
        return problem_response(Problem(503, str(error)))

    @app.exception_handler(StaleWrite)
    async def _unreadable(_: Request, error: StaleWrite) -> Response:
        return problem_response(Problem(409, str(error)))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        return problem_response(Problem(error.status_code, str(error.detail)))

    @app.exception_handler(RequestValidationError)
    async def _parameters(_: Request, error: RequestValidationError) -> Response:
        errors = [FieldError(str(e["loc"][-1]), str(e["msg"])) for e in error.errors()]
        return problem_response(Problem(422, f"{errors[0].field}: {errors[0].detail}", errors))
