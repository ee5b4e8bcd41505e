%% The library is upgraded by OTP's release handler in a node that is in use, and
%% downgraded: what becomes of sessions, actors, access points and the driver.
%%
%% A release is OTP, SASL and the application maty; there are two that differ in the
%% version of maty. The code of both is the one that is tested, with a function more in
%% each module, by which they differ: a function made by code that has not changed
%% outlives the code. The file maty.appup is the one that is shipped, told to be of the
%% newer version.
-module(maty_release_tests).

-include_lib("eunit/include/eunit.hrl").
-include("maty_protocols.hrl").

-export([in_use/3, busy/3]).

-import(maty_player, [play/3, play/1, next/1, go/1, access_point/1]).

-define(TIMEOUT, 600).

release_test_() ->
    {setup, fun start/0, fun stop/1, fun({_, Versions, Peers}) ->
        [
            {timeout, 2 * ?TIMEOUT, {Name, fun() -> Test(Versions, Peers) end}}
         || {Name, Test} <- [
                {"an upgrade", fun upgraded/2},
                {"a downgrade", fun downgraded/2},
                {"while the checker is at work", fun while_checking/2}
            ]
        ]
    end}.

upgraded({_, New}, Peers) ->
    ok = maty_peers:on_first(Peers, {?MODULE, in_use, [New, up]}, ?TIMEOUT).

downgraded({Old, _}, Peers) ->
    ok = maty_peers:on_first(Peers, {?MODULE, in_use, [Old, down]}, ?TIMEOUT).

while_checking({_, New}, Peers) ->
    ok = maty_peers:on_first(Peers, {?MODULE, busy, [New, query()]}, ?TIMEOUT).

%% The file says the version a second time.
appup_test() ->
    {Vsn, _} = versions(),
    ?assertMatch({ok, [{Vsn, _, _}]}, file:consult(filename:join(ebin(), "maty.appup"))).

%% ----- The releases -----

start() ->
    Folder = filename:join(os:getenv("TMPDIR", "/tmp"), "maty_release_tests." ++ os:getpid()),
    {Old, New} = Versions = versions(),
    lists:foreach(fun(Vsn) -> make_application(Folder, Vsn) end, [Old, New]),
    [OldRelease, NewRelease] = [make_release(Folder, Vsn) || Vsn <- [Old, New]],
    Releases = filename:join(Folder, "releases"),
    Library = filename:join(Folder, "lib"),
    {ok, _, _, []} = systools:make_relup(NewRelease, [OldRelease], [OldRelease], [
        silent,
        {path, [filename:join([Library, "maty-" ++ Vsn, "ebin"]) || Vsn <- [Old, New]]},
        {outdir, filename:dirname(NewRelease)}
    ]),
    ok = release_handler:create_RELEASES(code:root_dir(), Releases, OldRelease ++ ".rel", [
        {maty, Old, Library}
    ]),
    Tests = [Path || Path <- code:get_path(), filename:absname(Path) =/= filename:absname(ebin())],
    {Released, _} =
        First = maty_peers:start_node("maty_released_" ++ os:getpid(), Tests, [
            "-boot", OldRelease, "-sasl", "releases_dir", "\"" ++ Releases ++ "\""
        ]),
    Unpacked = [NewRelease ++ ".rel", [{maty, New, Library}]],
    {ok, New} =
        peer:call(Released, release_handler, set_unpacked, Unpacked, ?TIMEOUT * 1000),
    {Folder, Versions, [First, maty_peers:start_node("maty_other_" ++ os:getpid())]}.

stop({Folder, _, Peers}) ->
    maty_peers:stop(Peers),
    ok = file:del_dir_r(Folder).

ebin() ->
    filename:dirname(code:which(maty_app)).

%% That of the application, and one that there is not yet.
versions() ->
    _ = application:load(maty),
    {ok, Vsn} = application:get_key(maty, vsn),
    [Major, Minor, Patch] = string:lexemes(Vsn, "."),
    Next = integer_to_list(list_to_integer(Patch) + 1),
    {Vsn, lists:append(lists:join(".", [Major, Minor, Next]))}.

make_application(Folder, Vsn) ->
    To = filename:join([Folder, "lib", "maty-" ++ Vsn]),
    Copy = fun(Path) ->
        Copied = filename:join([
            To, filename:basename(filename:dirname(Path)), filename:basename(Path)
        ]),
        ok = filelib:ensure_dir(Copied),
        {ok, _} = file:copy(Path, Copied)
    end,
    _ = Copy(filename:join(code:priv_dir(maty), "maty_drv.so")),
    Ebin = filename:join(To, "ebin"),
    ok = filelib:ensure_path(Ebin),
    lists:foreach(
        fun(Beam) ->
            ok = file:write_file(
                filename:join(Ebin, filename:basename(Beam)), with_version(Beam, Vsn)
            )
        end,
        filelib:wildcard(filename:join(ebin(), "*.beam"))
    ),
    Write = fun(Name, Change) ->
        {ok, [Term]} = file:consult(filename:join(ebin(), Name)),
        write(filename:join(Ebin, Name), Change(Term))
    end,
    Write("maty.app", fun({application, maty, Keys}) ->
        {application, maty, lists:keystore(vsn, 1, Keys, {vsn, Vsn})}
    end),
    Write("maty.appup", fun(Upgrade) -> setelement(1, Upgrade, Vsn) end).

