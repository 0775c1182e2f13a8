#!/usr/bin/env bash
# Every test but the soak and the core's own, which ran before, in three lanes side by side. Those on real devices, which
# measure, mostly wait, in real time: nothing comes before them. Whole sessions and browsers give way to them, and what
# only works gives way to both. With options, which may choose among the tests, there is one lane.
set -uo pipefail
set -m  # else what runs in the background would ignore interrupts, and so would the commands that it tries
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pytest=(.venv/bin/python -m pytest -p no:cacheprovider)
[ $# -eq 0 ] || exec "${pytest[@]}" -m "not soak" "$@"

devices=(tests/e2e/test_{call,devices_come_and_go,interruptions,live,loop,mixer,other_devices,share,tracks}.py tests/speech)
logs=$(mktemp -d)
nice -n 5 "${pytest[@]}" -m "e2e and not soak" "${devices[@]/#/--ignore=}" >"$logs/sessions" 2>&1 &
sessions=$!
nice -n 10 "${pytest[@]}" -m "not e2e and not soak" --ignore=tests/core >"$logs/others" 2>&1 &
others=$!
trap 'kill -- -$sessions -$others 2>/dev/null; rm -rf "$logs"' EXIT

echo "tests on real devices; whole sessions and browsers, and the others, run beside them and are shown after"
failed=0
"${pytest[@]}" -m "e2e and not soak" "${devices[@]}" || failed=1
wait $sessions || failed=1
wait $others || failed=1
cat "$logs"/*
exit $failed
