"""Every error leaves in OpenAI's shape, whoever raised it; on Anthropic's path with Anthropic's around it."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from tokens_forge.endpoints import Endpoint
from tokens_forge.error_shapes import anthropic_body
from tokens_forge.errors import ForgeError, GatewayError, MethodNotAllowed, NotFound, RequestError, StoreUnavailable
from tokens_forge.observability.request_record import failed
from tokens_forge.store.port import StoreFault

log = logging.getLogger("tokens_forge.web")


def is_anthropics(path: str) -> bool:
    """Whether Anthropic's clients call this path."""
    return path == Endpoint.MESSAGES.path or path.startswith(Endpoint.MESSAGES.path + "/")


def body(error: ForgeError, path: str) -> dict[str, Any]:
    """The error as the clients of this path read it."""
    return anthropic_body(error) if is_anthropics(path) else error.body()


def response(error: ForgeError, request: Request) -> JSONResponse:
    """The error as an answer."""
    failed(error)
    return JSONResponse(body(error, request.url.path), status_code=error.status, headers=error.headers)


def install(app: FastAPI) -> None:
    """Give the application its error handlers."""

    @app.exception_handler(ForgeError)
    async def forge_error(request: Request, error: ForgeError) -> JSONResponse:
        return response(error, request)

    @app.exception_handler(StoreFault)
    async def store_is_silent(request: Request, error: StoreFault) -> JSONResponse:
        log.error("the database did not answer", exc_info=error)
        return response(StoreUnavailable("The ledger did not answer.", headers={"retry-after": "1"}), request)

    @app.exception_handler(RequestValidationError)
    async def invalid_parameter(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = str(first["loc"][-1])
        return response(RequestError(f"{name}: {first['msg']}", param=name), request)

    @app.exception_handler(HTTPException)
    async def framework_error(request: Request, error: HTTPException) -> JSONResponse:
        shaped: ForgeError
        if error.status_code == 404:
            shaped = NotFound(f"There is no {request.url.path} here.")
        elif error.status_code == 405:
            shaped = MethodNotAllowed(
                f"{request.url.path} does not take {request.method}.", headers=dict(error.headers or {})
            )
        elif error.status_code < 500:
            shaped = RequestError(str(error.detail))
        else:
            shaped = GatewayError("The gateway failed.")
        return response(shaped, request)
