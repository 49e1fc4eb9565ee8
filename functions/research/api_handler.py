"""The research API behind API Gateway: Mangum calls the application."""

from __future__ import annotations

from mangum import Mangum

from functions.research.main import app
from tokens_forge.observability import install

install("research-api")
handler = Mangum(app, lifespan="off")
