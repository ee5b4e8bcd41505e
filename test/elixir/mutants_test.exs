defmodule Maty.MutantsTest do
  # Breaks the handlers of the examples, one thing at a time, in their abstract code: a
  # send, its receiver, its label or a field; a handler that waits or is held, and with
  # what it is gone on with; how a handler ends; a clause. Each mutant is checked, and run
  # with the other actors as they are, and alone, with partners that are made from the
  # protocol, so that it comes to what was changed. It goes wrong if anything is refused
  # or somebody crashes; then it has to be caught before. If it does not, it must not be.
  use ExUnit.Case, async: false

  @moduletag :tmp_dir
  @moduletag timeout: 600_000

  # ----- The examples -----

  # Each: what compiles its modules; functions that run all of it; and of each module that
  # plays a role, the options of maty_testing for it, if it can play alone.
  defp examples(dir) do
    books = ["Types and Programming Languages", "The Art of Computer Programming"]
    titles = %{title: for(book <- books, do: {:title, book})}

    two_buyer = fn seller, buyer1, buyer2 ->
      {for book <- books do
         fn ->
           ap = access_point(TwoBuyer)
           start([{seller, ap}, {buyer1, {ap, book}}, {buyer2, {ap, 100}}])
         end
       end,
       [
         {seller, TwoBuyer, :Seller, %{messages: titles}},
         {buyer1, TwoBuyer, :Buyer1, %{argument: &{&1, hd(books)}}},
         {buyer2, TwoBuyer, :Buyer2, %{argument: &{&1, 100}}}
       ]}
    end

    stash_queue = fn ->
      ap = access_point(StashQueue)
      r = {ap, :R, :b, [{1, 5}, {4, 15}], :turns}
      start([{Sender, r}, {Sender, put_elem(r, 1, :P) |> put_elem(2, :a)}, {Q, {ap, :turns}}])
    end

    [
      {fn -> elixir(~w(two_buyer printer seller buyers)) end, two_buyer.(Seller, Buyer1, Buyer2)},
      {fn -> erlang(~w(two_buyer buyer1 buyer2 seller), "two_buyer_erlang", dir) end,
       two_buyer.(:seller, :buyer1, :buyer2)},
      {fn -> script("hello") end,
       {[run("hello")],
        [{Host, Hello, :Host, %{}}, {Guest, Hello, :Guest, %{argument: &{&1, "Joe"}}}]}},
      {fn -> erlang(["hello"], "hello", dir) end,
       {[
          fn ->
            ap = access_point(:hello)
            start(hello: {ap, :Host}, hello: {ap, :Guest})
          end
        ], for(role <- [:Host, :Guest], do: {:hello, :hello, role, %{argument: &{&1, role}}})}},
      {fn -> script("stash_queue") ++ quiet_turns() end,
       {[stash_queue],
        [
          {Q, StashQueue, :Q, %{argument: &{&1, :turns}}},
          {Sender, StashQueue, :R, %{argument: &{&1, :R, :b, [{1, 5}, {4, 15}], :turns}}},
          {Sender, StashQueue, :P, %{argument: &{&1, :P, :a, [{2, 10}, {3, 20}], :turns}}}
        ]}},
      {fn -> script("shop") end,
       {[run("shop")],
        [
          {Shop, Shop.Protocol, :Shop, %{messages: baskets(), start: &with_stock/1}},
          {Payment, Shop.Protocol, :Payment, %{argument: &{&1, 20}}},
          {Customer, Shop.Protocol, :Customer,
           %{argument: &{&1, [["bread"], ["wine"]]}, messages: %{Items: [{:Items, ["wine"]}]}}}
        ]}},
      {fn -> script("lockable_id_server") ++ grudging_server() end,
       {[run("lockable_id_server"), grudging(true), grudging(false)],
        [
          {Server, LockableIdServer, :Server, %{}},
          {Visitor, LockableIdServer, :Client, %{argument: &{&1, "Ann"}}},
          {Owner, LockableIdServer, :Client, nil}
        ]}},
      {fn -> script("dining") end,
       {[run("dining", List.duplicate({"1..5", "1..2"}, 3) ++ [{"{ap, 3}", "{ap, 2}"}])],
        [
          {Main, Dining, :Main, %{argument: &{&1, [1]}}},
          {Arbiter, Dining, :Arbiter, %{argument: &{&1, 1..5}}},
          {Philosopher, Dining, :Philosopher, %{argument: &{&1, 2}}}
        ]}},
      {fn -> script("sieve") end,
       {[run("sieve", [{"2..100", "2..8"}])],
        [
          {Filter, SieveHead, :Filter, nil},
          {Filter, SieveNext, :Next, nil},
          {Filter, SieveNext, :Filter, nil},
          {Generator, SieveHead, :Generator, %{argument: &{&1, [2, 3, 4]}}},
          {Main, SieveHead, :Main, %{}}
        ]}},
      {fn -> script("fib") end,
       {[run("fib", [{"{ap, 10}", "{ap, 3}"}])],
        [
          {Fib, FibOne, :Child, nil},
          {Fib, FibTwo, :Left, nil},
          {Fib, FibTwo, :Right, nil},
          {Fib, FibTwo, :Parent, nil},
          {Asker, FibOne, :Parent, %{argument: &{&1, 3}}}
        ]}},
      {fn -> script("chat") end,
       {[run("chat")],
        [
          {Room, ChatIn, :Room, nil},
          {Room, ChatOut, :Room, nil},
          {Member, ChatIn, :Client, nil},
          {Member, ChatOut, :Client, nil}
        ]}}
    ]
  end

  defp access_point(protocol) do
    {:ok, ap} = :maty_access_point.start_link(protocol)
    ap
  end

  defp start(actors) do
    for {module, argument} <- actors, do: {:ok, _} = :maty_actor.start_link(module, argument)
  end

  defp baskets do
    %{GetItemInfo: [{:GetItemInfo, "wine"}], Checkout: [{:Checkout, ["wine"]}]}
  end

  defp no_stock, do: if(Process.whereis(Stock), do: Agent.stop(Stock))

  # It has one bottle of wine.
  defp with_stock(ap) do
    no_stock()
    {:ok, _} = apply(Stock, :start_link, [%{"wine" => {15, 1}}])
    :maty_actor.start(Shop, ap, [])
  end

  defp grudging(lock?) do
    fn ->
      ap = access_point(LockableIdServer)
      start([{GrudgingServer, {ap, lock?}}, {Owner, ap}])
    end
  end

  # Gives the lock, perhaps, and no identifiers.
  defp grudging_server do
    Code.compile_string("""
    defmodule GrudgingServer do
      use Maty.Actor, protocol: LockableIdServer, role: :Server

      @impl true
      def init_actor({ap, _} = actor) do
        Maty.register(ap, :Server)
        {:ok, actor}
      end

      @impl true
      def init_session(_session, {ap, lock?} = actor) do
        Maty.register(ap, :Server)
        {:ok, &request/2, lock?, actor}
      end

      def request({:IDRequest}, _lock?) do
        Maty.send(:Client, {:ReqUnavailable})
        :noreply
      end

      def request({:LockRequest}, true) do
        Maty.send(:Client, {:Locked})
        {:suspend, &unlock/2, true}
      end

      def request({:LockRequest}, false) do
        Maty.send(:Client, {:LockUnavailable})
        :noreply
      end

      def unlock({:Unlock}, lock?), do: {:suspend, &request/2, lock?}
    end
    """)
  end

  defp elixir(names) do
    modules = Enum.flat_map(names, &Code.compile_file("examples/two_buyer/#{&1}.ex"))
    printer = start_supervised!(%{id: Printer, start: {Printer, :start_link, []}})
    true = Process.group_leader(printer, Process.group_leader())
    modules
  end

  # What a script defines, and what it does then.
  defp parts(name) do
    [modules, run] = File.read!(file(name)) |> String.split("\n{:ok, ", parts: 2)
    {modules, "{:ok, " <> run}
  end

  defp file(name), do: "examples/#{name}/#{name}.exs"

  defp script(name) do
    {modules, _} = parts(name)
    Code.compile_string(modules, file(name))
  end

  # What a script does, of another size perhaps.
  defp run(name, changes \\ []) do
    {_, run} = parts(name)

    text =
      Enum.reduce(changes, run, fn {from, to}, text ->
        assert text =~ from
        String.replace(text, from, to, global: false)
      end)

    module = Module.concat(__MODULE__, Macro.camelize(name))
    Code.compile_string("defmodule #{inspect(module)} do\ndef run do\n#{text}\nend\nend")
    &module.run/0
  end

  defp erlang(names, folder, dir) do
    for name <- names do
      file = String.to_charlist("examples/#{folder}/#{name}.erl")
      {:ok, module, beam} = :compile.file(file, [:binary, :debug_info])
      # Where the checker finds what is not an actor.
      path = Path.join(dir, "#{name}.beam")
      File.write!(path, beam)
      {:module, _} = :code.load_binary(module, String.to_charlist(path), beam)
      {module, beam}
    end
  end

  # In the example these wait for one another, and a mutant would wait for ever.
  defp quiet_turns do
    Code.compile_string("""
    defmodule Turns do
      def wait_for(_, _), do: :ok
      def pass(_), do: :ok
    end
    """)
  end

  # ----- Mutants -----

  # All terms that differ from a form in one place, each with what was done.
  defp mutants(term, all) do
    here = for {what, mutant} <- local(term, all), do: {what, mutant}
    here ++ inside(term, all)
  end

  defp inside(term, all) when is_tuple(term) do
    for {what, list} <- inside(Tuple.to_list(term), all), do: {what, List.to_tuple(list)}
  end

  defp inside([head | tail], all) do
    for({what, mutant} <- mutants(head, all), do: {what, [mutant | tail]}) ++
      for {what, mutant} <- inside(tail, all), do: {what, [head | mutant]}
  end

  defp inside(_, _), do: []

  # What a session that is held is gone on with.
  defp local({:call, l, {:remote, _, _, {:atom, _, :become}} = f, [name, argument]}, _all) do
    become = fn argument -> {:call, l, f, [name, argument]} end
    original = become.(argument)

    wrong =
      case argument do
        {:tuple, t, [{:atom, a, _} | fields]} ->
          [nonsense: {:tuple, t, [{:atom, a, :nonsense} | fields]}, more: more(argument)]

        {:atom, a, _} ->
          [nonsense: {:atom, a, :nonsense}]

        _ ->
          []
      end

    for({what, argument} <- wrong, do: {"line #{line(l)}: becomes #{what}", become.(argument)}) ++
      [
        {"line #{line(l)}: no become", {:atom, l, :ok}},
        {"line #{line(l)}: becomes twice", {:block, l, [original, original]}}
      ]
  end

  # A send, by Maty or a helper.
  defp local({:call, l, f, [to, {:tuple, t, [{:atom, b, label} | fields]}]}, all) do
    if role(to) in all.roles or maty?(f, :send) do
      call = fn to, label, fields ->
        {:call, l, f, [to, {:tuple, t, [{:atom, b, label} | fields]}]}
      end

      original = call.(to, label, fields)
      where = "line #{line(l)}: "

      for(
        role <- all.roles ++ [:Nobody],
        role != role(to),
        do: {where <> "to #{role}", call.({:atom, l, role}, label, fields)}
      ) ++
        for(
          other <- all.labels ++ [:nonsense],
          other != label,
          do: {where <> "label #{other}", call.(to, other, fields)}
        ) ++
        for(
          {what, other} <- payloads(fields),
          do: {where <> "payload #{what}", call.(to, label, other)}
        ) ++
        [
          {where <> "no send", {:atom, l, :ok}},
          {where <> "send twice", {:block, l, [original, original]}}
        ]
    else
      []
    end
  end

  # How a handler ends.
  defp local({:tuple, l, [{:atom, a, :suspend}, handler, state]}, all) do
    endings(l, a, state, handler, all) ++ [done(l, a, state)]
  end

  defp local({:tuple, l, [{:atom, a, :hold}, name, handler, state]}, all) do
    for other <- others(handler, all) do
      {"line #{line(l)}: holds #{other}",
       {:tuple, l, [{:atom, a, :hold}, name, function(l, other), state]}}
    end ++ endings(l, a, state, nil, all) ++ [done(l, a, state)]
  end

  defp local({:tuple, l, [{:atom, a, :done}, _, state]}, all) do
    for name <- Enum.take(all.handlers, 1) do
      {"line #{line(l)}: holds #{name}",
       {:tuple, l, [{:atom, a, :hold}, {:atom, a, :name}, function(l, name), state]}}
    end ++ endings(l, a, state, nil, all)
  end

  defp local({:tuple, l, [{:atom, a, :ok}, handler, local, state]}, all) do
    for other <- others(handler, all) do
      {"line #{line(l)}: begins with #{other}",
       {:tuple, l, [{:atom, a, :ok}, function(l, other), local, state]}}
    end ++
      [
        {"line #{line(l)}: begins held",
         {:tuple, l, [{:atom, a, :hold}, {:atom, a, :name}, handler, local, state]}},
        done(l, a, state)
      ]
  end

  defp local({:tuple, l, [{:atom, a, :hold}, name, handler, local, state]}, all) do
    for other <- others(handler, all) do
      {"line #{line(l)}: begins held with #{other}",
       {:tuple, l, [{:atom, a, :hold}, name, function(l, other), local, state]}}
    end ++
      [
        {"line #{line(l)}: begins with it",
         {:tuple, l, [{:atom, a, :ok}, handler, local, state]}},
        done(l, a, state)
      ]
  end

  # A clause of a handler.
  defp local({:function, l, name, 2, clauses}, all) do
    if name in all.handlers do
      drop = for clause <- clauses, length(clauses) > 1, do: {:drop, List.delete(clauses, clause)}

      change =
        for {{:clause, c, [{:tuple, t, [{:atom, a, label} | fields]}, state], guard, body}, i} <-
              Enum.with_index(clauses),
            {what, pattern} <-
              for(x <- all.labels ++ [:nonsense], x != label, do: {x, [{:atom, a, x} | fields]}) ++
                [{:field, [{:atom, a, label} | fields ++ [{:var, a, :_}]]}] do
          {what,
           List.replace_at(clauses, i, {:clause, c, [{:tuple, t, pattern}, state], guard, body})}
        end

      for {what, changed} <- drop ++ change do
        {"line #{line(l)}: clause of #{name}: #{what}", {:function, l, name, 2, changed}}
      end
    else
      []
    end
  end

  defp local(_, _), do: []

  defp endings(l, a, state, handler, all) do
    nothing = {:function, {:atom, l, all.module}, {:atom, l, :nothing}, {:integer, l, 2}}

    for name <- others(handler, all) do
      {"line #{line(l)}: suspends #{name}",
       {:tuple, l, [{:atom, a, :suspend}, function(l, name), state]}}
    end ++
      [
        {"line #{line(l)}: noreply", {:atom, l, :noreply}},
        {"line #{line(l)}: ok", {:atom, l, :ok}},
        {"line #{line(l)}: suspends nothing",
         {:tuple, l, [{:atom, a, :suspend}, {:atom, a, :none}, state]}},
        {"line #{line(l)}: suspends what does not exist",
         {:tuple, l, [{:atom, a, :suspend}, {:fun, l, nothing}, state]}}
      ]
  end

  defp done(l, a, state) do
    {"line #{line(l)}: done", {:tuple, l, [{:atom, a, :done}, {:atom, a, :normal}, state]}}
  end

  defp others(handler, all), do: List.delete(all.handlers, name(handler))

  defp payloads(fields) do
    wrong = [
      atom: {:atom, 1, :wrong},
      integer: {:integer, 1, 7},
      float: {:float, 1, 0.5},
      list: {nil, 1},
      tuple: {:tuple, 1, []},
      binary: {:bin, 1, [{:bin_element, 1, {:string, 1, 'wrong'}, :default, :default}]}
    ]

    [{"one more", fields ++ [{:atom, 1, :more}]}] ++
      if(fields == [], do: [], else: [{"one less", tl(fields)}]) ++
      for {_, i} <- Enum.with_index(fields), {what, value} <- wrong do
        {"#{what}", List.replace_at(fields, i, value)}
      end
  end

  defp more({:tuple, t, fields}), do: {:tuple, t, fields ++ [{:atom, t, :more}]}

  defp maty?({:remote, _, {:atom, _, module}, {:atom, _, name}}, name),
    do: module in [:maty, Maty]

  defp maty?(_, _), do: false

  defp role({:atom, _, role}), do: role
  defp role(_), do: nil

  defp name({:fun, _, {:function, name, _}}), do: name
  defp name(_), do: nil

  defp function(l, name), do: {:fun, l, {:function, name, 2}}

  defp line(anno), do: :erl_anno.line(anno)

  # ----- Running -----

  # After so many messages, or with so many processes, a run has shown what it does.
  @messages 1_000
  @processes 100

  # Does what a function does, in a process of its own that is traced with all that it
  # starts, until nothing moves any more, somebody crashes, or it is enough. Then all of
  # them are killed. Returns how it went.
  defp goes(run) do
    Task.await(Task.async(fn -> watched(run) end), :infinity)
  end

  defp watched(run) do
    refused = :maty.counters().refused

    root =
      spawn(fn ->
        receive do
          :go -> :ok
        end

        Process.group_leader(self(), spawn(&swallow/0))
        run.()
      end)

    :erlang.trace(root, true, [:procs, :receive, :set_on_spawn])
    send(root, :go)
    went = watch(%{alive: %{root => true}, messages: 0, went: :well})
    now = :maty.counters().refused
    stop(went.alive)
    if now == refused, do: went.went, else: :refused
  end

  defp swallow do
    receive do
      {:io_request, from, reference, _} -> send(from, {:io_reply, reference, :ok})
    end

    swallow()
  end

  defp watch(%{went: :crashed} = run), do: run
  defp watch(%{messages: messages} = run) when messages > @messages, do: run

  defp watch(%{alive: alive} = run) when map_size(alive) > @processes, do: run

  defp watch(run) do
    receive do
      event -> watch(seen(event, run))
    after
      1 -> if idle?(run), do: settled(run), else: watch(run)
    end
  end

  # All were idle after the last message that is known of, one after the other. If none
  # has come meanwhile, they were so at the same time.
  defp settled(run) do
    delivered = :erlang.trace_delivered(:all)

    case up_to({:trace_delivered, :all, delivered}, run) do
      ^run -> run
      moved -> watch(moved)
    end
  end

  defp up_to(last, run) do
    receive do
      ^last -> run
      event -> up_to(last, seen(event, run))
    end
  end

  defp seen({:trace, _, :receive, _}, run), do: %{run | messages: run.messages + 1}
  defp seen({:trace, _, :spawn, pid, _}, run), do: %{run | alive: Map.put(run.alive, pid, true)}

  defp seen({:trace, pid, :exit, reason}, run) do
    run = %{run | alive: Map.delete(run.alive, pid)}
    # The script of the chat kills somebody.
    if reason in [:normal, :shutdown, :killed], do: run, else: %{run | went: :crashed}
  end

  defp seen(_, run), do: run

  # Where a process waits for somebody to do something. Else it sleeps, or has asked a
  # process that is not looked at.
  defp idle?(run) do
    Enum.all?(Map.keys(run.alive), fn pid ->
      case Process.info(pid, [:status, :current_function]) do
        [status: :waiting, current_function: {module, _, _}] ->
          module in [:maty_actor, :gen_server, __MODULE__] or example?(module)

        _ ->
          false
      end
    end)
  end

  # It was compiled here.
  defp example?(module), do: :code.which(module) in [:nofile, :non_existing, 'mutant', '']

  # Whoever was started meanwhile as well.
  defp stop(alive) do
    for {pid, true} <- alive, do: Process.exit(pid, :kill)
    for {pid, true} <- alive, do: gone(pid)
    delivered = :erlang.trace_delivered(:all)
    run = up_to({:trace_delivered, :all, delivered}, %{alive: %{}, messages: 0, went: :well})
    if run.alive != %{}, do: stop(run.alive)
  end

  defp gone(pid) do
    monitor = Process.monitor(pid)

    receive do
      {:DOWN, ^monitor, :process, ^pid, _} -> :ok
    end
  end

  # Whether it plays a role with partners, whatever they choose, without a crash. Leaving
  # early is no error, nor what comes of a run that would not end and is cut.
  defp plays?(_module, _protocol, _role, nil), do: true

  defp plays?(module, protocol, role, options) do
    options =
      Map.merge(options, %{
        protocol: protocol,
        role: role,
        order: :random,
        runs: 3,
        coverage: :none,
        timeout: 60_000
      })

    plays? =
      Enum.all?(1..4, fn seed ->
        case :maty_testing.plays(module, Map.put(options, :seed, seed)) do
          {:ok, _} -> true
          {:error, %{report: %{cut: cut}}} when cut > 0 -> true
          {:error, %{kind: kind}} -> kind not in [:crashed, :not_started, :stuck]
        end
      end)

    no_stock()
    plays?
  end

  # ----- The test -----

  test "what goes wrong when it is run is caught before", %{tmp_dir: dir} do
    :code.add_pathz(String.to_charlist(dir))
    Logger.configure(level: :none)
    Process.flag(:trap_exit, true)
    # The modules that are said to embed protocols are compiled here.
    Code.put_compiler_option(:debug_info, true)

    {{results, _}, _} =
      ExUnit.CaptureIO.with_io(:stderr, fn -> ExUnit.CaptureIO.with_io(fn -> all(dir) end) end)

    Logger.configure(level: :debug)
    :code.del_path(String.to_charlist(dir))
    report(results)
    missed = for {name, what, false, went} <- results, went != :well, do: "#{name}, #{what}"
    harmless = for {name, what, true, :well} <- results, do: "#{name}, #{what}"
    assert missed == expected_missed()
    assert harmless == []
    assert length(results) > 2_000
  end

  defp all(dir) do
    Enum.flat_map(examples(dir), &example/1)
  end

  # Modules of the same name follow one another.
  defp example({compile, {runs, parts}}) do
    code = compile.()

    for module <- parts |> Enum.map(&elem(&1, 0)) |> Enum.uniq(),
        result <- actor(module, runs, Enum.filter(parts, &(elem(&1, 0) == module)), code),
        do: result
  end

  defp actor(module, runs, parts, code) do
    {^module, beam} = List.keyfind(code, module, 0)
    forms = forms(beam)
    judged = fn -> went(runs, parts) end
    assert {module, caught?(forms, parts)} == {module, false}
    assert {module, judged.()} == {module, :well}

    made =
      mutants(forms, about(module, forms, parts))
      |> Task.async_stream(
        fn {what, mutant} -> {what, caught?(mutant, parts), compile(mutant)} end,
        timeout: :infinity
      )
      |> Enum.map(fn {:ok, made} -> made end)

    results =
      for {what, caught?, mutant} <- made do
        load(module, mutant)
        {inspect(module), what, caught?, judged.()}
      end

    load(module, beam)
    results
  end

  defp went(runs, parts) do
    case Enum.find_value(runs, &wrong(goes(&1))) do
      nil ->
        plays? =
          Enum.all?(parts, fn {module, p, role, options} -> plays?(module, p, role, options) end)

        if plays?, do: :well, else: :crashed

      went ->
        went
    end
  end

  defp wrong(:well), do: nil
  defp wrong(went), do: went

  defp caught?(forms, parts) do
    pairs = for {_, protocol, role, _} <- parts, do: {protocol, role}
    findings = :maty_handlers.check(:maty_code.from_forms(forms), %{roles: pairs, check: :error})
    Enum.any?(findings, &(&1.severity == :error))
  end

  # In a hurry.
  defp compile(forms) do
    {:ok, _, beam} = :compile.forms(forms, [:no_copt, :no_ssa_opt, :no_postopt])
    beam
  end

  defp load(module, beam) do
    :code.purge(module)
    {:module, ^module} = :code.load_binary(module, 'mutant', beam)
    :code.purge(module)
  end

  defp forms(beam) do
    {:ok, {module, [debug_info: {:debug_info_v1, backend, data}]}} =
      :beam_lib.chunks(beam, [:debug_info])

    {:ok, forms} = backend.debug_info(:erlang_v1, module, data, [])
    forms
  end

  # What there is to change it to.
  defp about(module, forms, parts) do
    protocols = parts |> Enum.map(&plain(elem(&1, 1))) |> Enum.uniq()
    roles = protocols |> Enum.flat_map(&:maty_protocol.roles/1) |> Enum.uniq()
    labels = protocols |> Enum.flat_map(&labels/1) |> Enum.uniq()
    %{module: module, roles: roles, labels: labels, handlers: handlers(forms)}
  end

  # Names of functions that are handlers somewhere.
  defp handlers({:fun, _, {:function, name, 2}}), do: [name]
  defp handlers(term) when is_tuple(term), do: handlers(Tuple.to_list(term))
  defp handlers([head | tail]), do: Enum.uniq(handlers(head) ++ handlers(tail))
  defp handlers(_), do: []

  defp plain(module) do
    {:ok, protocol} = :maty_protocol.resolve(module)
    protocol
  end

  # Every message is received by a role in some state.
  defp labels(protocol) do
    for role <- :maty_protocol.roles(protocol),
        {_phase, transitions} <- :maty_protocol.machine(protocol, role),
        %{label: label} <- transitions,
        uniq: true,
        do: label
  end

  # What is not known from the code:
  #   - a title may be any binary, and this one is of no book; so may an item;
  #   - whether a guard holds, of which nothing else than `check: :strict` complains;
  #   - what a session that is held is gone on with, where it goes through an actor's own
  #     messages.
  defp expected_missed do
    [
      "Buyer1, line 15: payload binary",
      "Buyer2, line 45: clause of share_handler: drop",
      ":buyer1, line 14: payload binary",
      ":buyer2, line 16: clause of share: drop",
      "Payment, line 112: clause of buy: drop",
      "Customer, line 153: payload binary",
      "Filter, line 96: clause of long_box: drop",
      "Filter, line 96: clause of long_box: drop",
      "Filter, line 88: holds ready",
      "Fib, line 34: clause of request: drop"
    ]
  end

  defp report(results) do
    count = fn caught?, wents ->
      Enum.count(results, fn {_, _, caught, went} -> caught == caught? and went in wents end)
    end

    caught = count.(true, [:refused, :crashed])
    wrong = caught + count.(false, [:refused, :crashed])
    share = Float.round(100 * caught / wrong, 1)

    IO.puts("""

    #{length(results)} mutants: #{wrong} go wrong when they are run, of which #{caught} are caught \
    before (#{share} %), #{count.(false, [:refused])} when they send or receive, and \
    #{count.(false, [:crashed])} crash; #{count.(true, [:well])} of the others are caught\
    """)
  end
end
