#!/usr/bin/env bash
# Every test but the soak, the types, and the core's coverage, in two lanes side by side. Whole sessions mostly wait, in
# real time, and some measure what is heard: nothing comes before them, and not more than one process that only works
# runs beside them, or they are late. With options, which may choose among the tests, all run one after the other.
set -uo pipefail
set -m  # else what runs in the background would ignore interrupts, and so would the commands that it tries
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pytest=(.venv/bin/python -m pytest -p no:cacheprovider)
[ $# -eq 0 ] || exec "${pytest[@]}" -m "not soak" "$@"

real="e2e and not soak" other="not e2e and not soak"
unmeasured=(tests/e2e/test_{attacks,trace}.py)
logs=$(mktemp -d)

beside() {
  local failed=0 campaign
  nice -n 10 make --no-print-directory core types >"$logs/1" 2>&1 || failed=1
  nice -n 10 "${pytest[@]}" -m "$other" --ignore=tests/core --ignore=tests/campaign >"$logs/2" 2>&1 || failed=1
  nice -n 19 "${pytest[@]}" -m "$other" tests/campaign >"$logs/3" 2>&1 &
  campaign=$!
  "${pytest[@]}" -m "$real" tests/{cli,pages,speech} "${unmeasured[@]}" >"$logs/4" 2>&1 || failed=1
  wait "$campaign" || failed=1
  return $failed
}

trap 'kill -- $(jobs -p | sed s/^/-/) 2>/dev/null; rm -rf "$logs"' EXIT
beside &
echo "tests of whole sessions; the others, the types and the core's coverage run beside them and are shown after"
failed=0
"${pytest[@]}" -m "$real" tests/e2e "${unmeasured[@]/#/--ignore=}" || failed=1
wait $! || failed=1
cat "$logs"/*
exit $failed
