#!/bin/sh
# Compiles bytecode into an artifact: compile.sh <folder>.
# Bytecode of another minor version is useless, so without the Lambda's Python the step is left out and says so.
# unchecked-hash: Lambda unpacks with other file times, and nothing changes there after the build.
set -eu

if [ "${FORGE_BUILD:-}" = local ]; then
    python=$(command -v python3)
else
    uv=$(command -v uv || echo "$(dirname "$0")/../../.venv/bin/uv")
    python=$("$uv" python find --no-project --no-python-downloads 3.13 2>/dev/null || true)
fi
if [ -z "$python" ]; then
    echo "note: no Python 3.13 here, so the artifact has no bytecode: it works, its cold starts are 3 to 4 times slower" >&2
    exit 0
fi
"$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$1" -p / "$1" >/dev/null
