#!/bin/bash -p
# Called by entrypoint.sh when the agent has died at every start: DEATHS SINCE CODE [the start command's words].
# One round of stopping the pod by whatever is here: last_resort.py under any Python, else curl or wget, else
# runpodctl. While a keeper lives within its deadline nothing is stopped that no agent was stopping. 77: no pod, the container may end.
set -u
here=$(dirname "$(readlink -f "$0")")
run_dir=${PODKEEP_RUN_DIR:-/run/podkeep} disk=${PODKEEP_DISK_DIR:-/podkeep}
program=$here/last_resort.py
[ -f "$program" ] || program=$here/agent/pod_agent/last_resort.py # of a checkout

say() { echo "podkeep: LAST RESORT: $*" >&2; }
read -r up _ </proc/uptime
up=${up%.*}
here='"kernel": *"'$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none)'"' # in a record of this kernel's

began() { # when a process began, in ticks of the kernel
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # shellcheck disable=SC2086 # the fields after the program's name, which may hold spaces
  set -- ${stat##*) }
  echo "${20}"
}
whole() { [[ $1 =~ ^[0-9]{1,12} ]] && echo "$((10#${BASH_REMATCH[0]}))"; } # the seconds, hours or minutes before a point
text() { sed -n "s/^[^}[]*\"$2\": *\"\([^\"]*\)\".*/\1/p" "$disk/$1" 2>/dev/null; } # of a record, its first object
late() { # only the deadlines that were set in this boot, by hours or dollars, else the hours asked for
  local at='' line now ours boot seen
  now=$(date +%s)
  ours=$(text deadline.json boot) boot=$(text boot.json id)
  if [ -z "$ours" ] || [ -z "$boot" ] || [ "$ours" = "$boot" ]; then
    while read -r line; do # the file repeats the first one before all of them: {"at":…,"every":[{"at":…},{"at":…}]}
      [[ $line =~ '"every":['$ || ! $line =~ '"at":'\ *([0-9]{1,12}) ]] && continue
      at=$((10#${BASH_REMATCH[1]})) seen=$now
      # by the clock that never jumps, where that is this kernel's
      [[ $line =~ $here && $line =~ '"mono":'\ *([0-9]{1,12}) ]] && at=$((10#${BASH_REMATCH[1]})) seen=$up
      [ "$seen" -ge "$at" ] && return
    done < <(sed 's/{"at":/\n&/g' "$disk/deadline.json" 2>/dev/null; echo)
  fi
  [ -z "$at" ] && at=$(whole "${POD_MAX_HOURS:-}") && [ $((up - $(began 1) / 100)) -ge $(((at + 1) * 3600)) ]
}

lives() { # when the process whose mark this is began, in ticks; a pid alone may be somebody else's by now
  local pid started
  read -r pid started 2>/dev/null <"$1" && [ "$(began "$pid")" = "$started" ] && echo "$started"
}

stopping() { # whether an agent of this boot was stopping the pod, and no keeper began after that: then a job goes on
  local boot told age started
  boot=$(text stopping.json boot)
  [ -n "$boot" ] && [ "$boot" = "$(text boot.json id)" ] || return
  started=$(lives "$run_dir/keeper.pid") && told=$(cat "$disk/stopping.json") || return 0
  [[ $told =~ '"at":'\ *([0-9]{1,12}) ]] || return 0
  age=$(($(date +%s) - 10#${BASH_REMATCH[1]}))
  [[ $told =~ $here && $told =~ '"mono":'\ *([0-9]{1,12}) ]] && age=$((up - 10#${BASH_REMATCH[1]}))
  [ $((up - started / 100)) -ge "$age" ]
}

kept() { # whether somebody asked in this boot to keep the pod, and that time is not over (`pod-client keep`)
  local boot now until over seconds left
  boot=$(sed -n 's/^{"boot": *{"id": *"\([^"]*\)".*/\1/p' "$disk/boot.json" 2>/dev/null)
  [ -n "$boot" ] && grep -qF "{\"boot\":\"$boot\"," "$disk/keep.json" 2>/dev/null || return 1
  now=$(date +%s)
  while read -r until over seconds; do
    left=$((over - up)) # by the clock that never jumps, where that is this kernel's
    [ "$left" -gt "$seconds" ] && left=$((until - now))
    [ "$left" -gt 0 ] && [ "$left" -le "$seconds" ] && return
  done < <(grep -Eo '"until":[0-9]+[^"]*"over_at":[0-9]+[^"]*"seconds":[0-9]+' "$disk/keep.json" |
    sed -E 's/"until":([0-9]+)[^"]*"over_at":([0-9]+)[^"]*"seconds":([0-9]+)/\1 \2 \3/')
  return 1
}

pod=${RUNPOD_POD_ID:-}
if [ -n "$pod" ] && kept && ! late && ! stopping; then
  say "the agent died $1 times, last with code $3; somebody asked to keep the pod for a while: it stays, and is billed"
  exit 0
fi

for python in "${PODKEEP_PYTHON:-}" python3 /usr/bin/python3 /usr/local/bin/python3 python ""; do
  timeout 20 "$python" -I -S -c 'import http.client, json, ssl, subprocess, sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null && break
done
[ -n "$python" ] && exec "$python" -I -S "$program" "$@"

deaths=$1 since=$2 code=$3
shift 3
say "the agent died $deaths times, last with code $code, and no Python is here"

keeper() { # whether it lives, or a training that somebody began by hand (`pod-agent after`)
  local mark
  for mark in "$run_dir/keeper.pid" "$run_dir"/by-hand-*.pid; do
    lives "$mark" >/dev/null && return
  done
  return 1
}

case "$*" in *"sleep infinity" | *"tail -f /dev/null" | */start.sh) set -- ;; esac # what only waits is no job

keys=("${RUNPOD_API_KEY:-}" ${POD_STOP_KEY:+"$POD_STOP_KEY"})
if [ -n "$pod" ] && stopping; then
  say "an agent was stopping it" # a training that lives yet is one that could not be killed
elif ! late || [ -z "$pod" ]; then
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
tool() { command -v runpodctl >/dev/null && { RUNPOD_API_KEY=$key timeout 20 runpodctl "$@" >/dev/null 2>&1 </dev/null & wait $!; }; }

ways=(v2 graphql new old) # the sixth death begins with the first, each later one with the next
count=$((4 * ${#keys[@]})) # all with the pod's own key, then all with POD_STOP_KEY
for ((i = 0; i < count; i++)); do
  n=$(((deaths + 2 + i) % count)) key=${keys[n / 4]}
  way=${ways[n % 4]}
  name="$way$([ "$n" -lt 4 ] || echo " with POD_STOP_KEY")"
  say "asking for the stop by $name" # now: once it is taken, we may be killed before the next word
  case $way in
    v2) post "$url/pods/$pod/action" '{"action": "stop"}' && ! [[ $(<"$answer") =~ ^[[:space:]]*'<' ]] ;; # a page
    graphql) post "$origin/graphql" "$query" && grep -q '"podStop": *{' "$answer" && ! grep -q '"errors"' "$answer" ;;
    new) tool pod stop "$pod" ;;
    old) tool stop pod "$pod" ;;
  esac && { say "$name took the request; until we are killed we do not believe it"; exit 0; }
  say "$name: not taken"
done
say "STOP THIS POD BY HAND, it is billed and cannot stop itself: pod $pod"
