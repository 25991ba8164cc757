#!/usr/bin/env bash
# PID 1's one child (tini -- entrypoint.sh "$@"): keeps an agent alive, hands TERM on, and never ends by itself.
# RunPod restarts an ended container at once and bills on. After TERM, and after the exit policy `exit`
# (the agent then leaves a mark), it does end.
set -u

python=${PODKEEP_PYTHON:-/opt/podkeep/bin/python}
run_dir=${PODKEEP_RUN_DIR:-/run/podkeep}
agent=
termed=

keeper() { # the living keeper's pid; a pid alone may long belong to somebody else, so the start time must fit
  local pid started stat
  read -r pid started 2>/dev/null <"$run_dir/keeper.pid" || return 1
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  # shellcheck disable=SC2086 # the fields after the program's name, which may hold spaces
  set -- ${stat##*) }
  [ "${20}" = "$started" ] && echo "$pid"
}

# shellcheck disable=SC2317 # called by the trap
hand_on() { # to the agent; to the keeper while no agent lives
  termed=yes
  if [ -n "$agent" ] && kill -TERM "$agent" 2>/dev/null; then return; fi
  local pid
  if pid=$(keeper); then kill -TERM "$pid" 2>/dev/null; fi
}
trap hand_on TERM INT

pause() { # in quarters of a second; may be cut short by TERM: wait returns, sleep is ours to end
  sleep "$(($1 / 4)).$(($1 % 4 * 25))" &
  wait $!
  kill $! 2>/dev/null
}

delay=1
while [ -z "$termed" ]; do
  began=$SECONDS
  "$python" -m pod_agent "$@" &
  agent=$!
  [ -n "$termed" ] && kill -TERM "$agent" 2>/dev/null # it came between the trap and the start
  wait "$agent"
  code=$?
  while kill -0 "$agent" 2>/dev/null; do # the trap ended the wait, not the agent
    wait "$agent"
    code=$?
  done
  agent=
  [ -e "$run_dir/leave" ] && exit "$code"
  [ -n "$termed" ] && break
  [ $((SECONDS - began)) -ge 5 ] && delay=1 # it had begun to work: no crash loop, and followers wait for it
  echo "podkeep: the agent ended with code $code; starting it again" >&2
  pause "$delay"
  delay=$((delay * 2 > 120 ? 120 : delay * 2))
done
if pid=$(keeper); then kill -TERM "$pid" 2>/dev/null; fi # the agent may have died before it could tell it
until=$((SECONDS + 30)) # a keeper beside a dead mount may wait for ever; PID 1 without an agent must not
while keeper >/dev/null && [ $SECONDS -lt $until ]; do sleep 0.1; done # two for the training, the rest for its log
exit 0
