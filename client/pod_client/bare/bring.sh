#!/bin/sh
# Start command of a pod, on any image: sh -c THIS podkeep DIGEST PROGRAM FIND-PYTHON [the start command's own words].
# Where the agent is it starts at once, as in our image. Else it is brought to the container's own disk: Python and git
# where they are missing, then PROGRAM (__main__.py beside this), which takes only the bundle whose sha256 is DIGEST.
# What cannot succeed ends in a request to stop the pod, by whatever is here: it is billed as long as it lives.
# A try that hangs is ended after half an hour, and POD_MAX_HOURS ends them all.
set -u
digest=$1 program=$2 find=$3
shift 3
home=${PODKEEP_HOME:-/opt/podkeep}
entrypoint=$home/share/podkeep/entrypoint.sh # comes last: where it is, all is
hopeless=77 over=124 most=${PODKEEP_BRING_TRIES:-6} longest=${PODKEEP_BRING_LIMIT:-1800}

say() { echo "podkeep: $*" >&2; }

family() { # these processes and all that they began, also in sessions of their own, as apt's dpkg
  for pid in "$@"; do
    echo "$pid"
    # shellcheck disable=SC2046 # words
    family $(cat "/proc/$pid/task/"*/children 2>/dev/null)
  done
}
end() { # what hangs hears nothing else
  # shellcheck disable=SC2046 # words
  [ $# -eq 0 ] || kill -KILL $(family "$@") 2>/dev/null
}

child='' dog='' late=''
trap 'trap "" TERM INT; end $child $dog; exit 143' TERM INT
trap 'late=yes; end $child' USR1
run() { # so that TERM is heard at once, also by PID 1
  "$@" &
  child=$!
  [ -z "$late" ] || end "$child" # the dog was quicker than we
  wait "$child"
  set -- $?
  child=
  return "$1"
}

within() { # SECONDS WORDS: run them no longer, whatever hangs; $over where they took more
  { sleep "$1"; kill -USR1 $$; } &
  dog=$!
  shift
  run "$@"
  set -- $?
  end "$dog"
  wait "$dog" 2>/dev/null
  dog=
  [ -z "$late" ] || [ "$1" -eq 0 ] || set -- $over
  late=
  return "$1"
}

allowed() { # POD_MAX_HOURS in seconds; a year where it is off
  hours=${POD_MAX_HOURS:-} part=
  case $hours in *.*) part=${hours#*.} hours=${hours%%.*} ;; esac
  hours=${hours#"${hours%%[!0]*}"} part=$(printf %.4s "${part}0000")
  case $hours$part in *[!0-9]* | ??????????*) hours='' part=0000 ;; esac # the agent refuses it with a reason
  set -- $((${hours:-0} * 3600 + 1$part * 9 / 25 - 3600))
  [ "$1" -gt 0 ] || set -- 31536000
  echo "$1"
}
measure() { # limit: the seconds that a try may take; none are left when POD_MAX_HOURS is over
  up=0
  read -r up _ 2>/dev/null </proc/uptime
  limit=$((${began:=${up%.*}} + $(allowed) - ${up%.*}))
  [ "$limit" -gt 0 ] || limit=0
  [ "$limit" -le "$longest" ] || limit=$longest
}

missing() { # of what no job does without
  for name in bash git; do command -v $name >/dev/null 2>&1 || echo $name; done
  [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || echo ca-certificates
}
python() { sh -c "$find" find-python 2>/dev/null; }

prepare() { # Python, and what is missing
  place=${home%/*}
  if ! mkdir -p "$place" 2>/dev/null || [ ! -w "$place" ]; then
    say "$place cannot be written by user $(id -u): the agent has no place in this image"
    return $hopeless
  fi
  lacking=$(missing)
  if python >/dev/null; then
    [ -z "$lacking" ] && return 0
  else
    lacking="$lacking Python"
  fi
  say "this image lacks: $(echo "$lacking" | tr '\n' ' ')"
  if [ "$(id -u)" -ne 0 ]; then
    say "its user is not root, so nothing can be installed"
  elif command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    dpkg --configure -a >/dev/null # where one was ended amid its work, apt-get would refuse everything
    apt-get update -qq
    # shellcheck disable=SC2046 # words
    [ -z "$(missing)" ] || apt-get install -y -qq --no-install-recommends $(missing) >/dev/null
    python >/dev/null || sh -c "$find" find-python --install >/dev/null
  elif tool=$(command -v dnf || command -v microdnf); then
    # shellcheck disable=SC2046 # words
    [ -z "$(missing)" ] || "$tool" install -y $(missing) >/dev/null
    python >/dev/null || "$tool" install -y python3.12 >/dev/null || "$tool" install -y python3.11 >/dev/null
  else
    say "neither apt-get nor dnf is here to install it"
    permanent=$hopeless
  fi
  [ "$(id -u)" -eq 0 ] || permanent=$hopeless
  if ! python >/dev/null; then
    say "no Python of 3.11 or newer with venv is here, and none came: take another image, or podkeep as a layer on it"
  elif ! command -v bash >/dev/null 2>&1; then
    say "no bash is here, and none came"
  else
    return 0 # without git a job that is a repository says so itself
  fi
  return "${permanent:-1}"
}

attempt() {
  prepare || return $?
  # an image's own habits with pip are for its own environment
  env -u PIP_CONSTRAINT -u PIP_USER -u PIP_TARGET -u PIP_PREFIX -u PIP_REQUIRE_VIRTUALENV \
    "$(python)" -I -c "$program" "$digest" "$home"
}

poster='import http.client, json, os, sys, urllib.request as u
q = u.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json", "User-Agent": "podkeep/0.1 (start)",
  "Authorization": "Bearer " + os.environ.get("RUNPOD_API_KEY", "")})
sys.stdout.write(u.urlopen(q, timeout=20).read(9999).decode("utf-8", "replace"))'

post() { # what RunPod answers; the key travels through the environment, a pipe or a file, never in an argument
  for name in python3 python /usr/bin/python3; do
    "$name" -I -c "$poster" "$1" "$2" 2>/dev/null && return 0
  done
  if command -v curl >/dev/null 2>&1; then
    printf 'header = "Authorization: Bearer %s"\n' "${RUNPOD_API_KEY:-}" |
      curl -sS -f -K - -m 20 -A "podkeep/0.1 (start)" -H "Content-Type: application/json" -d "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    rc=$(umask 077 && mktemp) || return 1
    printf 'header = Authorization: Bearer %s\n' "${RUNPOD_API_KEY:-}" >"$rc"
    WGETRC=$rc wget -q -T 20 -t 1 -U "podkeep/0.1 (start)" --header "Content-Type: application/json" \
      -O - --post-data "$2" "$1"
    set -- $?
    rm -f "$rc"
    return "$1"
  else
    return 127
  fi
}

stop_pod() {
  pod=$RUNPOD_POD_ID url=${POD_RUNPOD_URL:-https://api.runpod.io/v2}
  url=${url%/}
  host=${url#*://}
  case $pod in *[!A-Za-z0-9_-]*) return 1 ;; esac
  post "$url/pods/$pod/action" '{"action": "stop"}' >/dev/null && return 0
  # shellcheck disable=SC2016 # GraphQL's own variables
  query='{"query": "mutation($input: PodStopInput!) { podStop(input: $input) { id desiredStatus } }", '
  answer=$(post "${url%%://*}://${host%%/*}/graphql" "$query\"variables\": {\"input\": {\"podId\": \"$pod\"}}}") &&
    case $answer in *'"errors"'*) ;; *'"podStop":'*'{'*) return 0 ;; esac
  command -v runpodctl >/dev/null 2>&1 || return 1
  for words in "pod stop" "stop pod"; do
    # shellcheck disable=SC2086 # words
    timeout 20 runpodctl $words "$pod" >/dev/null 2>&1 </dev/null && return 0
  done
  return 1
}

failed=0
while [ ! -x "$entrypoint" ]; do
  measure
  within "$limit" attempt
  code=$?
  [ "$code" -ne $over ] || say "this try took longer than $limit s: it was ended, with all that it began"
  if [ "$code" -eq 0 ]; then
    [ -x "$entrypoint" ] || say "the agent's entrypoint is not where it was put: $entrypoint"
    [ -x "$entrypoint" ] && break
  fi
  failed=$((failed + 1))
  measure
  if [ "$limit" -eq 0 ]; then
    say "POD_MAX_HOURS=$POD_MAX_HOURS is over"
    code=$hopeless
  fi
  while [ "$code" -eq $hopeless ] || [ "$failed" -ge "$most" ]; do
    say "CANNOT BRING THE AGENT to this image (try $failed); no job has run since this container began"
    [ -n "${RUNPOD_POD_ID:-}" ] || exit 1 # a container on somebody's own machine
    if within 300 stop_pod; then
      say "RunPod took the request to stop this pod; until we are killed we do not believe it"
    else
      say "STOP THIS POD BY HAND, it is billed and cannot stop itself: pod $RUNPOD_POD_ID"
    fi
    [ "$code" -eq $hopeless ] || break
    run sleep 60
  done
  pause=$((failed < 6 ? 5 << (failed - 1) : 120))
  say "the agent could not be brought (try $failed); again in $pause s"
  run sleep "${PODKEEP_BRING_PAUSE:-$pause}"
done
trap - TERM INT
if [ $$ -eq 1 ] && tini=$(command -v tini); then exec "$tini" -- "$entrypoint" "$@"; fi
exec "$entrypoint" "$@" # bash, which as PID 1 buries orphans and hears TERM
