"""Inference requests as clients send them: one file for each endpoint, all checked into the same `InferenceRequest`."""
