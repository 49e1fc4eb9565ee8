"""Observability: one line of JSON for each request, which CloudWatch also reads as metrics.

No line holds a prompt, an answer, a key or a credential: fields are chosen one by one, and of an exception only its type and place.
"""

from tokens_forge.observability.logs import install
from tokens_forge.observability.request_observer import RequestObserver
from tokens_forge.observability.request_record import RequestRecord

__all__ = ["RequestObserver", "RequestRecord", "install"]
