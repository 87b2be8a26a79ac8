"""What a request gets that cannot be answered: a status, and one line as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from background_subtraction.web.access.statuses import status_of
from model_api.errors import BackgroundSubtractionError
from model_api.terminal.foreign_text import one_line


class RequestError(Exception):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        parameter: what of the request it is about, "" for nothing in particular.
        retry_s: after how many seconds it may be tried again, 0 where that does not help.
    """

    def __init__(self, status: int, message: str, parameter: str = "", retry_s: int = 0) -> None:
        """message: one line: what is wrong, what was expected, what to do next."""
        super().__init__(message)
        self.status = status
        self.parameter = parameter
        self.retry_s = retry_s


def error_answer(error: RequestError) -> JSONResponse:
    """The answer to a request that is not answered."""
    headers = {"Retry-After": str(error.retry_s)} if error.retry_s else {}
    return _answer(error.status, str(error), error.parameter, headers)


def request_error(error: BackgroundSubtractionError) -> RequestError:
    """An error of the program, as that of a request."""
    return RequestError(status_of(error), str(error), error.parameter)


def no_room(error: OSError, what: str = "The upload") -> RequestError:
    """What a request gets when the disk does not take a file. what: that cannot be kept."""
    return RequestError(507, f"{what} cannot be kept ({error.strerror or error})", "file", 60)


def add_error_handlers(app: FastAPI) -> None:
    """All that a route may raise becomes one line of JSON."""
    app.add_exception_handler(RequestError, _of_request)
    app.add_exception_handler(BackgroundSubtractionError, _of_program)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_anything)


async def _of_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestError)
    return error_answer(error)


async def _of_program(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BackgroundSubtractionError)
    return error_answer(request_error(error))


async def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    parameter = ".".join(str(part) for part in first["loc"][1:])
    return _answer(422, f"{parameter}: {first['msg']}" if parameter else str(first["msg"]), parameter)


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    text = {404: "There is nothing here. The interface is described at /api", 405: "This address takes other methods"}
    return _answer(error.status_code, text.get(error.status_code, str(error.detail)), "", error.headers or {})


async def _of_anything(request: Request, error: Exception) -> JSONResponse:
    return _answer(500, f"The server failed ({type(error).__name__}). Its log says more")


def _answer(status: int, message: str, parameter: str = "", headers: Mapping[str, str] | None = None) -> JSONResponse:
    content = {"error": one_line(message), "parameter": parameter or None}
    return JSONResponse(content, status, headers=dict(headers or {}))
