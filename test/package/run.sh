#!/bin/sh
# usage: run.sh [CASE...]
#
# Builds small projects that use Maty in every way a project can, starts Maty
# in each and has a session run. What they depend on is the working tree as it
# is, put into a fresh git repository. Nothing is fetched: home is empty, and
# the rebar3 projects see no Elixir, the mix projects no rebar3.
# shellcheck disable=SC2317 # a case is called by its name
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -gt 0 ] || set -- rebar3_git rebar3_checkouts rebar3_plugin rebar3_refresh rebar3_release mix_path mix_git iex mix_release

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/home" "$work/maty"
export HOME="$work/home" GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test
# A user's build is not this repository's.
unset WERROR MIX_ENV MAKEFLAGS MFLAGS MAKELEVEL

# path_without COMMAND...: prints a PATH on which all other commands are.
path_without() {
  folder=$(mktemp -d -p "$work")
  IFS=:
  for from in $PATH; do
    ln -s "$from"/* "$folder" 2>/dev/null
  done
  unset IFS
  for command; do
    rm -f "$folder/$command"
  done
  echo "$folder"
}

snapshot() {
  cd "$root" || return
  git -c safe.directory="$root" ls-files -co --exclude-standard | while IFS= read -r file; do
    [ ! -e "$file" ] || printf '%s\n' "$file"
  done | tar -cf - -T - | tar -xf - -C "$work/maty"
  cd "$work/maty" || return
  git init -q -b main && git add -A && git commit -q -m snapshot
}

# What every project runs: a session of a protocol that is embedded when the
# project is compiled.
probe() {
  cat >src/hello.scr <<'SCRIBBLE'
global protocol Hello(role Alice, role Bob) {
  hello(string) from Alice to Bob;
}
SCRIBBLE
  cat >src/probe.erl <<'ERLANG'
-module(probe).
-behaviour(maty_actor).
-compile({parse_transform, maty_transform}).
-maty_protocol({file, "hello.scr"}).
-export([run/0, init_actor/1, init_session/2]).

run() ->
    {ok, _} = application:ensure_all_started(maty),
    {ok, AccessPoint} = maty_access_point:start_link(?MODULE),
    [{ok, _} = maty_actor:start_link(?MODULE, {Role, AccessPoint, self()}) || Role <- ['Alice', 'Bob']],
    receive
        {heard, Text} -> io:format("~n~ts~n", [Text])
    after 60000 ->
        exit(no_session)
    end.

init_actor({Role, AccessPoint, _} = Actor) ->
    maty:register(AccessPoint, Role),
    {ok, Actor}.

init_session(_Session, {'Alice', _, _} = Actor) ->
    maty:send('Bob', {hello, <<"probe: a session ran">>}),
    {done, normal, Actor};
init_session(_Session, {'Bob', _, Caller} = Actor) ->
    {ok, fun hello/2, Caller, Actor}.

hello({hello, Text}, Caller) ->
    Caller ! {heard, Text},
    {done, normal, Caller}.
ERLANG
}

rebar3_project() {
  probe
  cat >src/probe.app.src <<'ERLANG'
{application, probe, [{vsn, "1"}, {applications, [kernel, stdlib, maty]}]}.
ERLANG
}

rebar3_git() {
  rebar3_project
  echo "{deps, [{maty, {git, \"file://$work/maty\", {branch, \"main\"}}}]}." >rebar.config
  rebar3 compile
  erl -noshell -pa _build/default/lib/*/ebin -eval 'probe:run(), halt().'
}

rebar3_checkouts() {
  rebar3_project
  echo '{deps, [maty]}.' >rebar.config
  mkdir _checkouts
  cp -r "$work/maty" _checkouts/maty
  rebar3 compile
  erl -noshell -pa _build/default/lib/*/ebin _build/default/checkouts/*/ebin \
    -eval 'probe:run(), halt().'
}

