#!/bin/bash -p
# PID 1's one child (tini -- entrypoint.sh "$@"): keeps an agent alive, hands TERM on, and never ends by itself.
# RunPod restarts an ended container at once and bills on. After TERM, and after the exit policy `exit`
# (the agent leaves a mark), it does end. For an agent that dies at every start last_resort.sh stops the pod.
set -u

export PODKEEP_PYTHON=${PODKEEP_PYTHON:-/opt/podkeep/bin/python}
run_dir=${PODKEEP_RUN_DIR:-/run/podkeep} disk=${PODKEEP_DISK_DIR:-/podkeep} child='' termed='' delay=1
here=$(dirname "$(readlink -f "$0")")

keeper() { # the living keeper's pid; a pid alone may long belong to somebody else, so the start time must fit
  local pid started stat
  read -r pid started 2>/dev/null <"$run_dir/keeper.pid" || return 1
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  # shellcheck disable=SC2086 # the fields after the program's name, which may hold spaces
  set -- ${stat##*) }
  [ "${20}" = "$started" ] && echo "$pid"
}

trap 'termed=${termed:-$SECONDS}; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' TERM INT

finish() { # wait for what was begun last, wholly: the trap ends a wait, not the child
  child=$!
  [ -n "$termed" ] && kill -TERM "$child" 2>/dev/null # it came between the trap and the start
  while wait "$child"; code=$?; kill -0 "$child" 2>/dev/null; do :; done
  child=
}

cd / || exit 1 # what lies or hangs where the image happens to stand is none of the agent's business
(umask 077 && mkdir -p "$disk"); rm -f "$run_dir/leave" # the mark of an earlier life of this container
read -r deaths since last 2>/dev/null <"$disk/deaths" # in a row, over restarts too; uptime at the first and the last
read -r up _ </proc/uptime
[[ "${deaths-} ${since-} ${last-}" =~ ^[1-9][0-9]{0,5}( [1-9][0-9]{0,9}){2}$ && $since -le $last &&
  $((${up%.*} - last)) =~ ^[12]?[0-9]{1,2}$ ]] || deaths=0 since='' # no pause is as long as five minutes
while [ -z "$termed" ]; do
  began=$SECONDS
  "$PODKEEP_PYTHON" -I -m pod_agent "$@" & # -I: PYTHONPATH and its like are the job's
  finish
  [ -e "$run_dir/leave" ] && exit "$code"
  [ -n "$termed" ] && break
  [ $((SECONDS - began)) -ge 5 ] && delay=1 deaths=0 # it had begun to work, and followers wait for it
  [ $((SECONDS - began)) -ge 60 ] && since=''
  read -r up _ </proc/uptime
  echo "$((deaths += 1)) ${since:=${up%.*}} ${up%.*}" 2>/dev/null >"$disk/deaths"
  if [ "$deaths" -ge 6 ] || [ $((${up%.*} - since)) -ge 600 ]; then
    bash -p "$here/last_resort.sh" "$deaths" "$since" "$code" "$@" &
    finish
    [ "$code" -eq 77 ] && exit 1 # no pod: a container on somebody's own machine
  else
    echo "podkeep: the agent ended with code $code; starting it again" >&2
  fi
  sleep "$((delay / 4)).$((delay % 4 * 25))" & # quarters of a second
  finish
  delay=$((delay * 2 > 120 ? 120 : delay * 2))
done
if pid=$(keeper); then kill -TERM "$pid" 2>/dev/null; fi # the agent may have died before it could tell it
until=$((SECONDS + 30)) was='' still=0 # two for the training, the rest for a log on a slow mount
while pid=$(keeper) && [ $SECONDS -lt $until ]; do
  is=$(grep ctxt "/proc/$pid/status") # a dead mount may hold it for ever, and then it does not move at all
  [ "$is" = "$was" ] && still=$((still + 1)) || still=0
  [ $((SECONDS - ${termed:-SECONDS})) -ge 4 ] && [ $still -ge 5 ] && break || was=$is
  sleep 0.1
done
[ -z "${PODKEEP_LAST_WORDS-}" ] || echo "$PODKEEP_LAST_WORDS" >&2 # of `pod-agent after`, where we are not PID 1's child
