"""Retries: the same request sent again is answered again, and paid for once.

Official SDKs send no idempotency key and retry by themselves with the same bytes, so a request is known by its API key and its
body (or by an Idempotency-Key, its API key and its body). `claims` are the records, `service` is what the routes call.
"""
