#!/bin/sh
# The streaming front door: the Lambda Web Adapter starts this and passes requests on by HTTP.
# The managed runtime's own start-up, which puts layers on the path, does not run here.
export PYTHONPATH="/opt/python:${LAMBDA_TASK_ROOT:-/var/task}"
exec python3 -m uvicorn functions.proxy.main:app \
    --host 127.0.0.1 --port "${AWS_LWA_PORT:-8080}" --lifespan off --no-access-log --log-level warning \
    --timeout-keep-alive 900
