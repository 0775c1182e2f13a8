#!/usr/bin/env bash
# Every test but the soak and the core's own, in four lanes side by side. Two mostly wait, in real time: what is heard
# and recognised, one after the other, to which all others give way; and whole sessions and pages. Two only work, and give
# way to both. With options, which may choose among the tests, there is one lane.
set -uo pipefail
set -m  # else what runs in the background would ignore interrupts, and so would the commands that it tries
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pytest=(.venv/bin/python -m pytest -p no:cacheprovider)
[ $# -eq 0 ] || exec "${pytest[@]}" -m "not soak" "$@"

real="e2e and not soak" other="not e2e and not soak"
heard=(tests/e2e/test_{call,demo,devices_come_and_go,interruptions,kept_sound,live,loop,mixer,names_unseen}.py
  tests/e2e/test_{other_devices,pages_writing,share,speech_server,tracks,writing}.py tests/speech)
worked=(tests/campaign tests/cli tests/fuzzing tests/store)

logs=$(mktemp -d)
trap 'kill -- $(jobs -p | sed s/^/-/) 2>/dev/null; rm -rf "$logs"' EXIT
nice -n 5 "${pytest[@]}" -m "$real" tests/{cli,e2e,pages} "${heard[@]/#/--ignore=}" >"$logs/2" 2>&1 &
nice -n 10 "${pytest[@]}" -m "$other" "${worked[@]}" >"$logs/3" 2>&1 &
nice -n 10 "${pytest[@]}" -m "$other" --ignore=tests/core "${worked[@]/#/--ignore=}" >"$logs/4" 2>&1 &

echo "tests of what is heard; the others run beside them and are shown after"
failed=0
"${pytest[@]}" -m "$real" "${heard[@]}" || failed=1
for lane in $(jobs -p); do wait "$lane" || failed=1; done
cat "$logs"/*
exit $failed
