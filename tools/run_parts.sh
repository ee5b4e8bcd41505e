#!/bin/sh
# usage: run_parts.sh FOLDER PART...
#
# Runs parts of the tests one after the other, each a target of the Makefile,
# and keeps what each printed in FOLDER/PART.log. Ends with a table, the lines
# that name the tests that failed, and the line "N passed, N failed"; fails if
# anything did. A part that fails without
# saying how often, or that ran no test at all, counts as one failure. If
# PART_TIMEOUT is set, a part that takes more seconds is ended.
set -u
MAKE=${MAKE:-make}

# Prints how many tests passed and failed according to a log, whatever wrote it.
count() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    function before(word) { return match($0, "[0-9]+ " word) ? substr($0, RSTART) + 0 : 0 }
    function after(word) {
      return match($0, word ":? +[0-9]+") ? substr($0, RSTART + length(word) + 1) + 0 : 0
    }
    # Our own scripts, and the EUnit and Common Test of a plain VM.
    /^PASS / || /^  Test passed\.$/ { passed++ }
    /^  2 tests passed\.$/ { passed += 2 }
    /^FAIL / { failed++ }
    /^ *All [0-9]+ tests passed\./ { passed += after("All") }
    /^ *(Failed|Skipped|Passed):? [0-9]/ { passed += after("Passed"); failed += after("Failed") }
    # Criterion
    /^\[====\] Synthesis:/ { passed += after("Passing"); failed += after("Tested") - after("Passing") }
    # ExUnit, and EUnit of rebar3
    /^[0-9]+ (tests?|doctests?|propert(y|ies)), .*[0-9]+ failures?/ {
      bad = before("failure") + before("invalid") + before("cancelled")
      failed += bad
      passed += before("test") + before("doctest") + before("propert") - bad - before("skipped") \
        - before("excluded")
    }
    END { print passed + 0, failed + 0 }'
}

# Prints what names the failed tests in a log, whatever wrote it, or how the log
# ends if nothing in it does.
failures() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    { last[NR % 5] = $0 }
    # Our own scripts, the EUnit of a plain VM, Criterion.
    /^FAIL / || /\.\.\.\*failed\*/ || /^\[FAIL\]/ { print; found = 1; next }
    # ExUnit, and EUnit of rebar3: a number, the test, and some lines of why.
    /^ +[0-9]+\) / { left = 5; found = 1 }
    /^ *$/ { left = 0 }
    left-- > 0
    END {
      for (i = NR - 4; i <= NR && !found; i++) {
        if (i > 0) print last[i % 5]
      }
    }'
}

folder=$1
shift
mkdir -p "$folder"
rm -f "$folder"/*.log "$folder/table"
for part; do
  printf '\n===== %s =====\n' "$part"
  begin=$(date +%s)
  {
    # shellcheck disable=SC2086 # the words of the limit
    ${PART_TIMEOUT:+timeout -k 10 $PART_TIMEOUT} "$MAKE" --no-print-directory "$part" \
      </dev/null 2>&1
    echo $? >"$folder/status"
  } | tee "$folder/$part.log"
  read -r status <"$folder/status"
  counts=$(count "$folder/$part.log")
  passed=${counts% *} failed=${counts#* }
  if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; }; then
    echo "$part: exit status $status, $passed tests passed"
    failed=1
  fi
  echo "$part $passed $failed $(($(date +%s) - begin))" >>"$folder/table"
done

echo
awk '
  BEGIN { printf "%-16s %8s %8s %8s\n", "part", "passed", "failed", "seconds" }
  { printf "%-16s %8d %8d %8d\n", $1, $2, $3, $4 }' "$folder/table"
awk '$3 > 0 { print $1 }' "$folder/table" | while read -r part; do
  printf '\n%s failed:\n' "$part"
  failures "$folder/$part.log" | head -n 20
done | head -n 60
awk '
  { passed += $2; failed += $3 }
  END { printf "\n%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$folder/table"
