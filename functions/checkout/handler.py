"""The door of checkout: API Gateway calls this function, Mangum calls the application."""

from __future__ import annotations

from mangum import Mangum

from functions.checkout.main import app
from tokens_forge.observability import install

install("checkout")
handler = Mangum(app, lifespan="off")