%% A compiled module, and its function release_version/0.
with_version(Beam, Vsn) ->
    {ok, {_, [{abstract_code, {_, [File, {attribute, _, module, _} = Module | Forms]}}]}} =
        beam_lib:chunks(Beam, [abstract_code]),
    Export = {attribute, 1, export, [{release_version, 0}]},
    Function = {function, 1, release_version, 0, [{clause, 1, [], [], [{string, 1, Vsn}]}]},
    {Most, [End]} = lists:split(length(Forms) - 1, Forms),
    {ok, _, Code} = compile:forms([File, Module, Export | Most] ++ [Function, End]),
    Code.

%% Returns the name of its files without what they end on.
make_release(Folder, Vsn) ->
    Name = filename:join([Folder, "releases", Vsn, "start"]),
    ok = filelib:ensure_dir(Name),
    Applications = [{App, version(App)} || App <- [kernel, stdlib, sasl]],
    write(
        Name ++ ".rel",
        {release, {"test", Vsn}, {erts, erlang:system_info(version)}, [{maty, Vsn} | Applications]}
    ),
    {ok, _, []} = systools:make_script(Name, [
        local, silent, no_warn_sasl,
        {path, [filename:join([Folder, "lib", "maty-" ++ Vsn, "ebin"])]},
        {outdir, filename:dirname(Name)}
    ]),
    write(filename:join(filename:dirname(Name), "sys.config"), []),
    Name.

version(App) ->
    _ = application:load(App),
    {ok, Vsn} = application:get_key(App, vsn),
    Vsn.

write(Path, Term) ->
    ok = file:write_file(Path, io_lib:format("~tp.~n", [Term])).

%% ----- In the node that is upgraded -----

%% Everything there is of a user's, in sessions and out of them.
in_use([_, Other], Vsn, Direction) ->
    Kept = [whereis(Name) || Name <- users(Direction)],
    AccessPoint = access_point(?REQUEST),
    Again = [wait, {send, 'Client', {answer, 2}}],
    Waiting = play([{AccessPoint, 'Server', [wait]}, {AccessPoint, 'Server', Again}]),
    Busy = play(AccessPoint, 'Client', [pause]),
    {paused, 'Client'} = next(Busy),
    %% One that is still in its handler when the release is made permanent.
    Second = access_point(?REQUEST),
    Far = maty_player:play_on(Other, [
        {Second, 'Server', [begun, wait]}, {Second, 'Server', Again}
    ]),
    Endless = play(Second, 'Client', [pause]),
    {paused, 'Client'} = next(Endless),
    {begun, 'Server'} = next(Far),
    ok = maty_event:subscribe(session_failed),
    ok = install(Vsn),
    %% Sessions have ended.
    ?assertEqual({ended, 'Server', {failed, engine_down}}, next(Waiting)),
    ?assertEqual({ended, 'Server', {failed, {cancelled, 'Client'}}}, next(Far)),
    go(Busy),
    ?assertEqual({ended, 'Client', {failed, engine_down}}, next(Busy)),
    %% Nobody but who is in a handler runs what was loaded before.
    ok = maty_player:until(fun() -> old_code() =:= [Endless] end),
    Monitor = erlang:monitor(process, Endless),
    ok = release_handler:make_permanent(Vsn),
    receive
        {'DOWN', Monitor, process, Endless, Reason} -> ?assertEqual(killed, Reason)
    end,
    ?assertEqual(Kept, [whereis(Name) || Name <- users()]),
    %% Registrations that waited have been made again, and sessions begin.
    ok = play_again(AccessPoint, Waiting),
    ok = play_again(Second, Far),
    ?assertEqual({ok, done}, maty_breaker:run(test_breaker, fun() -> done end)),
    ok = event_of_failure(),
    ok = maty_event:unsubscribe(session_failed),
    lists:foreach(fun maty_player:stop/1, [Waiting, Busy, Far]),
    maty_player:settled().

%% What users have under their supervisors, beside actors; started once, and then there
%% for all tests.
users(up) ->
    {ok, Supervisor} = maty_escalation:start_link(#{
        name => test_escalation,
        children => [
            maty_access_point:child_spec(#{
                protocol => {string, ?REQUEST}, name => test_access_point
            }),
            maty_breaker:child_spec(test_breaker),
            maty_mailbox:child_spec(#{name => test_mailbox}),
            maty_backoff:child_spec(
                #{
                    id => actor,
                    start =>
                        {maty_actor, start_link, [
                            {local, test_actor}, maty_otp_supervisor, none, []
                        ]}
                },
                #{name => test_backoff}
            )
        ]
    }),
    true = unlink(Supervisor),
    users();
