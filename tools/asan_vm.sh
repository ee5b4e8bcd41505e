#!/bin/sh
# usage: asan_vm.sh FOLDER [MODULE...]
#
# Runs the EUnit tests, or those of some modules, in an ordinary VM with a driver
# that is compiled with the address sanitizer. In FOLDER stands the application
# maty with that driver in its priv. +Mea min makes the VM's allocators hand out
# malloc's own blocks, which the sanitizer guards. Leaks are not looked for: the
# VM itself frees nothing at its end.
set -eu
folder=$1
shift
lib=$folder/lib/maty
mkdir -p "$lib/priv" "$folder/tests"
ln -sfn "$PWD/_build/rebar3/test/lib/maty/ebin" "$lib/ebin"
ln -sf "$PWD/_build/c/asan/maty_drv.so" "$lib/priv/maty_drv.so"
erlc -pa "$lib/ebin" -o "$folder/tests" test/*.erl

[ $# -gt 0 ] || set -- test/*_tests.erl
modules=
for file in "$@"; do
  modules="$modules,$(basename "$file" .erl)"
done
runtime="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
ASAN_OPTIONS=detect_leaks=0:handle_segv=0 tools/sanitized.sh "$folder" \
  env LD_PRELOAD="$runtime" erl +Mea min -noshell -pa "$lib/ebin" "$folder/tests" -eval "
    case eunit:test([${modules#,}]) of ok -> halt(0); _ -> halt(1) end."
