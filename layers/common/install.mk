# $(INSTALL) --target <folder> -r <lock>: locked packages for the Lambda (arm64, Python 3.13) or, with
# FORGE_BUILD=local, for the machine and interpreter that builds. Included from two folders below the root.

UV = $(shell command -v uv || echo ../../.venv/bin/uv)

ifeq ($(FORGE_BUILD),local)
PLATFORM = --python "$$(command -v python3)"
else
PLATFORM = --python-version 3.13 --python-platform aarch64-manylinux_2_28 --only-binary :all:
endif

# uv trusts whom the machine trusts.
export UV_SYSTEM_CERTS ?= true

INSTALL = { "$(UV)" --version >/dev/null 2>&1 || { echo "uv is missing: run 'make build' instead of sam build" >&2; exit 1; }; } \
  && "$(UV)" pip install --quiet --no-deps --require-hashes $(PLATFORM)
