"""API Gateway calls this function, Mangum calls the application."""

from __future__ import annotations

from mangum import Mangum

from functions.admin.main import app
from tokens_forge.observability import install

install("admin")
handler = Mangum(app, lifespan="off")
