#!/bin/sh
# shellcheck disable=SC1090,SC1091 # what is read here is written by the agent
# What a login over ssh runs (a copy lies in the run folder, started through authorized_keys): a command, scp, rsync and
# sftp go on as they are, in the job's environment; a person lands in tmux, in the job's folder, with a banner.
# It reads files beside itself and nothing else: no agent is asked, and a folder that does not answer is not entered.
pk_here=${0%/*}
pk_mode=${1:-}

learn() { # the job's environment, where one is written
  if [ -r "$pk_here/environment" ]; then . "$pk_here/environment"; fi
}

told() { # the pod's state, into pk_*
  pk_told='' pk_agent='' pk_pod='' pk_job='' pk_phase='' pk_outcome='' pk_booted='' pk_price='' pk_stops='' pk_because=''
  pk_keep='' pk_folder=''
  if [ -r "$pk_here/facts" ]; then . "$pk_here/facts"; fi
}

span() { # seconds in words
  if [ "$1" -lt 120 ]; then echo "$1 s"; elif [ "$1" -lt 7200 ]; then echo "$(($1 / 60)) min"; else
    echo "$(($1 / 3600)) h $(($1 % 3600 / 60)) min"
  fi
}

cost() { # dollars of this boot so far, at this very moment
  if [ -z "$pk_price" ] || [ -z "$pk_booted" ]; then return; fi
  cents=$(((now - pk_booted) * pk_price / 36000000))
  if [ "$cents" -lt 0 ]; then cents=0; fi
  printf '$%d.%02d' $((cents / 100)) $((cents % 100))
}

line() { # one line: what it does, what it has cost, when it ends
  told
  now=$(date +%s)
  if [ -z "$pk_phase" ]; then
    echo 'podkeep: the agent has told nothing yet'
    return
  fi
  words=$pk_phase
  if [ -n "$pk_outcome" ]; then words="$pk_phase, $pk_outcome"; fi
  if [ -n "$pk_job" ]; then words="job $pk_job: $words"; fi
  spent=$(cost)
  if [ -n "$spent" ]; then words="$words; $spent so far"; fi
  if [ -z "$pk_stops" ]; then words="$words; no stop is due"; elif [ "$pk_stops" -le "$now" ]; then
    words="$words; stopping"
  else
    words="$words; stops in $(span $((pk_stops - now)))${pk_because:+ ($pk_because)}"
  fi
  if [ -n "$pk_agent" ] && ! kill -0 "$pk_agent" 2>/dev/null; then
    words="$words; the agent does not run, this was $(span $((now - pk_told))) ago"
  fi
  printf 'podkeep%s: %s\n' "${pk_pod:+ $pk_pod}" "$words"
}

banner() {
  line
  if [ -n "$pk_keep" ]; then printf '  to keep it longer: %s\n' "$pk_keep"; fi
  if [ "$pk_mode" = --first ]; then
    printf '  this is tmux: what runs here goes on when you leave (Ctrl-b d), and the next login finds it\n'
  fi
}

answers() { # whether a folder lets itself be entered within two seconds; a dead mount never does
  (cd "$1" 2>/dev/null || exit 1) &
  left=20
  while kill -0 $! 2>/dev/null; do
    if [ $left -eq 0 ]; then
      kill -9 $! 2>/dev/null
      return 1
    fi
    left=$((left - 1))
    sleep 0.1
  done
  wait $!
}

shell() { # a shell in the job's folder and environment
  banner
  if [ -n "$pk_folder" ]; then
    if answers "$pk_folder"; then cd "$pk_folder" || return; else
      printf '  the folder %s is not there, or does not answer\n' "$pk_folder"
    fi
  fi
  learn
  case ${SHELL##*/} in
    bash) exec "$SHELL" --rcfile "$pk_here/bashrc" -i ;;
    sh | dash | ash | '') exec "${SHELL:-/bin/sh}" -i ;;
    *) exec "$SHELL" -l ;;
  esac
}

in_tmux() { # one session for all logins; where tmux cannot run, we come back
  case ${TERM:-dumb} in dumb | unknown | '') return ;; esac
  if [ -n "${TMUX:-}" ] || ! command -v tmux >/dev/null; then return; fi
  case $(stty size 2>/dev/null) in '' | 0\ * | *\ 0) return ;; esac # ssh -tt from a script has no window
  # shellcheck disable=SC2016 # tmux's shell expands it, in each new window
  inner='exec sh "${PODKEEP_LOGIN:-/run/podkeep/ssh/login}"'
  PODKEEP_LOGIN=$pk_here/login
  export PODKEEP_LOGIN
  tmux -u -S "$pk_here/tmux" new-session -A -s podkeep sh "$pk_here/login" --first \; \
    set-environment PODKEEP_LOGIN "$PODKEEP_LOGIN" \; \
    set-option default-command "$inner --window" \; \
    set-option status-interval 15 \; set-option status-right-length 120 \; \
    set-option status-right "#($inner --line)" && exit 0
}

case $pk_mode in
  --line)
    line
    exit 0
    ;;
  --first | --window) shell ;;
esac
if [ -n "${SSH_ORIGINAL_COMMAND+set}" ]; then # a command, scp, rsync, sftp, an editor's server: not a word from us
  pk_command=$SSH_ORIGINAL_COMMAND
  unset SSH_ORIGINAL_COMMAND
  learn
  unset SHLVL # so that bash reads its .bashrc as it does when sshd starts it
  exec "${SHELL:-/bin/sh}" -c "$pk_command"
fi
if ! [ -t 0 ]; then # a script on stdin
  learn
  unset SHLVL
  exec "${SHELL:-/bin/sh}"
fi
in_tmux
shell
