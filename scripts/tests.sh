#!/usr/bin/env bash
# Every test but the soak and the core's own, which ran before, in two lanes. Those in tests/e2e mostly wait, in real
# time; the others work meanwhile and give way to them, and the other tests on real devices and in a browser come last.
set -uo pipefail
set -m  # else what runs in the background would ignore interrupts, and so would the commands that it tries
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
narrowed=$([ $# -gt 0 ] && echo 5)  # pytest's status where nothing was chosen, which options may mean

passes() {
  local status=0
  "$@" || status=$?
  [ "$status" -eq 0 ] || [ "$status" = "${narrowed:-0}" ]
}

beside() {
  local failed=0
  passes nice -n 10 $python -m pytest -m "not e2e and not soak" --ignore=tests/core "$@" || failed=1
  passes $python -m pytest -m "e2e and not soak" --ignore=tests/e2e -p no:cacheprovider "$@" || failed=1
  return $failed
}

log=$(mktemp)
beside "$@" >"$log" 2>&1 &
others=$!
trap 'kill -- -$others 2>/dev/null; rm -f "$log"' EXIT

echo "tests on real devices and in a browser; the others run beside them and are shown after"
failed=0
passes $python -m pytest -m "e2e and not soak" --ignore=tests/cli --ignore=tests/pages --ignore=tests/speech \
  -p no:cacheprovider "$@" || failed=1
wait $others || failed=1
cat "$log"
exit $failed
