defmodule Maty.MutantsTest do
  # Breaks the handlers of the examples, one thing at a time, in their abstract code: a
  # send, its receiver, its label or a field; a handler that is suspended; how a handler
  # ends; a clause. Each mutant is checked, and each is run with the other actors as they
  # are. One that goes wrong when it is run has to be caught before.
  #
  # A mutant that does nothing wrong, one with another payload that is as good, say, must
  # not be caught.
  use ExUnit.Case, async: false

  @moduletag :tmp_dir
  @moduletag timeout: 600_000

  # ----- The examples -----

  # Each: modules that play roles, and runs, which start all actors and say which of them
  # have to end by themselves.
  defp examples(dir) do
    books = ["Types and Programming Languages", "The Art of Computer Programming"]

    two_buyer = fn seller, buyer1, buyer2 ->
      for {book, budget} <- [{hd(books), 100}, {List.last(books), 100}] do
        {[{seller, fn ap -> ap end}],
         [{buyer1, fn ap -> {ap, book} end}, {buyer2, fn ap -> {ap, budget} end}]}
      end
    end

    [
      {"two_buyer", elixir(~w(two_buyer printer seller buyers)), TwoBuyer,
       [{Seller, [:Seller]}, {Buyer1, [:Buyer1]}, {Buyer2, [:Buyer2]}],
       two_buyer.(Seller, Buyer1, Buyer2)},
      {"two_buyer_erlang", erlang(~w(two_buyer buyer1 buyer2 seller), "two_buyer_erlang", dir),
       TwoBuyer, [seller: [:Seller], buyer1: [:Buyer1], buyer2: [:Buyer2]],
       two_buyer.(:seller, :buyer1, :buyer2)},
      {"hello", script("examples/hello/hello.exs"), Hello, [{Host, [:Host]}, {Guest, [:Guest]}],
       [{[{Host, & &1}], [{Guest, &{&1, "Joe"}}]}]},
      {"hello in Erlang", erlang(["hello"], "hello", dir), Hello, [{:hello, [:Guest, :Host]}],
       [{[{:hello, &{&1, :Host}}], [{:hello, &{&1, :Guest}}]}]},
      {"stash_queue", script("examples/stash_queue/stash_queue.exs") ++ quiet_turns(), StashQueue,
       [{Q, [:Q]}, {Sender, [:P, :R]}],
       [
         {[
            {Sender, &{&1, :R, :b, [{1, 5}, {4, 15}], :turns}},
            {Sender, &{&1, :P, :a, [{2, 10}, {3, 20}], :turns}}
          ], [{Q, &{&1, :turns}}]}
       ]}
    ]
  end

  defp elixir(names), do: Enum.flat_map(names, &Code.compile_file("examples/two_buyer/#{&1}.ex"))

  # What a script defines, without what it does then.
  defp script(file) do
    [modules | _] = file |> File.read!() |> String.split("\n{:ok, ")
    Code.compile_string(modules, file)
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

  # A send, by Maty or a helper.
  defp local({:call, l, f, [{:atom, a, role}, {:tuple, t, [{:atom, b, label} | fields]}]}, all) do
    if role in all.roles do
      call = fn role, label, fields ->
        {:call, l, f, [{:atom, a, role}, {:tuple, t, [{:atom, b, label} | fields]}]}
      end

      original = call.(role, label, fields)
      where = "line #{line(l)}: "

      for(
        r <- all.roles ++ [:Nobody],
        r != role,
        do: {where <> "to #{r}", call.(r, label, fields)}
      ) ++
        for(
          x <- all.labels ++ [:nonsense],
          x != label,
          do: {where <> "label #{x}", call.(role, x, fields)}
        ) ++
        for(
          {what, fs} <- payloads(fields),
          do: {where <> "payload #{what}", call.(role, label, fs)}
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
  defp local({:tuple, l, [{:atom, a, kind}, handler, state]}, all) when kind == :suspend do
    endings(l, a, state, List.delete(all.handlers, name(handler))) ++
      [{"line #{line(l)}: done", {:tuple, l, [{:atom, a, :done}, {:atom, a, :normal}, state]}}]
  end

  defp local({:tuple, l, [{:atom, a, :done}, _, state]}, all),
    do: endings(l, a, state, all.handlers)

  defp local({:tuple, l, [{:atom, a, :ok}, handler, local, state]}, all) do
    for name <- List.delete(all.handlers, name(handler)) do
      {"line #{line(l)}: begins with #{name}",
       {:tuple, l, [{:atom, a, :ok}, function(l, name), local, state]}}
    end ++
      [{"line #{line(l)}: done", {:tuple, l, [{:atom, a, :done}, {:atom, a, :normal}, state]}}]
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

  defp endings(l, a, state, handlers) do
    for name <- handlers do
      {"line #{line(l)}: suspends #{name}",
       {:tuple, l, [{:atom, a, :suspend}, function(l, name), state]}}
    end ++
      [
        {"line #{line(l)}: noreply", {:atom, l, :noreply}},
        {"line #{line(l)}: ok", {:atom, l, :ok}},
        {"line #{line(l)}: suspends nothing",
         {:tuple, l, [{:atom, a, :suspend}, {:atom, a, :none}, state]}},
        {"line #{line(l)}: suspends what does not exist",
         {:tuple, l,
          [
            {:atom, a, :suspend},
            {:fun, l,
             {:function, {:atom, l, all_module()}, {:atom, l, :nothing}, {:integer, l, 2}}},
            state
          ]}}
      ]
  end

  defp all_module, do: Process.get(:module)

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

  defp name({:fun, _, {:function, name, _}}), do: name
  defp name(_), do: nil

  defp function(l, name), do: {:fun, l, {:function, name, 2}}

  defp line(anno), do: :erl_anno.line(anno)

  # ----- Running -----

  # Whether every session of the runs comes to its end, and nothing is refused.
  defp runs_well?(protocol, runs) do
    Enum.all?(runs, fn {serving, ending} ->
      {:ok, ap} = :maty_access_point.start_link(protocol)
      before = :maty.counters()
      start = fn {module, argument} -> :maty_actor.start_link(module, argument.(ap)) end
      started = Enum.map(ending ++ serving, start)

      result =
        if Enum.all?(started, &match?({:ok, _}, &1)) do
          pids = for {:ok, pid} <- started, do: pid
          {must_end, others} = Enum.split(pids, length(ending))
          Enum.all?(must_end, &ended?/1) and Enum.all?(others, &idle?/1)
        end

      for {:ok, pid} <- started, do: kill(pid)
      GenServer.stop(ap)
      result == true and :maty.counters().refused == before.refused
    end)
  end

  # What it still does counts for this run.
  defp kill(pid) do
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)

    receive do
      {:DOWN, ^monitor, :process, ^pid, _} -> :ok
    end
  end

  defp ended?(pid) do
    receive do
      {:EXIT, ^pid, reason} -> reason == :normal
    after
      30_000 -> false
    end
  end

  # It has handled all that came before the question, and is in no session; or it has
  # ended, as the host does.
  defp idle?(pid) do
    :maty.sessions(pid) == []
  catch
    :exit, _ -> ended?(pid)
  end

  # ----- The test -----

  defp load(module, forms) do
    :code.purge(module)
    {:ok, ^module, beam} = :compile.forms(forms, [:nowarn_unused_function, :nowarn_unused_vars])
    {:module, ^module} = :code.load_binary(module, 'mutant', beam)
    :code.purge(module)
  end

  defp forms(beam) do
    {:ok, {module, [debug_info: {:debug_info_v1, backend, data}]}} =
      :beam_lib.chunks(beam, [:debug_info])

    {:ok, forms} = backend.debug_info(:erlang_v1, module, data, [])
    forms
  end

  # Names of functions that may be handlers: of two arguments, and no callbacks.
  defp handlers(forms) do
    callbacks = [:init_session, :setup_actor, :handle_cast, :handle_info, :terminate, :say]
    for {:function, _, name, 2, _} <- forms, name not in callbacks, do: name
  end

  defp judge(module, roles, protocol, runs, forms, mutant) do
    pairs = for role <- roles, do: {protocol, role}
    findings = :maty_handlers.check(:maty_code.from_forms(mutant), %{roles: pairs, check: :error})
    caught? = Enum.any?(findings, &(&1.severity == :error))

    try do
      load(module, mutant)
      {caught?, runs_well?(protocol, runs)}
    after
      load(module, forms)
    end
  end

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
    missed = for {name, what, false, false} <- results, do: "#{name}, #{what}"
    harmless = for {name, what, true, true} <- results, do: "#{name}, #{what}"
    assert missed == expected_missed()
    assert harmless == []
    assert length(results) > 500
  end

  # What is not known from the code: a title may be any binary, and this one is of no book;
  # and whether a guard holds, of which nothing else than `check: :strict` complains.
  defp expected_missed do
    [
      "Buyer1, line 15: payload binary",
      "Buyer2, line 45: clause of share_handler: drop",
      ":buyer1, line 14: payload binary",
      ":buyer2, line 16: clause of share: drop"
    ]
  end

  defp all(dir) do
    examples = examples(dir)
    printer = start_supervised!(%{id: Printer, start: {Printer, :start_link, []}})
    true = Process.group_leader(printer, Process.group_leader())

    for {_, compiled, protocol, actors, runs} <- examples, {module, roles} <- actors do
      Process.put(:module, module)
      forms = compiled |> List.keyfind(module, 0) |> elem(1) |> forms()
      names = :maty_protocol.roles(plain(protocol))
      all = %{roles: names, labels: labels(protocol, names), handlers: handlers(forms)}
      load(module, forms)

      assert {module, {false, true}} ==
               {module, judge(module, roles, protocol, runs, forms, forms)}

      for {what, mutant} <- mutants(forms, all) do
        {caught?, well?} = judge(module, roles, protocol, runs, forms, mutant)
        {inspect(module), what, caught?, well?}
      end
    end
    |> List.flatten()
  end

  defp plain(module) do
    {:ok, protocol} = :maty_protocol.resolve(module)
    protocol
  end

  # Every message is received by a role in some state.
  defp labels(protocol, roles) do
    for role <- roles,
        {_phase, transitions} <- :maty_protocol.machine(plain(protocol), role),
        %{label: label} <- transitions,
        uniq: true,
        do: label
  end

  defp report(results) do
    count = fn caught?, well? -> Enum.count(results, &match?({_, _, ^caught?, ^well?}, &1)) end
    wrong = count.(true, false) + count.(false, false)
    share = Float.round(100 * count.(true, false) / wrong, 1)

    IO.puts(
      "\n#{length(results)} mutants: #{wrong} go wrong when they are run, of which " <>
        "#{count.(true, false)} are caught before (#{share} %); #{count.(true, true)} of the others are"
    )
  end
end
