#!/usr/bin/env bash
# PID 1 of a test's pod whose workspace, /workspace/job, is not as it should be: a small disk, a full one, read-only,
# or with a file where our folder belongs. What a stop wipes is copied to the mount, for the test to read.
kind=$1 checkout=$2 workspace=/workspace/job
mkdir -p "$workspace"
case $kind in
  small) mount -t tmpfs -o size=6m none "$workspace" ;;
  full)
    mount -t tmpfs -o size=1m none "$workspace"
    head -c 2M /dev/zero >"$workspace/filler" 2>/dev/null || true
    ;;
  readonly) mount --bind "$workspace" "$workspace" && mount -o remount,ro,bind "$workspace" ;;
  file) echo mine >"$workspace/.podkeep" ;;
esac || exit 1
bash "$checkout/entrypoint.sh" &
child=$!
trap 'kill -TERM "$child"' TERM
wait "$child"
wait "$child"
mkdir /workspace/after
cp -a /podkeep /workspace/after/disk
cp -a "$workspace/.podkeep" /workspace/after/workspace
cp -a "$workspace/filler" /workspace/after/ 2>/dev/null
touch /workspace/after/all
