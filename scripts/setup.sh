#!/usr/bin/env bash
# Makes .venv from requirements.lock, with hashes and nothing global. Does nothing when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-}
for candidate in ${python:+"$python"} python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        found=$candidate
        break
    fi
done
if [ -z "${found:-}" ]; then
    echo "setup: Python 3.11 is needed, and neither python3.11 nor python3 is one. Install it, or name it: make setup PYTHON=/path/to/python3.11" >&2
    exit 1
fi

wanted=$({ cat requirements.lock pyproject.toml; pwd; "$found" -c 'import sys; print(sys.version, sys.base_prefix)'; } | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv/.installed 2>/dev/null || true)" = "$wanted" ] && [ -x .venv/bin/heliograph ]; then
    exit 0
fi

echo "setup: installing into .venv" >&2
if [ "$(.venv/bin/python -c 'import os, sys; print(sys.version, sys.base_prefix, os.path.dirname(sys.prefix))' 2>/dev/null || true)" \
    != "$("$found" -c 'import os, sys; print(sys.version, sys.base_prefix, os.getcwd())')" ]; then
    rm -rf .venv # another interpreter made it, or it was moved: its scripts would not run
    "$found" -m venv .venv || {
        echo "setup: $found cannot make a virtual environment; on Debian and Ubuntu, install python3.11-venv" >&2
        exit 1
    }
fi
rm -f .venv/.installed

# uv installs many times faster than pip, and compiles what it installs: six processes start with it. It comes from the lock itself; where it cannot reach pip's index, pip does the work.
lock_of_uv=.venv/uv.lock
awk '/^uv==/ { inside = 1 } inside { print } inside && !/\\$/ { exit }' requirements.lock >"$lock_of_uv"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$lock_of_uv"
if ! .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes --no-deps -r requirements.lock 2>.venv/uv.log; then
    echo "setup: uv could not reach the packages (see .venv/uv.log), so pip installs them: this takes a minute" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
echo "$wanted" >.venv/.installed
echo "setup: done; the command is .venv/bin/heliograph" >&2
