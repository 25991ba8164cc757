#!/usr/bin/env bash
# What `make demo` and `make test` need of the machine itself. As root on Debian or Ubuntu it installs what lacks;
# otherwise it says, in one message, what to run. `--python` prints the interpreter to build .venv with.
set -euo pipefail

python() { # the first Python 3.11 or newer on the PATH
    local name
    for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

missing() { # Debian packages that lack, one per line
    local found
    command -v git >/dev/null || echo git
    command -v unshare >/dev/null || echo util-linux
    command -v ps >/dev/null || echo procps
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ ! -e /etc/debian_version ] || echo ca-certificates
    if found=$(python); then
        "$found" -c 'import ensurepip, venv' 2>/dev/null || echo "$(basename "$(readlink -f "$found")")-venv"
    else
        echo python3
        echo python3-venv
    fi
}

install() {
    local -a packages
    mapfile -t packages < <(missing)
    [ "${#packages[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing ${packages[*]} by apt"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        echo "cannot set up: this machine lacks ${packages[*]}. Run:" >&2
        echo "  sudo apt-get update && sudo apt-get install -y ${packages[*]}" >&2
        exit 1
    fi
    if ! python >/dev/null; then
        echo "cannot set up: Python 3.11 or newer is not here, and this release does not carry it. Install one," >&2
        echo "then: make PYTHON=/path/to/python3.11 …" >&2
        exit 1
    fi
}

if [ "${1:-}" = --python ]; then
    python
else
    install
fi
