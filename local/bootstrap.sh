#!/bin/sh
# Makes Python environments from the locks: .venv for the project, .venv-sam for the SAM CLI, .venv-checkov for the template checker.
# Called by the Makefile before anything else; takes milliseconds when nothing changed.
# Usage: sh local/bootstrap.sh project|sam|checkov
set -eu
cd "$(dirname "$0")/.."

fail() { echo "tokens-forge: $1" >&2; exit 1; }

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; }

find_python() {
    for name in python3 python3.13 python3.14 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && suits "$name"; then echo "$name"; return; fi
    done
}

# make_environment <folder> <lock>: redone when the lock's content, or the interpreter, is another one.
make_environment() {
    if cmp -s "$2" "$1/.lock" && "$1/bin/python" -c '' 2>/dev/null; then return; fi
    echo "tokens-forge: installing $2 into $1 (once, and when the lock changes)" >&2
    rm -f "$1/.lock"
    suits "$1/bin/python" || rm -rf "$1"
    [ -d "$1" ] || "$python" -m venv "$1" || fail "could not make $1 with $python -m venv"
    if [ ! -x .venv/bin/uv ]; then
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
            -r requirements/bootstrap.txt || fail "could not install uv into .venv (see the lines above)"
    fi
    .venv/bin/uv pip sync --quiet --require-hashes --python "$1/bin/python" "$2" ||
        fail "could not install $2 (see the lines above)"
    cp "$2" "$1/.lock"
}

python=$(find_python)
[ -n "$python" ] || fail "Python 3.11 to 3.14 is needed; here is $(python3 --version 2>/dev/null || echo no python3)"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)"
for tool in make cmp; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is missing: install it"
done

make_environment .venv requirements/dev.txt
case "${1:-project}" in
    sam|checkov) make_environment ".venv-$1" "requirements/$1.txt" ;;
esac
