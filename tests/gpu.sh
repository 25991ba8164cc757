#!/usr/bin/env bash
# The tests marked gpu on a machine with an NVIDIA card. Needs Python 3.11, and neither a network nor pip nor RunPod.
# `tests/gpu.sh --pack` first, on a machine with a network: .gpu/ then holds the wheels that they need. See tests/gpu.md.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
readonly NEEDED="hypothesis iniconfig nvidia-ml-py packaging pluggy pygments pytest sortedcontainers"

pack() { # those of tests/dev.lock, by its hashes, for that machine's Python: 3.12, or the one here
    local python=.venv/bin/python
    [ -x $python ] || python=$(bash tests/setup_system.sh --python)
    rm -rf .gpu
    mkdir -p .gpu/wheels
    awk -v needed="$NEEDED" 'BEGIN { split(needed, names); for (i in names) wanted[names[i]] = 1 }
        /^[a-z]/ { split($0, part, "=="); keep = part[1] in wanted } keep' tests/dev.lock >.gpu/lock
    "$python" -m pip download -q --no-deps --require-hashes --only-binary :all: ${1:+--python-version "$1"} -d .gpu/wheels -r .gpu/lock
    echo "packed $(find .gpu/wheels -name '*.whl' | wc -l) wheels into .gpu/: take the folder along with the checkout"
}

unpack() { # an environment of them, without pip
    local -r python=$1
    local wheel site
    "$python" -m venv --without-pip .gpu/venv
    site=$(.gpu/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    for wheel in .gpu/wheels/*.whl; do
        .gpu/venv/bin/python -m zipfile -e "$wheel" "$site"
    done
    printf '%s\n' "$PWD/agent" "$PWD/client" >"$site/podkeep.pth"
}

if [ "${1:-}" = --pack ]; then
    pack "${2:-}"
    exit
fi
command -v nvidia-smi >/dev/null || {
    echo "no test was run: there is no nvidia-smi here, so no NVIDIA GPU" >&2
    exit 1
}
python=.venv/bin/python
if [ ! -x $python ]; then
    [ -d .gpu/wheels ] || { echo "run tests/gpu.sh --pack where there is a network, and bring .gpu/ along" >&2; exit 1; }
    unpack "$(bash tests/setup_system.sh --python)"
    python=.gpu/venv/bin/python
fi
mapfile -t files < <(grep -rlE '^ *(pytestmark = )?pytest\.mark\.gpu' tests --include='test_*.py')
$python -m pytest -m gpu "$@" "${files[@]}"
