#!/bin/sh
# usage: examples.sh
#
# Runs every example. One with a file NAME.out beside it must print just that.
set -u
export MIX_ENV=test
status=0
for example in examples/*/*.exs; do
  output=$(mix run "$example" 2>&1)
  result=$?
  expected=${example%.exs}.out
  if [ "$result" -eq 0 ] && { [ ! -f "$expected" ] || [ "$output" = "$(cat "$expected")" ]; }; then
    echo "PASS $example"
  else
    printf '%s\n' "$output"
    echo "FAIL $example"
    status=1
  fi
done
exit "$status"
