#!/bin/bash
# PID 1 of a test's pod: runs its arguments as a child, hands SIGTERM on, ends when the child has.
echo "entry: start $(hostname)"
if [ $# -gt 0 ]; then "$@" & else sleep 600 & fi
child=$!
trap 'echo "entry: term"; kill -TERM "$child" 2>/dev/null' TERM
wait "$child"
wait "$child" 2>/dev/null