# Maty as a plugin: what is right passes, and an Alice that says something else does not.
rebar3_plugin() {
  rebar3_project
  sed -i "/^-maty_protocol/a -maty([{protocol, probe}, {role, ['Alice', 'Bob']}, {check, warn}])." src/probe.erl
  cat >rebar.config <<CONFIG
{deps, [{maty, {git, "file://$work/maty", {branch, "main"}}}]}.
{project_plugins, [{maty, {git, "file://$work/maty", {branch, "main"}}}]}.
{provider_hooks, [{post, [{compile, {maty, check}}]}]}.
CONFIG
  rebar3 maty check
  erl -noshell -pa _build/default/lib/*/ebin -eval 'probe:run(), halt().'
  sed -i "s/{check, warn}/{check, error}/; s/-compile.*//; s/-maty_protocol.*//; s/{protocol, probe}/{protocol, {file, \"hello.scr\"}}/; s/{hello, <<\"probe/{hallo, <<\"probe/" src/probe.erl
  # rebar3 compares seconds, and the first compilation may have been in this one.
  touch -d '1 minute' src/probe.erl
  if rebar3 compile; then return 1; fi
  sed -i '/provider_hooks/d' rebar.config
  if QUIET=1 rebar3 maty check --json >found; then return 1; fi
  cat found
  grep -q '^{"severity":"error","class":"bad-send",.*"source":".*src/probe.erl","line":[0-9]*,"column":[0-9]*,' found
}

# Another protocol, and nothing else: what embeds it and what plays a role of it, which is
# compiled first, are compiled again.
rebar3_refresh() {
  rebar3_project
  sed -i "s/^-maty_protocol.*/-maty([{protocol, wording}, {role, ['Alice', 'Bob']}])./; s/maty_access_point:start_link(?MODULE)/maty_access_point:start_link(wording)/" src/probe.erl
  cat >src/wording.erl <<'ERLANG'
-module(wording).
-compile({parse_transform, maty_transform}).
-maty_protocol({file, "hello.scr"}).
ERLANG
  cat >rebar.config <<CONFIG
{deps, [{maty, {git, "file://$work/maty", {branch, "main"}}}]}.
{project_plugins, [{maty, {git, "file://$work/maty", {branch, "main"}}}]}.
{provider_hooks, [{pre, [{compile, {maty, refresh}}]}]}.
CONFIG
  rebar3 compile
  erl -noshell -pa _build/default/lib/*/ebin -eval 'probe:run(), halt().'
  sed -i 's/hello(string)/greet(string)/' src/hello.scr
  if rebar3 compile >said; then return 1; fi
  cat said
  grep -q 'Alice sends hello/1 to Bob' said
  sed -i 's/{hello, </{greet, </; s/hello({hello,/hello({greet,/' src/probe.erl
  rebar3 compile
  erl -noshell -pa _build/default/lib/*/ebin -eval 'probe:run(), halt().'
}

rebar3_release() {
  rebar3_project
  cat >rebar.config <<CONFIG
{deps, [{maty, {git, "file://$work/maty", {branch, "main"}}}]}.
{relx, [{release, {probe, "1"}, [probe]}, {mode, prod}, {extended_start_script, false}]}.
CONFIG
  rebar3 release
  ls _build/default/rel/probe/lib/maty-*/ebin/maty.appup
  _build/default/rel/probe/bin/probe -noshell -eval 'probe:run(), halt().'
}

# mix_project DEPENDENCY
mix_project() {
  probe
  cat >mix.exs <<CONFIG
defmodule Probe.MixProject do
  use Mix.Project
  def project, do: [app: :probe, version: "1.0.0", deps: [{:maty, $1}]]
end
CONFIG
}

mix_path() {
  mix_project "path: \"$work/maty\""
  mix run -e ':probe.run()'
}

mix_git() {
  mix_project "git: \"$work/maty\", branch: \"main\""
  mix deps.get
  mix run -e ':probe.run()'
}

iex() {
  mix_project "path: \"$work/maty\""
  echo ':probe.run()' | command iex -S mix
}

mix_release() {
  mix_project "path: \"$work/maty\""
  MIX_ENV=prod mix release --quiet
  ls _build/prod/rel/probe/lib/maty-*/ebin/maty.appup
  _build/prod/rel/probe/bin/probe eval ':probe.run()'
}

snapshot || exit
no_elixir=$(path_without elixir elixirc iex mix)
no_rebar3=$(path_without rebar3)
status=0
for case; do
  case $case in rebar3*) path=$no_elixir ;; *) path=$no_rebar3 ;; esac
  mkdir -p "$work/$case/src"
  log=$work/$case.log
  begin=$(date +%s)
  (
    cd "$work/$case"
    PATH=$path
    set -ex
    "$case"
  ) >"$log" 2>&1 </dev/null
  result=$?
  if [ "$result" -eq 0 ] && grep -q '^probe: a session ran$' "$log"; then
    echo "PASS $case ($(($(date +%s) - begin)) s)"
  else
    cat "$log"
    printf '\nFAIL %s\n' "$case"
    status=1
  fi
done
exit "$status"
