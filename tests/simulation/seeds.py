"""Seeds that once failed, each with what it showed. A change of the simulation gives every seed another story: what a seed found
stands in `test_holes_found.py` too, by hand."""

from __future__ import annotations

ONCE_FAILED: dict[int, str] = {
    18: "a hold that only an old page of the scan still showed froze its wallet",
    108: "an intent that came after the sweeper's visit was reported for ever and never ended",
    751: "a request whose minute the sweeper had passed before it began froze its wallet while it ran",
    1254: "a reconciliation whose clock was slow took a hold behind the cursor for one that nobody could end",
    1638: "a larger hold that had been refused arrived before the smaller one, and its request broke with an assertion",
    1766: "a freeze for no reason was on its way when its reconciliation gave up, and arrived later",
}
