"""The research API behind API Gateway: Mangum calls the application."""

from __future__ import annotations

from mangum import Mangum

from functions.research.main import app

handler = Mangum(app, lifespan="off")
