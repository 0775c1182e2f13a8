#!/usr/bin/env bash
# Every test but the soak and the core's own, which ran before. Those on real devices and in a browser mostly wait, in
# real time; the others work meanwhile, and give way to them.
set -uo pipefail
set -m  # else what runs in the background would ignore interrupts, and so would the commands that it tries
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
log=$(mktemp)
nice -n 10 $python -m pytest -m "not e2e and not soak" --ignore=tests/core "$@" >"$log" 2>&1 &
others=$!
trap 'kill $others 2>/dev/null; rm -f "$log"' EXIT

echo "tests on real devices and in a browser; the others run beside them and are shown after"
$python -m pytest -m "e2e and not soak" -p no:cacheprovider "$@"
real=$?
wait $others
other=$?
cat "$log"

narrowed=$([ $# -gt 0 ] && echo 5)  # pytest's status where nothing was chosen, which options may mean
for status in $real $other; do
  [ "$status" -eq 0 ] || [ "$status" = "${narrowed:-0}" ] || exit 1
done
