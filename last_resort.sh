#!/bin/bash -p
# Called by entrypoint.sh when the agent has died at every start: DEATHS SINCE CODE [the start command's words].
# One round of stopping the pod by whatever is here: last_resort.py under any Python, else curl or wget, else
# runpodctl. While a keeper lives within its deadline nothing is stopped. 77: no pod, the container may end.
set -u
here=$(dirname "$(readlink -f "$0")")
run_dir=${PODKEEP_RUN_DIR:-/run/podkeep} disk=${PODKEEP_DISK_DIR:-/podkeep}
program=$here/last_resort.py
[ -f "$program" ] || program=$here/agent/pod_agent/last_resort.py # of a checkout

for python in "${PODKEEP_PYTHON:-}" python3 /usr/bin/python3 /usr/local/bin/python3 python ""; do
  timeout 20 "$python" -I -S -c 'import http.client, json, ssl, subprocess, sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null && break
done
[ -n "$python" ] && exec "$python" -I -S "$program" "$@"

deaths=$1 since=$2 code=$3
shift 3
say() { echo "podkeep: LAST RESORT: $*" >&2; }
say "the agent died $deaths times, last with code $code, and no Python is here"

began() { # when a process began, in ticks of the kernel
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # shellcheck disable=SC2086 # the fields after the program's name, which may hold spaces
  set -- ${stat##*) }
  echo "${20}"
}
keeper() { # whether it lives, or a training that somebody began by hand (`pod-agent after`)
  local mark pid started
  for mark in "$run_dir/keeper.pid" "$run_dir"/by-hand-*.pid; do
    read -r pid started 2>/dev/null <"$mark" && [ "$(began "$pid")" = "$started" ] && return
  done
  return 1
}
read -r up _ </proc/uptime
up=${up%.*}

whole() { [[ $1 =~ ^[0-9]{1,12} ]] && echo "$((10#${BASH_REMATCH[0]}))"; } # the seconds, hours or minutes before a point
late() { # only the deadline that was set, and the hours asked for
  local at
  at=$(whole "$(sed -n 's/.*"at": *\([0-9]*\).*/\1/p' "$disk/deadline.json" 2>/dev/null)")
  if [ -n "$at" ]; then
    [ "$(date +%s)" -ge "$at" ]
  else
    at=$(whole "${POD_MAX_HOURS:-}") && [ $((up - $(began 1) / 100)) -ge $(((at + 1) * 3600)) ]
  fi
}

case "$*" in *"sleep infinity" | *"tail -f /dev/null" | */start.sh) set -- ;; esac # what only waits is no job

pod=${RUNPOD_POD_ID:-} key=${RUNPOD_API_KEY:-}
if ! late || [ -z "$pod" ]; then
  keeper && { say "the training goes on under its keeper"; exit 0; }
  [ -n "$pod" ] || { say "this is no RunPod pod: the container ends"; exit 77; }
  if [ "${POD_ON_FAILURE:-}" = keep ] || [ "${POD_ON_FINISH:-}" = keep ] ||
    [ -z "${POD_COMMAND:-}${POD_REPO:-}${REPO_URL:-}$*" ]; then
    minutes=$(whole "${POD_IDLE_MINUTES:-15}") || minutes=15
    [ "$minutes" -eq 0 ] && { say "POD_IDLE_MINUTES is 0: the pod stays, and is billed"; exit 0; }
    [ $((up - since)) -lt $((minutes * 60)) ] && { say "idle minutes count"; exit 0; }
  fi
fi

url=${POD_RUNPOD_URL:-https://api.runpod.io/v2}
url=${url%/}
host=${url#*://}
origin=${url%%://*}://${host%%/*}
[[ $pod =~ ^[A-Za-z0-9_-]+$ ]] || { say "RUNPOD_POD_ID is none"; exit 0; }
# shellcheck disable=SC2016 # GraphQL's own variables
query='mutation($input: PodStopInput!) { podStop(input: $input) { id desiredStatus } }'
query="{\"query\": \"$query\", \"variables\": {\"input\": {\"podId\": \"$pod\"}}}"
umask 077
answer=$(mktemp) rc=$(mktemp)
trap 'rm -f "$answer" "$rc"' EXIT
trap 'kill $! 2>/dev/null; exit 143' TERM INT

post() { # the key travels through a pipe or a file that only root reads, never in an argument
  if command -v curl >/dev/null; then
    printf 'header = "Authorization: Bearer %s"\n' "$key" |
      curl -sS -f -K - -m 20 -A "podkeep/0.1 (last resort)" -H "Content-Type: application/json" -o "$answer" -d "$2" "$1" &
  elif command -v wget >/dev/null; then
    printf 'header = Authorization: Bearer %s\n' "$key" >"$rc"
    WGETRC=$rc wget -q -T 20 -t 1 -U "podkeep/0.1 (last resort)" --header "Content-Type: application/json" -O "$answer" --post-data "$2" "$1" &
  else
    return 127
  fi
  wait $!
}
tool() { command -v runpodctl >/dev/null && { timeout 20 runpodctl "$@" >/dev/null 2>&1 </dev/null & wait $!; }; }

ways=(v2 graphql new old) # the sixth death begins with the first, each later one with the next
for i in 0 1 2 3; do
  way=${ways[(deaths + 2 + i) % 4]}
  say "asking for the stop by $way" # now: once it is taken, we may be killed before the next word
  case $way in
    v2) post "$url/pods/$pod/action" '{"action": "stop"}' && ! [[ $(<"$answer") =~ ^[[:space:]]*'<' ]] ;; # a page
    graphql) post "$origin/graphql" "$query" && grep -q '"podStop": *{' "$answer" && ! grep -q '"errors"' "$answer" ;;
    new) tool pod stop "$pod" ;;
    old) tool stop pod "$pod" ;;
  esac && { say "$way took the request; until we are killed we do not believe it"; exit 0; }
  say "$way: not taken"
done
say "STOP THIS POD BY HAND, it is billed and cannot stop itself: pod $pod"
