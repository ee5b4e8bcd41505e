#!/bin/sh
# usage: symbols.sh LIBRARY DRIVER
#
# Asks nm for what the core promises: it has no variable, defines no name but
# its own, and needs nothing but memory, strings and printing into a buffer.
# The driver shows one name and is complete. Prints what breaks a promise.
set -eu
library=$1 driver=$2
needed='mem(chr|cmp|cpy|move|set)|str(chr|cmp|len|ncmp)|v?snprintf|malloc|calloc|realloc|free'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ld -r --whole-archive -o "$folder/core.o" "$library"
status=0

# promise NAME: standard input is what breaks it.
promise() {
  if grep . >"$folder/broken"; then
    sed 's/^/  /' "$folder/broken"
    echo "FAIL $1"
    status=1
  else
    echo "PASS $1"
  fi
}

# Constants that hold addresses stand in .data.rel.ro, which is read-only once loaded.
nm -f sysv "$folder/core.o" | awk -F'|' '
  $7 ~ /^\*COM\*|^\.(t?data|t?bss)/ && $7 !~ /^\.data\.rel\.ro/ && $4 !~ /SECTION/ { print $1, $7 }' \
  >"$folder/names"
promise "the core has no variables" <"$folder/names"

nm -g --defined-only "$folder/core.o" | awk '$3 !~ /^maty_/ { print $3 }' >"$folder/names"
promise "the core's names begin with maty_" <"$folder/names"

nm -u "$folder/core.o" | awk '{ print $2 }' | { grep -vxE "$needed|_GLOBAL_OFFSET_TABLE_" || true; } \
  >"$folder/names"
promise "the core needs only memory, strings and snprintf" <"$folder/names"

nm -D --defined-only "$driver" | awk '$3 != "driver_init" { print $3 }' >"$folder/names"
promise "the driver shows only driver_init" <"$folder/names"

nm -D -u "$driver" | awk '$2 ~ /^maty_/ { print $2 }' >"$folder/names"
promise "the driver holds all of the core it uses" <"$folder/names"

exit "$status"
