"""Every error leaves in OpenAI's shape, whoever raised it."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from tokens_forge.errors import ForgeError, GatewayError, MethodNotAllowed, NotFound, RequestError


def response(error: ForgeError) -> JSONResponse:
    """The error as an answer."""
    return JSONResponse(error.body(), status_code=error.status, headers=error.headers)


def install(app: FastAPI) -> None:
    """Give the application its error handlers."""

    @app.exception_handler(ForgeError)
    async def forge_error(_: Request, error: ForgeError) -> JSONResponse:
        return response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid_parameter(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = str(first["loc"][-1])
        return response(RequestError(f"{name}: {first['msg']}", param=name))

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
        return response(shaped)
