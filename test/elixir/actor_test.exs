defmodule Maty.ActorTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureIO
  import ExUnit.CaptureLog

  defmodule Talk do
    use Maty.Protocol,
      string: """
      global protocol Talk(role Asker, role Teller) {
        ask(term: any) from Asker to Teller;
        tell(any) from Teller to Asker;
      }
      """
  end

  # Tells the test what its callbacks get, and answers what the test wants: the
  # argument is a map of functions by callback, and the test.
  defmodule Any do
    use Maty.Actor

    @impl true
    def init_actor(%{init_actor: fun} = actor), do: fun.(actor)

    def init_actor(actor) do
      with %{ap: ap, role: role} <- actor, do: Maty.register(ap, role)
      {:ok, actor}
    end

    @impl true
    def init_session(session, %{init_session: fun} = actor), do: fun.(session, actor)

    def init_session(%{role: :Teller}, actor), do: {:ok, &ask/2, actor.test, actor}

    def init_session(%{role: :Asker}, actor) do
      Maty.send(:Teller, {:ask, self()})
      {:ok, &tell/2, actor.test, actor}
    end

    def ask({:ask, _}, test) do
      send(test, :asked)
      Maty.send(:Asker, {:tell, :nothing})
      {:done, :told, test}
    end

    def tell({:tell, answer}, test) do
      send(test, {:told, answer})
      {:done, :heard, test}
    end

    @impl true
    def setup_actor(_session, %{setup_actor: value}), do: value

    def setup_actor(session, actor) do
      send(actor.test, {:setup_actor, session})
      {:ok, actor}
    end

    @impl true
    def terminate_session(ending, session, local, actor) do
      send(actor.test, {:terminate_session, ending, session, local})
      if actor[:stop], do: {:stop, actor.stop, actor}, else: {:ok, actor}
    end

    @impl true
    def handle_call(:later, from, actor) do
      send(actor.test, :called)
      {:noreply, Map.put(actor, :from, from)}
    end

    def handle_call({:return, value}, _from, _actor), do: value
    def handle_call({:with, fun}, _from, actor), do: fun.(actor)

    @impl true
    def handle_cast(:answer, actor) do
      Maty.Actor.reply(actor.from, :answer)
      {:noreply, actor}
    end

    def handle_cast({:return, value}, _actor), do: value

    @impl true
    def handle_info({:return, value}, _actor), do: value

    def handle_info(message, actor) do
      send(actor.test, {:info, message})
      {:noreply, actor}
    end

    @impl true
    def handle_continue(term, actor) do
      send(actor.test, {:continue, term})
      {:noreply, actor}
    end

    @impl true
    def terminate(reason, actor) do
      send(actor.test, {:terminate, reason})
    end

    @impl true
    def code_change(old, actor, extra), do: {:ok, Map.put(actor, :changed, {old, extra})}
  end

  defmodule Plain do
    # Has no callback that is optional.
    use Maty.Actor

    @impl true
    def init_actor({ap, role}) do
      Maty.register(ap, role)
      {:ok, role}
    end

    @impl true
    def init_session(_session, role), do: {:ok, fn _, _ -> :noreply end, nil, role}
  end

  defp access_point(_), do: [ap: start_supervised!({Maty.AccessPoint, protocol: Talk})]

  defp start(actor) do
    actor = Map.put_new(actor, :test, self())
    start_supervised!(Supervisor.child_spec({Any, actor}, id: make_ref(), restart: :temporary))
  end

  # Nothing tells when a process has gone to sleep.
  defp wait_until_hibernated(actor) do
    case Process.info(actor, :current_function) do
      {:current_function, {:erlang, :hibernate, 3}} -> :ok
      {:current_function, _} -> wait_until_hibernated(actor)
    end
  end

  describe "init_actor" do
    test "returns the state" do
      assert Maty.Actor.call(start(%{a: 1}), {:with, &{:reply, &1.a, &1}}) == 1
    end

    test "continues" do
      start(%{init_actor: &{:ok, &1, {:continue, :more}}})
      assert_receive {:continue, :more}
    end

    test "sets a timeout" do
      start(%{init_actor: &{:ok, &1, 0}})
      assert_receive {:info, :timeout}
    end

    test "hibernates" do
      actor = start(%{init_actor: &{:ok, &1, :hibernate}})
      wait_until_hibernated(actor)
      assert Maty.Actor.call(actor, {:with, &{:reply, :awake, &1}}) == :awake
    end

    test "ignores" do
      assert Maty.Actor.start_link(Any, %{init_actor: fn _ -> :ignore end}) == :ignore
    end

    test "stops" do
      stop = %{init_actor: fn _ -> {:stop, :no_way} end}
      assert Maty.Actor.start(Any, stop) == {:error, :no_way}
      assert Maty.Actor.start(Any, stop, name: :maty_no_way) == {:error, :no_way}
      assert Process.whereis(:maty_no_way) == nil
    end

    test "raises" do
      fun = fn _ -> raise "no" end

      assert capture_log(fn ->
               assert {:error, {%RuntimeError{message: "no"}, [_ | _]}} =
                        Maty.Actor.start(Any, %{init_actor: fun})
             end)
    end

    test "returns what it may not" do
      assert Maty.Actor.start(Any, %{init_actor: fn _ -> :yes end}) ==
               {:error, {:bad_return_value, :yes}}
    end

    test "names an access point or a role that is not there" do
      ap = start_supervised!({Maty.AccessPoint, protocol: Talk})

      assert {:error, {%Maty.Error{} = error, [{Plain, :init_actor, 1, _} | _]}} =
               Maty.Actor.start(Plain, {ap, :Talker})

      assert Exception.message(error) ==
               "there is no role :Talker at this access point; its protocol has :Asker, :Teller"

      assert {:error, {%Maty.Error{} = error, _}} =
               Maty.Actor.start(Plain, {:maty_nowhere, :Asker})

      assert Exception.message(error) ==
               "there is no access point :maty_nowhere; " <>
                 "it is started before the actors that register there"
    end
  end

  describe "a session" do
    setup :access_point

    test "runs the callbacks of each role, in order", %{ap: ap} do
      teller = start(%{ap: ap, role: :Teller})
      asker = start(%{ap: ap, role: :Asker})
      assert_receive {:setup_actor, %{role: :Teller} = session}
      assert_receive {:setup_actor, %{role: :Asker, id: id}}

      assert session == %{
               id: id,
               role: :Teller,
               protocol: :Talk,
               access_point: ap,
               participants: %{Asker: asker, Teller: teller}
             }

      test = self()
      assert_receive :asked
      assert_receive {:told, :nothing}
      assert_receive {:terminate_session, {:done, :told}, ^session, ^test}
      assert_receive {:terminate_session, {:done, :heard}, %{role: :Asker, id: ^id}, ^test}
    end

    test "can be done in init_session", %{ap: ap} do
      done = fn _session, actor ->
        {:done, :no_interest, actor}
      end

      Process.flag(:trap_exit, true)

      log =
        capture_log(fn ->
          {:ok, pid} =
            Maty.Actor.start_link(Any, %{ap: ap, role: :Teller, init_session: done, test: self()})

          start(%{ap: ap, role: :Asker})
          assert_receive {:EXIT, ^pid, {{:protocol_violation, %{reason: :unfinished}}, _}}
        end)

      assert log =~
               "is done before the end of the protocol; allowed here:\n    ask(term: any) from Asker"

      # The other one hears of it.
      assert_receive {:terminate_session, {:failed, {:cancelled, :Teller}}, %{role: :Asker}, _}
    end

    test "is over in init_session for a role that only sends" do
      text = "global protocol Note(role A, role B) { note(string) from A to B; }"
      ap = start_supervised!({Maty.AccessPoint, protocol: {:string, text}}, id: :note)

      note = fn _session, actor ->
        Maty.send(:B, {:note, "hello"})
        {:done, :written, actor}
      end

      read = fn _session, actor ->
        {:ok, fn {:note, text}, test -> send(test, {:read, text}) && {:done, :read, test} end,
         actor.test, actor}
      end

      start(%{ap: ap, role: :A, init_session: note})
      start(%{ap: ap, role: :B, init_session: read})
      assert_receive {:read, "hello"}
      assert_receive {:terminate_session, {:done, :written}, %{role: :A}, :undefined}
      assert_receive {:terminate_session, {:done, :read}, %{role: :B}, _}
    end

    test "stops the actor if terminate_session says so", %{ap: ap} do
      pid = start(%{ap: ap, role: :Teller, stop: :normal})
      monitor = Process.monitor(pid)
      start(%{ap: ap, role: :Asker})
      assert_receive {:DOWN, ^monitor, :process, ^pid, :normal}
    end

    test "keeps handler and state with :noreply" do
      text = """
      global protocol Count(role A, role B) {
        rec L { choice at A { one() from A to B; continue L; } or { stop() from A to B; } }
      }
      """

      ap = start_supervised!({Maty.AccessPoint, protocol: {:string, text}}, id: :count)

      count = fn
        {:one}, test ->
          send(test, :one)
          :noreply

        {:stop}, test ->
          send(test, :stop)
          {:done, :normal, test}
      end

      send_all = fn _session, actor ->
        for label <- [:one, :one, :stop], do: Maty.send(:B, {label})
        {:done, :normal, actor}
      end

      start(%{ap: ap, role: :B, init_session: fn _, actor -> {:ok, count, actor.test, actor} end})
      start(%{ap: ap, role: :A, init_session: send_all})
      assert_receive :one
      assert_receive :one
      assert_receive :stop
    end

    test "fails for those who wait for an actor that crashed", %{ap: ap} do
      waits = fn _, actor -> {:ok, fn _, _ -> raise "oh no" end, nil, actor} end

      log =
        capture_log(fn ->
          pid = start(%{ap: ap, role: :Teller, init_session: waits})
          monitor = Process.monitor(pid)
          asker = start(%{ap: ap, role: :Asker})
          assert_receive {:terminate, {%RuntimeError{message: "oh no"}, _}}
          assert_receive {:DOWN, ^monitor, :process, ^pid, {%RuntimeError{message: "oh no"}, _}}

          assert_receive {:terminate_session, {:failed, {:cancelled, :Teller}},
                          %{role: :Asker, id: id}, _}

          assert Maty.sessions(asker) == []
          send(self(), {:ended, pid, id})
        end)

      assert_receive {:ended, pid, id}

      assert log =~
               "#{inspect(pid)} (Maty.ActorTest.Any) ended in session #{Maty.format_session(id)} " <>
                 "of Talk as Teller\n** (RuntimeError) oh no\n"
    end

    test "says what setup_actor returned that it may not", %{ap: ap} do
      log =
        capture_log(fn ->
          pid = start(%{ap: ap, role: :Teller, setup_actor: :yes})
          monitor = Process.monitor(pid)
          start(%{ap: ap, role: :Asker})
          assert_receive {:DOWN, ^monitor, :process, ^pid, {{:bad_return_value, :yes}, _}}, 30_000
        end)

      assert log =~
               "of Talk as Teller\n** (exit) setup_actor returned :yes; it returns {:ok, state}"
    end

    test "says what handle_info returned that it may not" do
      log =
        capture_log(fn ->
          pid = start(%{})
          monitor = Process.monitor(pid)
          send(pid, {:return, :yes})
          assert_receive {:DOWN, ^monitor, :process, ^pid, {:bad_return_value, :yes}}, 30_000
        end)

      assert log =~ "(Maty.ActorTest.Any) ended\n** (exit) handle_info returned :yes\n"
    end

    test "says what a callback or a handler returned that it may not", %{ap: ap} do
      waits = fn _, _ -> :yes end

      for {init_session, reason, text} <- [
            {fn _, _ -> :yes end, {:bad_return_value, :yes},
             "** (exit) init_session returned :yes; it returns {:ok, handler, session_state, state}"},
            {fn _, actor -> {:ok, waits, nil, actor} end, {:bad_handler_return, waits, :yes},
             "** (exit) #{inspect(waits)} returned :yes; a handler returns {:suspend, handler, "},
            {fn _, actor -> {:ok, waits, nil, actor, timeot: 1} end,
             {:unknown_option, :timeot, [:on_failure, :timeout]},
             "** (exit) a suspension: unknown option: :timeot; the options are :on_failure, :timeout"},
            {fn _, actor -> {:ok, waits, nil, actor, timeout: -1} end,
             {:bad_option, :timeout, -1, 'milliseconds, up to 2^32 - 1, or \'infinity\''},
             "** (exit) a suspension: expected :timeout to be milliseconds, up to 2^32 - 1, or " <>
               ":infinity, got: -1"}
          ] do
        log =
          capture_log(fn ->
            pid = start(%{ap: ap, role: :Teller, init_session: init_session})
            monitor = Process.monitor(pid)
            start(%{ap: ap, role: :Asker})
            assert_receive {:DOWN, ^monitor, :process, ^pid, {^reason, _}}
          end)

        assert log =~ text
      end
    end
  end

  describe "ordinary messages" do
    test "calls" do
      actor = start(%{})
      assert Maty.Actor.call(actor, {:with, &{:reply, 1, &1}}) == 1
      assert GenServer.call(actor, {:with, &{:reply, 2, &1}}) == 2
      assert Maty.Actor.call(actor, {:with, &{:reply, 3, &1, {:continue, :then}}}, 60_000) == 3
      assert_receive {:continue, :then}
      assert Maty.Actor.call(actor, {:with, &{:reply, 4, &1, 0}}) == 4
      assert_receive {:info, :timeout}
    end

    test "a call that is answered later" do
      actor = start(%{})
      task = Task.async(fn -> Maty.Actor.call(actor, :later) end)
      assert_receive :called
      Maty.Actor.cast(actor, :answer)
      assert Task.await(task, :infinity) == :answer
    end

    test "a call that ends the actor" do
      actor = start(%{})
      monitor = Process.monitor(actor)
      state = %{test: self()}
      assert Maty.Actor.call(actor, {:return, {:stop, :shutdown, :bye, state}}) == :bye
      assert_receive {:terminate, :shutdown}
      assert_receive {:DOWN, ^monitor, :process, ^actor, :shutdown}
    end

    test "a cast or a message that ends the actor" do
      state = %{test: self()}

      for {how, fun} <- [cast: &Maty.Actor.cast/2, info: &send/2] do
        actor = start(%{})
        monitor = Process.monitor(actor)
        fun.(actor, {:return, {:stop, {:shutdown, how}, state}})
        assert_receive {:terminate, {:shutdown, ^how}}
        assert_receive {:DOWN, ^monitor, :process, ^actor, {:shutdown, ^how}}
      end
    end

    test "messages" do
      send(start(%{}), :hello)
      assert_receive {:info, :hello}
    end

    test "a message for an actor without handle_info is logged" do
      ap = start_supervised!({Maty.AccessPoint, protocol: Talk})

      log =
        capture_log(fn ->
          actor = start_supervised!({Plain, {ap, :Asker}})
          send(actor, {:hello, "you"})
          assert Maty.sessions(actor) == []
          send(self(), {:actor, actor})
        end)

      assert_receive {:actor, actor}

      assert log =~
               "#{inspect(actor)} (Maty.ActorTest.Plain) got a message and has no handle_info/2: " <>
                 "{:hello, \"you\"}\n"
    end

    test "no message is sent to a role from an ordinary callback" do
      actor = start(%{})

      call = fn actor ->
        error = assert_raise Maty.ProtocolError, fn -> Maty.send(:Teller, {:ask, 1}) end
        {:reply, {error.reason, Maty.session()}, actor}
      end

      assert Maty.Actor.call(actor, {:with, call}) == {:no_session, nil}
    end
  end

  describe "names" do
    test "an atom" do
      {:ok, actor} = Maty.Actor.start_link(Any, %{test: self()}, name: :maty_by_atom)
      assert Process.whereis(:maty_by_atom) == actor
      assert Maty.sessions(:maty_by_atom) == []

      assert Maty.Actor.start_link(Any, %{test: self()}, name: :maty_by_atom) ==
               {:error, {:already_started, actor}}
    end

    test "global" do
      name = {:global, :maty_by_term}
      {:ok, actor} = Maty.Actor.start_link(Any, %{test: self()}, name: name)
      assert GenServer.whereis(name) == actor
      assert Maty.Actor.call(name, {:with, &{:reply, :here, &1}}) == :here
      assert Maty.sessions(name) == []
    end

    test "a registry" do
      start_supervised!({Registry, keys: :unique, name: Maty.ActorTest.Registry})
      name = {:via, Registry, {Maty.ActorTest.Registry, "one"}}
      {:ok, actor} = Maty.Actor.start_link(Any, %{test: self()}, name: name)
      assert GenServer.whereis(name) == actor
      assert Maty.Actor.stop(name) == :ok
      assert_receive {:terminate, :normal}
    end

    test "none" do
      assert {:ok, _} = Maty.Actor.start_link(Any, %{test: self()}, name: nil)
    end
  end

  describe "options" do
    test "a wrong one is named" do
      error = assert_raise ArgumentError, fn -> Maty.Actor.start_link(Any, nil, naem: :x) end

      assert error.message ==
               "Maty.Actor.start_link/3: unknown option: :naem; the options are :name, :timeout, " <>
                 ":debug, :spawn_opt, :hibernate_after, :on_raise, :max_waiting"

      error = assert_raise ArgumentError, fn -> Maty.Actor.start(Any, nil, :x) end
      assert error.message == "Maty.Actor.start/3: expected keyword options, got: :x"

      error = assert_raise ArgumentError, fn -> Maty.Actor.start(Any, nil, name: "x") end

      assert error.message ==
               "Maty.Actor.start/3: expected :name to be an atom, {:global, term} or " <>
                 "{:via, module, term}, got: \"x\""

      error = assert_raise ArgumentError, fn -> Maty.Actor.start(Any, nil, name: :a, name: :b) end

      assert error.message =~ "Maty.Actor.start/3: option given twice: :name; the options are"

      error = assert_raise ArgumentError, fn -> Maty.Actor.start(Any, nil, max_waiting: 0) end

      assert error.message ==
               "Maty.Actor.start/3: expected :max_waiting to be a number from 1 on, or " <>
                 ":infinity, got: 0"
    end

    test "a wrong one of use is named" do
      wrong =
        quote do
          defmodule Wrong do
            use Maty.Actor, protocl: Talk, role: :Asker
          end
        end

      error = assert_raise ArgumentError, fn -> Code.eval_quoted(wrong) end

      assert error.message ==
               "use Maty.Actor: unknown option: :protocl; the options are :protocol, :role, " <>
                 ":roles, :check, :id, :start, :restart, :shutdown, :type, :modules, " <>
                 ":significant, :timeout, :debug, :spawn_opt, :hibernate_after, :on_raise, " <>
                 ":max_waiting"
    end

    test "hibernate_after" do
      {:ok, actor} = Maty.Actor.start_link(Any, %{test: self()}, hibernate_after: 1)
      wait_until_hibernated(actor)
      send(actor, :hello)
      assert_receive {:info, :hello}
    end

    test "timeout" do
      assert Maty.Actor.start(Any, %{init_actor: fn _ -> Process.sleep(:infinity) end}, timeout: 1) ==
               {:error, :timeout}
    end

    test "debug and spawn_opt" do
      {:ok, actor} =
        Maty.Actor.start_link(Any, %{test: self()},
          debug: [:statistics],
          spawn_opt: [priority: :high]
        )

      assert {:ok, statistics} = :sys.statistics(actor, :get)
      assert Keyword.has_key?(statistics, :messages_in)
      assert Process.info(actor, :priority) == {:priority, :high}
    end
  end

  describe "sys" do
    setup :access_point

    test "shows and replaces the state, of the actor and of its sessions", %{ap: ap} do
      waits = fn _, actor -> {:ok, &Any.ask/2, :nobody, actor} end
      teller = start(%{ap: ap, role: :Teller, init_session: waits})

      # Does not send before the test says so.
      begin = fn _session, actor ->
        receive do
          :begin -> Maty.send(:Teller, {:ask, 1})
        end

        {:ok, &Any.tell/2, actor.test, actor}
      end

      asker = start(%{ap: ap, role: :Asker, init_session: begin})
      assert_receive {:setup_actor, %{role: :Teller, id: id}}
      ask = &Any.ask/2

      assert %{actor_state: %{role: :Teller}, sessions: sessions} = :sys.get_state(teller)
      assert sessions == %{{id, :Teller} => %{next_handler: ask, local_state: :nobody}}

      test = self()

      :sys.replace_state(teller, fn state ->
        put_in(state, [:sessions, {id, :Teller}, :local_state], test)
      end)

      :sys.replace_state(teller, &put_in(&1, [:actor_state, :new], true))
      assert %{actor_state: %{new: true}} = :sys.get_state(teller)
      send(asker, :begin)
      assert_receive :asked
      assert_receive {:told, :nothing}
    end

    test "suspends and resumes", %{ap: ap} do
      teller = start(%{ap: ap, role: :Teller})
      assert Maty.sessions(teller) == []
      :ok = :sys.suspend(teller)
      start(%{ap: ap, role: :Asker})
      assert_receive {:setup_actor, %{role: :Asker}}
      refute_received :asked
      :ok = :sys.resume(teller)
      assert_receive :asked
      assert_receive {:told, :nothing}
    end

    test "changes code" do
      actor = start(%{})
      :ok = :sys.suspend(actor)
      :ok = :sys.change_code(actor, Any, "1", :extra)
      :ok = :sys.resume(actor)
      assert %{actor_state: %{changed: {"1", :extra}}} = :sys.get_state(actor)
    end

    test "traces" do
      test = self()

      output =
        capture_io(fn ->
          {:ok, actor} = Maty.Actor.start_link(Any, %{test: test})
          :ok = :sys.trace(actor, true)
          send(actor, :hello)
          :ok = :sys.trace(actor, false)
          send(test, {:actor, actor})
        end)

      assert_received {:actor, actor}
      pid = :erlang.pid_to_list(actor)
      assert output == "*DBG* #{pid} got hello\n"
      assert_received {:info, :hello}
    end

    test "shows a status" do
      actor = start(%{})

      assert {:status, ^actor, {:module, :maty_actor}, [_dictionary, :running | _]} =
               :sys.get_status(actor)
    end
  end

  describe "under a supervisor" do
    test "a specification of a child" do
      assert Plain.child_spec(:argument) == %{
               id: Plain,
               start: {Plain, :start_link, [:argument]}
             }
    end

    defmodule Temporary do
      use Maty.Actor, restart: :temporary, shutdown: 100, id: :temporary

      @impl true
      def init_actor(argument), do: {:ok, argument}

      @impl true
      def init_session(_session, state), do: {:done, :normal, state}
    end

    test "options of use" do
      assert Temporary.child_spec(1) == %{
               id: :temporary,
               start: {Temporary, :start_link, [1]},
               restart: :temporary,
               shutdown: 100
             }
    end

    defmodule Named do
      use Maty.Actor

      # Takes the place of the one that use defines, for child_spec/1 too.
      def start_link(argument), do: Maty.Actor.start_link(__MODULE__, argument, name: __MODULE__)

      @impl true
      def init_actor(argument), do: {:ok, argument}

      @impl true
      def init_session(_session, state), do: {:done, :normal, state}
    end

    test "start_link/1 can be overridden" do
      pid = start_supervised!({Named, 1})
      assert Process.whereis(Named) == pid
    end

    test "a restarted actor registers for later sessions" do
      ap = start_supervised!({Maty.AccessPoint, protocol: Talk})
      raises = fn _, actor -> {:ok, fn _, _ -> raise "oh no" end, nil, actor} end
      teller = %{ap: ap, role: :Teller, test: self(), init_session: raises}

      {:ok, supervisor} = Supervisor.start_link([{Any, teller}], strategy: :one_for_one)
      [{Any, first, :worker, [Any]}] = Supervisor.which_children(supervisor)
      assert Maty.AccessPoint.waiting(ap) == %{Asker: [], Teller: [first]}

      capture_log(fn ->
        asker = start(%{ap: ap, role: :Asker})
        assert_receive {:terminate, {%RuntimeError{}, _}}
        assert_receive {:terminate_session, {:failed, {:cancelled, :Teller}}, %{role: :Asker}, _}
        assert Maty.sessions(asker) == []
        # The supervisor has seen the end before it answers.
        [{Any, second, :worker, [Any]}] = restarted(supervisor, first)
        assert Maty.AccessPoint.waiting(ap) == %{Asker: [], Teller: [second]}
      end)

      Supervisor.stop(supervisor)
    end

    defp restarted(supervisor, pid) do
      case Supervisor.which_children(supervisor) do
        [{_, ^pid, _, _}] -> restarted(supervisor, pid)
        children -> children
      end
    end

    test "stops in order, with terminate" do
      {:ok, supervisor} = Supervisor.start_link([{Any, %{test: self()}}], strategy: :one_for_one)

      # An actor that does not trap exits is told nothing, as with GenServer.
      [{Any, actor, _, _}] = Supervisor.which_children(supervisor)
      monitor = Process.monitor(actor)
      Supervisor.stop(supervisor)
      assert_receive {:DOWN, ^monitor, :process, ^actor, :shutdown}
      refute_received {:terminate, _}
    end

    test "terminate runs for an actor that traps exits" do
      trap = fn actor ->
        Process.flag(:trap_exit, true)
        {:ok, actor}
      end

      start_supervised!({Any, %{test: self(), init_actor: trap}}, id: :trapping)
      :ok = stop_supervised(:trapping)
      assert_receive {:terminate, :shutdown}
    end
  end

  describe "stop" do
    test "normal, and with a reason" do
      assert Maty.Actor.stop(start(%{})) == :ok
      assert_receive {:terminate, :normal}
      assert Maty.Actor.stop(start(%{}), :shutdown) == :ok
      assert_receive {:terminate, :shutdown}
      assert Maty.Actor.stop(start(%{}), {:shutdown, 1}, 60_000) == :ok
      assert_receive {:terminate, {:shutdown, 1}}
    end
  end
end
