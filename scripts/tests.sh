#!/usr/bin/env bash
# Every test but the soak and the core's own, side by side. Whole sessions mostly wait, in real time, and some measure
# what is heard: nothing comes before them. The tests that only work, in two parts, give way to them; those of the pages
# and devices come once both are done. With options, which may choose among the tests, all run one after the other.
set -uo pipefail
set -m  # else what runs in the background would ignore interrupts, and so would the commands that it tries
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pytest=(.venv/bin/python -m pytest -p no:cacheprovider)
[ $# -eq 0 ] || exec "${pytest[@]}" -m "not soak" "$@"

real="e2e and not soak" other="not e2e and not soak"
later=(tests/e2e/test_{attacks,confined,left_behind,nothing_else_is_kept,trace}.py)  # they measure nothing
part=(tests/campaign tests/cli tests/fuzzing tests/store)
logs=$(mktemp -d)

beside() {
  local failed=0 first
  nice -n 15 "${pytest[@]}" -m "$other" "${part[@]}" >"$logs/1" 2>&1 &
  first=$!
  nice -n 15 "${pytest[@]}" -m "$other" --ignore=tests/core "${part[@]/#/--ignore=}" >"$logs/2" 2>&1 || failed=1
  wait "$first" || failed=1
  "${pytest[@]}" -m "$real" tests/{cli,pages,speech} "${later[@]}" >"$logs/3" 2>&1 || failed=1
  return $failed
}

trap 'kill -- $(jobs -p | sed s/^/-/) 2>/dev/null; rm -rf "$logs"' EXIT
beside &
echo "tests of whole sessions; the others run beside them and are shown after"
failed=0
"${pytest[@]}" -m "$real" tests/e2e "${later[@]/#/--ignore=}" || failed=1
wait $! || failed=1
cat "$logs"/*
exit $failed