users(down) ->
    users().

users() ->
    [test_escalation, test_access_point, test_breaker, test_mailbox, test_backoff, test_actor].

install(Vsn) ->
    Ports = maty_engine:port_count(),
    {ok, Before} = application:get_key(maty, vsn),
    ?assertNotEqual(Vsn, Before),
    {ok, _, _} = release_handler:install_release(Vsn),
    ?assertEqual({ok, Vsn}, application:get_key(maty, vsn)),
    ?assertEqual([], loaded_from(Before)),
    ?assertEqual([Vsn], lists:usort([Module:release_version() || Module <- loaded_from(Vsn)])),
    ?assertEqual([filename:join(code:priv_dir(maty), "maty_drv.so")], drivers()),
    ?assertEqual(Ports, length([Port || Port <- erlang:ports(), is_engine(Port)])).

loaded_from(Vsn) ->
    Folder = "/maty-" ++ Vsn ++ "/",
    [
        Module
     || {Module, [_ | _] = File} <- code:all_loaded(), string:find(File, Folder) =/= nomatch
    ].

%% The files of the driver that are part of the process.
drivers() ->
    {ok, Maps} = file:read_file("/proc/self/maps"),
    Files = [
        lists:last(string:lexemes(Line, " "))
     || Line <- string:lexemes(binary_to_list(Maps), "\n")
    ],
    lists:usort([File || File <- Files, filename:basename(File) =:= "maty_drv.so"]).

is_engine(Port) ->
    case erlang:port_info(Port, name) of
        {name, "maty_drv" ++ _} -> true;
        _ -> false
    end.

%% Processes that a purge would kill.
old_code() ->
    Modules = [Module || {Module, _} <- code:all_loaded(), erlang:check_old_code(Module)],
    [
        Pid
     || Pid <- erlang:processes(),
        lists:any(fun(Module) -> erlang:check_process_code(Pid, Module) =:= true end, Modules)
    ].

play_again(AccessPoint, Server) ->
    Client = play(AccessPoint, 'Client', [{send, 'Server', {ask, 2}}, wait]),
    ?assertEqual({got, 'Server', {ask, 2}}, next(Server)),
    ?assertEqual({ended, 'Server', {done, normal}}, next(Server)),
    ?assertEqual({got, 'Client', {answer, 2}}, next(Client)),
    ?assertEqual({ended, 'Client', {done, normal}}, next(Client)),
    maty_player:stop(Client).

%% Who has subscribed is told.
event_of_failure() ->
    AccessPoint = access_point(?REQUEST),
    Server = play(AccessPoint, 'Server', [wait]),
    Client = play(AccessPoint, 'Client', [pause]),
    {paused, 'Client'} = next(Client),
    ok = maty_player:kill(Client),
    ?assertEqual({ended, 'Server', {failed, {cancelled, 'Client'}}}, next(Server)),
    receive
        {maty_event, session_failed, #{actor := Server}} -> ok
    after 30000 -> error(no_event)
    end,
    maty_player:stop(Server).

%% A question to the checker that takes longer than the engine is given to end. The
%% driver can be unloaded only then.
busy([_, _], Vsn, Text) ->
    {ok, Protocol} = maty_protocol:from_string(Text),
    {Asker, Monitor} = spawn_monitor(fun() ->
        exit(maty_protocol:compatible(Protocol, 20, #{timeout => 7000}))
    end),
    ok = maty_player:until(fun() ->
        {current_function, {maty_engine, request, 3}} =:= process_info(Asker, current_function)
    end),
    ok = install(Vsn),
    receive
        {'DOWN', Monitor, process, Asker, Answer} ->
            ?assertEqual({error, {engine, engine_down}}, Answer)
    end,
    AccessPoint = access_point(?REQUEST),
    play_again(AccessPoint, play(AccessPoint, 'Server', [wait, {send, 'Client', {answer, 2}}])).

%% Forty roles that answer in any order, over and over.
query() ->
    Roles = lists:seq(1, 40),
    Each = fun(Format, Number) -> [io_lib:format(Format, [Number, Role]) || Role <- Roles] end,
    Round = fun(Number) ->
        [Each("go~b() from C to A~b; ", Number), Each("back~b() from A~b to C; ", Number)]
    end,
    [
        "global protocol Rounds(role C", [io_lib:format(", role A~b", [Role]) || Role <- Roles],
        ") { rec Again { choice at C { ", Round(0), "continue Again; } or { ", Round(1), "} } }"
    ].
