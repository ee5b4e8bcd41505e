#!/bin/sh
# usage: sanitized.sh FOLDER COMMAND...
#
# Runs a command that is compiled with the address sanitizer, and fails on any
# report, also on those that the command's own exit status says nothing about,
# such as a leak under Criterion. ASAN_OPTIONS is added to.
set -u
folder=$1
shift
mkdir -p "$folder"
rm -f "$folder"/report.*
ASAN_OPTIONS="log_path=$folder/report:${ASAN_OPTIONS:-}" UBSAN_OPTIONS=print_stacktrace=1 "$@"
status=$?
for report in "$folder"/report.*; do
  [ -e "$report" ] || continue
  cat "$report"
  echo "FAIL sanitizer report $report"
  status=1
done
exit "$status"
