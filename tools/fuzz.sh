#!/bin/sh
# usage: fuzz.sh FOLDER SECONDS FUZZER...
#
# Runs each fuzzer for some seconds, starting from the inputs in
# test/fuzz/corpus/NAME and from what earlier runs found, kept in
# FOLDER/NAME. An input that makes it fail is left in FOLDER.
set -u
folder=$1 seconds=$2
shift 2
status=0
for fuzzer; do
  name=$(basename "$fuzzer")
  found=$folder/$name
  seeds=test/fuzz/corpus/$name
  dictionary=test/fuzz/$name.dict
  mkdir -p "$found"
  set -- "$found"
  [ ! -d "$seeds" ] || set -- "$@" "$seeds"
  [ ! -f "$dictionary" ] || set -- "$@" "-dict=$dictionary"
  if "$fuzzer" -max_total_time="$seconds" -timeout=60 -artifact_prefix="$folder/$name-" \
    -verbosity=0 -print_final_stats=1 "$@" 2>"$folder/$name.log"; then
    echo "PASS $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$name.log") runs"
  else
    cat "$folder/$name.log"
    echo "FAIL $name"
    status=1
  fi
done
exit "$status"
