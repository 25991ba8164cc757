#!/usr/bin/env bash
# Checks, inside the built image, what a user relies on; ends with the number of what is wrong.
#
#   docker run --rm -i --entrypoint bash podkeep:latest -s <image/smoke.sh
#
# It needs no network and no GPU. A job is run to its end as tini and the entrypoint run it on a pod.
# shellcheck disable=SC2317,SC2329 # functions are called by their names, through check
set -u

ours=/opt/podkeep
python=$ours/bin/python
wrong=0

check() { # check WHAT COMMAND…: the command's output is shown where it fails
    local what=$1 said
    shift
    if said=$("$@" 2>&1 </dev/null); then
        echo "ok      $what"
    else
        echo "WRONG   $what"
        printf '%s\n' "$said" | tail -n 15 | sed 's/^/        /'
        wrong=$((wrong + 1))
    fi
}

nothing() { # nothing COMMAND…: it must succeed and print nothing
    local said
    said=$("$@") && [ -z "$said" ] && return
    printf '%s\n' "$said"
    return 1
}

lacking_packages() {
    sed 's/#.*//' "$ours"/share/podkeep/packages.txt | xargs -n 1 | while read -r name; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || echo "$name is not installed"
    done
}

programs() {
    tini --version && git --version && git lfs version && ssh -V && rsync --version >/dev/null && tmux -V &&
        curl --version >/dev/null && zstd --version && ps --version && less --version >/dev/null && test -x /usr/sbin/sshd
}

agent_alone() { # its own packages, by itself: no installer, nothing of the base's Python
    "$python" -I -c '
import importlib.util, sys
assert sys.version_info >= (3, 11), sys.version
assert sys.prefix == "/opt/podkeep" and sys.prefix != sys.base_prefix, sys.prefix
assert not importlib.util.find_spec("pip"), "pip is in the agent s environment"
outside = [path for path in sys.path if path.endswith(("site-packages", "dist-packages")) and not path.startswith("/opt/podkeep/")]
assert not outside, outside
import fastapi, huggingface_hub, prometheus_client, psutil, pynvml, requests, uvicorn, watchdog
import pod_agent.life, pod_client.cli, pod_wire.contract
'
}

compiled() { # a pod starts without compiling anything
    local source
    for source in "$ours"/lib/python3*/site-packages/pod_agent/*.py; do
        compgen -G "${source%/*}/__pycache__/$(basename "$source" .py).*.pyc" >/dev/null || { echo "$source"; return 1; }
    done
}

environment_of_a_job() { # with pip, from a Python that is not the agent's
    local found folder
    found=$("$ours"/share/podkeep/find-python) && folder=$(mktemp -d) || return
    case $found in "$ours"/*) echo "$found is the agent's" && return 1 ;; esac
    "$found" -m venv "$folder" && "$folder/bin/python" -m pip --version && "$folder/bin/python" -c 'import ssl, sqlite3, lzma, ctypes'
}

private() { # keys that would be the same on every pod, and values that somebody built with
    find / -xdev \( -path /proc -o -path /sys -o -name '*-packages' \) -prune -o \
        \( -name 'ssh_host_*' -o -name id_rsa -o -name id_ed25519 -o -name .netrc -o -name .git-credentials -o -name .pypirc \) -print
    env | grep -E '^[A-Z0-9_]*(TOKEN|SECRET|PASSWORD|API_KEY)[A-Z0-9_]*=.' | cut -d= -f1
    find /run/secrets -type f 2>/dev/null
    return 0
}

left_over() { # what only the build needed
    ls -d /src /opt/installer /tmp/agent.lock /etc/dpkg/dpkg.cfg.d/podkeep-build /etc/apt/apt.conf.d/zz-podkeep-build 2>/dev/null
    find /var/lib/apt/lists -type f 2>/dev/null
    return 0
}

in_the_workspace() { # a mount hides it, so nothing of ours may count on it
    find /workspace -xdev \( -name '.podkeep' -o -name 'pod_agent*' -o -name 'entrypoint.sh' \) 2>/dev/null
    return 0
}

a_job() { # a_job CODE COMMAND…: as on a pod, with the exit policy of one's own box
    local code=$1 place said
    shift
    place=$(mktemp -d)
    said=$(env POD_WORKSPACE="$place/ws" POD_PORT=18786 POD_ON_FINISH=exit POD_ON_FAILURE=exit PODKEEP_RUN_DIR="$place/run" \
        PODKEEP_DISK_DIR="$place/disk" timeout 120 /usr/bin/tini -s -- "$ours/share/podkeep/entrypoint.sh" "$@")
    local ended=$?
    [ "$ended" = "$code" ] && [[ $said == *"EXIT_CODE=$code"* ]] && return
    printf '%s\nended with %s\n' "$said" "$ended"
    return 1
}

health() { # a waiting agent is healthy, none is not, and TERM ends it
    local place pid port=18787
    place=$(mktemp -d)
    ! POD_PORT=$port "$python" -I -S "$ours/share/podkeep/healthcheck.py" 2>/dev/null || return
    POD_WORKSPACE=$place/ws POD_PORT=$port PODKEEP_RUN_DIR=$place/run PODKEEP_DISK_DIR=$place/disk \
        /usr/bin/tini -s -- "$ours/share/podkeep/entrypoint.sh" &
    pid=$!
    for _ in $(seq 120); do
        POD_PORT=$port "$python" -I -S "$ours/share/podkeep/healthcheck.py" 2>/dev/null && break
        sleep 0.5
    done
    POD_PORT=$port "$python" -I -S "$ours/share/podkeep/healthcheck.py"
    local healthy=$?
    kill -TERM "$pid"
    wait "$pid" && return "$healthy"
}

check "every system package of packages.txt is installed" nothing lacking_packages
check "their programs start" programs
check "pod-agent is on the PATH and starts" pod-agent --help
check "the agent's environment is its own, and whole" agent_alone
check "the agent's modules are compiled" compiled
check "a job gets an environment with pip" environment_of_a_job
check "no private key, no token, no login" nothing private
check "nothing is left over from the build" nothing left_over
check "nothing of ours is in /workspace" nothing in_the_workspace
check "a job runs to its end" a_job 0 bash -c 'echo it trains'
check "a job that fails ends with its code" a_job 7 bash -c 'exit 7'
check "the health check sees an agent, and sees none" health

[ $wrong = 0 ] && echo "all well" || echo "$wrong wrong"
exit $wrong
