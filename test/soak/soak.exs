# Sessions made, finished and killed at random by actors, for a number of seconds
# (the argument), and every ten seconds a look at the engine at rest: all actors
# ended, all garbage collected. What is held then has to stay what it was at the
# first look, in C and in the VM, and every session that was opened has ended.
#
# The seed of all chances is printed; it is the first argument but one.

defmodule Soak do
  @behaviour :maty_actor

  # What a look may find above the first one: allocators and tables keep some room.
  @slack 1.15
  @extra 2_000_000
  @round_ms 10_000
  @actors 20
  @roles [:Buyer1, :Buyer2, :Seller]

  @protocol """
  protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {
    title(string) from Buyer1 to Seller;
    quote(integer) from Seller to Buyer1;
    share(integer) from Buyer1 to Buyer2;
    choice at Buyer2 {
      address(string) from Buyer2 to Seller;
      date(integer) from Seller to Buyer2;
    } or {
      quit() from Buyer2 to Seller;
    }
  }
  """

  def run(seconds, seed) do
    IO.puts("Soak: #{seconds} s, seed #{seed}")
    :logger.set_primary_config(:level, :none)
    :rand.seed(:exsss, seed)
    {:ok, ap} = :maty_access_point.start_link(%{protocol: {:string, @protocol}, max_waiting: 500})

    IO.puts(
      "    s   sessions  cancelled  refused   C at rest  VM at rest  processes  atoms    C live   VM live"
    )

    until = now() + 1000 * seconds
    rounds(ap, now(), until, nil)
  end

  defp rounds(ap, start, until, first) do
    actors = for role <- @roles, _ <- 1..@actors, do: {role, start_actor(ap, role)}
    live = churn(:array.from_list(actors), ap, min(now() + @round_ms, until), %{c: 0, vm: 0})
    rest = at_rest(ap)
    print(start, rest, live)
    first = first || rest

    cond do
      grown?(rest, first) ->
        IO.puts("FAIL soak: memory has grown")
        System.halt(1)

      now() >= until ->
        IO.puts("PASS soak")

      true ->
        rounds(ap, start, until, first)
    end
  end

  defp grown?(rest, first) do
    rest.c > first.c * @slack + @extra or rest.vm > first.vm * @slack + @extra or
      rest.atoms > first.atoms + 100 or rest.processes > first.processes + 10
  end

  # Kills one after the other, and puts another in its place.
  defp churn(actors, ap, until, live) do
    if now() < until do
      index = :rand.uniform(:array.size(actors)) - 1
      {role, pid} = :array.get(index, actors)
      Process.exit(pid, Enum.random([:kill, :shutdown]))
      if :rand.uniform(4) == 1, do: Process.sleep(1)
      changed = :array.set(index, {role, start_actor(ap, role)}, actors)
      live = if :rand.uniform(500) == 1, do: most(live), else: live
      churn(changed, ap, until, live)
    else
      for {_, pid} <- :array.to_list(actors), do: Process.exit(pid, :kill)
      live
    end
  end

  defp most(%{c: c, vm: vm}) do
    %{c: max(c, :maty.counters().memory), vm: max(vm, :erlang.memory(:total))}
  end

  defp at_rest(ap) do
    settle(ap, now() + 30_000)
    for _ <- 1..2, pid <- Process.list(), do: :erlang.garbage_collect(pid)
    counters = :maty.counters()

    %{
      counters: counters,
      c: counters.memory,
      vm: :erlang.memory(:total),
      processes: length(Process.list()),
      atoms: :erlang.system_info(:atom_count)
    }
  end

  # Until nobody waits and nothing is open.
  defp settle(ap, deadline) do
    %{waiting: waiting} = :maty_access_point.info(ap)
    counters = :maty.counters()

    cond do
      Enum.all?(waiting, fn {_, count} -> count == 0 end) and counters.endpoints == 0 ->
        true = counters.sessions_opened == counters.sessions_closed

      now() > deadline ->
        IO.puts("FAIL soak: left open #{inspect(waiting)} #{inspect(counters)}")
        System.halt(1)

      true ->
        Process.sleep(1)
        settle(ap, deadline)
    end
  end

  defp print(start, rest, live) do
    columns = [
      {div(now() - start, 1000), 5},
      {rest.counters.sessions_opened, 11},
      {rest.counters.cancelled, 11},
      {rest.counters.refused, 9},
      {rest.c, 12},
      {rest.vm, 12},
      {rest.processes, 11},
      {rest.atoms, 7},
      {live.c, 10},
      {live.vm, 10}
    ]

    IO.puts(for {value, width} <- columns, do: String.pad_leading("#{value}", width))
  end

  defp now, do: :erlang.monotonic_time(:millisecond)

  # ----- Actors: register for some sessions at once, and for one more with each that ends -----

  defp start_actor(ap, role) do
    {:ok, pid} = :maty_actor.start(__MODULE__, {ap, role, :rand.uniform(1_000_000_000)}, [])
    pid
  end

  def init_actor({ap, role, seed}) do
    :rand.seed(:exsss, seed)
    for _ <- 1..:rand.uniform(5), do: :maty.register(ap, role)
    {:ok, {ap, role}}
  end

  def init_session(%{role: :Buyer1}, actor) do
    accident()
    :maty.send(:Seller, {:title, String.duplicate("t", :rand.uniform(1000))})
    {:ok, &handle/2, nil, actor}
  end

  def init_session(_session, actor), do: {:ok, &handle/2, nil, actor}

  # One in five hundred handlers raises, leaves a wrong message or ends the actor.
  defp accident do
    case :rand.uniform(1500) do
      1 -> raise "accident"
      2 -> exit(:shutdown)
      3 -> :maty.send(:Seller, {:nonsense})
      _ -> :ok
    end
  end

  def handle(message, state) do
    accident()

    case message do
      {:title, _} ->
        :maty.send(:Buyer1, {:quote, 154})
        {:suspend, &handle/2, state}

      {:quote, price} ->
        :maty.send(:Buyer2, {:share, div(price, 2)})
        {:done, :normal, state}

      {:share, _} ->
        decide(:rand.uniform(2), state)

      {:address, _} ->
        :maty.send(:Buyer2, {:date, 20_261_201})
        {:done, :normal, state}

      {last, _} when last == :date ->
        {:done, :normal, state}

      {:quit} ->
        {:done, :normal, state}
    end
  end

  defp decide(1, state) do
    :maty.send(:Seller, {:address, "12 Grimmauld Place"})
    {:suspend, &handle/2, state}
  end

  defp decide(2, state) do
    :maty.send(:Seller, {:quit})
    {:done, :normal, state}
  end

  def turned_away(_ap, _role, actor), do: {:ok, actor}

  def terminate_session(_ending, _session, _state, {ap, role} = actor) do
    :maty.register(ap, role)
    {:ok, actor}
  end
end

{seconds, seed} =
  case System.argv() do
    [seconds] -> {String.to_integer(seconds), :rand.uniform(1_000_000_000)}
    [seed, seconds] -> {String.to_integer(seconds), String.to_integer(seed)}
    [] -> {600, :rand.uniform(1_000_000_000)}
  end

Soak.run(seconds, seed)
