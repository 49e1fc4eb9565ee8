"""What a request holds beside text. Media is priced by the model's table, so its data does not count as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tokens_forge.requests.inference import encode


@dataclass(slots=True)
class Media:
    """Counts images and documents, and the bytes of their data (UTF-8, as JSON strings)."""

    images: int = 0
    documents: int = 0
    data_bytes: int = 0

    def add_image(self, data: object) -> None:
        """An image, given as base64 or as an address: the same price, whatever its size and detail."""
        self.images += 1
        self._leave_out(data)

    def add_document(self, data: object) -> None:
        """A document that the provider turns into text and images by itself."""
        self.documents += 1
        self._leave_out(data)

    def text_bytes(self, fields: dict[str, Any]) -> int:
        """UTF-8 bytes of everything that is sent but media data."""
        return len(encode(fields)) - self.data_bytes

    def _leave_out(self, data: object) -> None:
        if isinstance(data, str):
            self.data_bytes += len(encode(data))
