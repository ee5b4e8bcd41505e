# What a conversation costs on the BEAM, next to the same done by hand without
# checks.

Code.require_file("support/bench.ex", __DIR__)

# ----- Request and answer -----

defmodule Bench.Client do
  @behaviour :maty_actor

  def init_actor({ap, payload, operations, report}) do
    :maty.register(ap, :Client)
    {:ok, {payload, operations, report}}
  end

  def init_session(_session, {payload, operations, report} = actor) do
    start = Bench.now()
    :maty.send(:Server, {:request, payload})
    {:ok, &answer/2, {operations - 1, start, report}, actor}
  end

  def answer({:answer, _}, {0, start, report}) do
    send(report, {:elapsed, Bench.now() - start})
    :maty.send(:Server, {:bye})
    {:done, :normal, nil}
  end

  def answer({:answer, payload}, {left, start, report}) do
    :maty.send(:Server, {:request, payload})
    {:suspend, &answer/2, {left - 1, start, report}}
  end
end

defmodule Bench.Server do
  @behaviour :maty_actor

  def init_actor(ap) do
    :maty.register(ap, :Server)
    {:ok, ap}
  end

  def init_session(_session, ap), do: {:ok, &request/2, 0, ap}

  def request({:request, payload}, count) do
    :maty.send(:Client, {:answer, payload})
    {:suspend, &request/2, count + 1}
  end

  def request({:bye}, count), do: {:done, :normal, count}
end

defmodule Bench.Plain do
  @moduledoc "Request and answer without checks: by gen_server, and by nothing but `!`."
  use GenServer

  @impl true
  def init(count), do: {:ok, count}

  @impl true
  def handle_call({:request, payload}, _from, count), do: {:reply, {:answer, payload}, count + 1}

  def call(payload, operations) do
    {:ok, server} = :gen_server.start(__MODULE__, 0, [])

    elapsed =
      Bench.in_process(fn ->
        start = Bench.now()
        call(server, payload, operations)
        Bench.now() - start
      end)

    Bench.stop([server])
    elapsed
  end

  defp call(_server, _payload, 0), do: :ok

  defp call(server, payload, left) do
    {:answer, answer} = :gen_server.call(server, {:request, payload})
    call(server, answer, left - 1)
  end

  def raw(payload, operations) do
    server = spawn(fn -> answer() end)

    elapsed =
      Bench.in_process(fn ->
        start = Bench.now()
        ask(server, payload, operations)
        Bench.now() - start
      end)

    Bench.stop([server])
    elapsed
  end

  defp ask(_server, _payload, 0), do: :ok

  defp ask(server, payload, left) do
    send(server, {self(), {:request, payload}})

    receive do
      {^server, {:answer, answer}} -> ask(server, answer, left - 1)
    end
  end

  defp answer do
    receive do
      {client, {:request, payload}} -> send(client, {self(), {:answer, payload}})
    end

    answer()
  end
end

defmodule Bench.RequestAnswer do
  def run do
    scalar = access_point("integer")
    compound = access_point("{%{id: integer, name: string, ok: boolean}, list(integer)}")

    times =
      Bench.medians(
        [
          raw: &Bench.Plain.raw(1, &1),
          call: &Bench.Plain.call(1, &1),
          actors: &actors(scalar, 1, &1)
        ],
        50_000
      )

    name = "request and answer, an integer"
    Bench.ratio(name, times.actors, "ns", {"gen_server:call", times.call}, 0.90)
    Bench.ratio(name, times.actors, "ns", {"raw messages", times.raw}, 1.75)

    # Made at run time: a literal of the module would not be copied from process to process.
    payload = :erlang.binary_to_term(:erlang.term_to_binary(payload()))

    times =
      Bench.medians(
        [call: &Bench.Plain.call(payload, &1), actors: &actors(compound, payload, &1)],
        50_000
      )

    name = "request and answer, a map and a list of ten"
    Bench.ratio(name, times.actors, "ns", {"gen_server:call", times.call}, 1.15)
    Bench.note("a call monitors the server each time, which no session has to; it checks nothing")
  end

  defp payload, do: {%{id: 1, name: "name", ok: true}, Enum.to_list(1..10)}

  defp access_point(type) do
    {:ok, ap} =
      :maty_access_point.start_link(
        {:string,
         """
         protocol IdServer(role Client, role Server) {
           rec Loop { choice at Client {
             request(#{type}) from Client to Server;
             answer(#{type}) from Server to Client;
             continue Loop;
           } or {
             bye() from Client to Server;
           } }
         }
         """}
      )

    ap
  end

  defp actors(ap, payload, operations) do
    Bench.with_actors([
      {Bench.Server, ap},
      {Bench.Client, {ap, payload, operations, self()}}
    ])
  end
end

# ----- A session from its registration to its end -----

defmodule Bench.Buyer1 do
  @behaviour :maty_actor

  def init_actor({ap, sessions, report}) do
    :maty.register(ap, :Buyer1)
    {:ok, {ap, sessions, Bench.now(), report}}
  end

  def init_session(_session, actor) do
    :maty.send(:Seller, {:title, "Types and Programming Languages"})
    {:ok, &quoted/2, nil, actor}
  end

  def quoted({:quote, price}, state) do
    :maty.send(:Buyer2, {:share, div(price, 2)})
    {:done, :normal, state}
  end

  def terminate_session({:done, :normal}, _session, _state, {_ap, 1, start, report}) do
    send(report, {:elapsed, Bench.now() - start})
    {:ok, nil}
  end

  def terminate_session({:done, :normal}, _session, _state, {ap, left, start, report}) do
    :maty.register(ap, :Buyer1)
    {:ok, {ap, left - 1, start, report}}
  end
end

defmodule Bench.Buyer2 do
  @behaviour :maty_actor

  def init_actor(ap) do
    :maty.register(ap, :Buyer2)
    {:ok, ap}
  end

  def init_session(_session, ap), do: {:ok, &shared/2, nil, ap}

  def shared({:share, _half}, state) do
    :maty.send(:Seller, {:address, "1, Main Street"})
    {:suspend, &dated/2, state}
  end

  def dated({:date, _date}, state), do: {:done, :normal, state}

  def terminate_session({:done, :normal}, _session, _state, ap) do
    :maty.register(ap, :Buyer2)
    {:ok, ap}
  end
end

defmodule Bench.Seller do
  @behaviour :maty_actor

  def init_actor(ap) do
    :maty.register(ap, :Seller)
    {:ok, ap}
  end

  def init_session(_session, ap), do: {:ok, &titled/2, nil, ap}

  def titled({:title, _title}, state) do
    :maty.send(:Buyer1, {:quote, 120})
    {:suspend, &decided/2, state}
  end

  def decided({:address, _address}, state) do
    :maty.send(:Buyer2, {:date, 20_261_201})
    {:done, :normal, state}
  end

  def decided({:quit}, state), do: {:done, :normal, state}

  def terminate_session({:done, :normal}, _session, _state, ap) do
    :maty.register(ap, :Seller)
    {:ok, ap}
  end
end

defmodule Bench.Shop do
  @moduledoc """
  The same shop by hand: a coordinator with a queue for each role, and
  participants that can be in several sales at once, so each message carries its
  sale, and a process keeps by sale what it waits for.
  """

  @roles [:buyer1, :buyer2, :seller]

  def run(sales) do
    report = self()
    coordinator = spawn(fn -> coordinate(Map.new(@roles, &{&1, :queue.new()})) end)
    seller = spawn(fn -> participate(:seller, coordinator, nil) end)
    buyer2 = spawn(fn -> participate(:buyer2, coordinator, nil) end)
    buyer1 = spawn(fn -> participate(:buyer1, coordinator, {sales, Bench.now(), report}) end)
    elapsed = Bench.elapsed()
    Bench.stop([coordinator, seller, buyer1, buyer2])
    elapsed
  end

  defp coordinate(queues) do
    receive do
      {:register, role, pid} ->
        queues |> Map.update!(role, &:queue.in(pid, &1)) |> pair() |> coordinate()
    end
  end

  defp pair(queues) do
    if Enum.any?(@roles, &:queue.is_empty(Map.fetch!(queues, &1))) do
      queues
    else
      peers = Map.new(@roles, &{&1, :queue.get(Map.fetch!(queues, &1))})
      sale = make_ref()
      for {_role, pid} <- peers, do: send(pid, {:start, sale, peers})
      pair(Map.new(queues, fn {role, queue} -> {role, :queue.drop(queue)} end))
    end
  end

  defp participate(role, coordinator, goal) do
    register(role, coordinator)
    loop(role, coordinator, %{}, goal)
  end

  defp register(role, coordinator), do: send(coordinator, {:register, role, self()})

  defp loop(role, coordinator, sales, goal) do
    receive do
      {:start, sale, peers} ->
        loop(role, coordinator, Map.put(sales, sale, started(role, sale, peers)), goal)

      {sale, message} when is_map_key(sales, sale) ->
        {waits_for, peers} = Map.fetch!(sales, sale)

        case handle(waits_for, message, sale, peers) do
          :done ->
            ended(role, coordinator, Map.delete(sales, sale), goal)

          next ->
            loop(role, coordinator, Map.put(sales, sale, {next, peers}), goal)
        end
    end
  end

  defp started(:buyer1, sale, peers) do
    send(peers.seller, {sale, {:title, "Types and Programming Languages"}})
    {:quoted, peers}
  end

  defp started(:buyer2, _sale, peers), do: {:shared, peers}
  defp started(:seller, _sale, peers), do: {:titled, peers}

  defp handle(:titled, {:title, _title}, sale, peers) do
    send(peers.buyer1, {sale, {:quote, 120}})
    :decided
  end

  defp handle(:quoted, {:quote, price}, sale, peers) do
    send(peers.buyer2, {sale, {:share, div(price, 2)}})
    :done
  end

  defp handle(:shared, {:share, _half}, sale, peers) do
    send(peers.seller, {sale, {:address, "1, Main Street"}})
    :dated
  end

  defp handle(:decided, {:address, _address}, sale, peers) do
    send(peers.buyer2, {sale, {:date, 20_261_201}})
    :done
  end

  defp handle(:dated, {:date, _date}, _sale, _peers), do: :done

  defp ended(:buyer1, _coordinator, _sales, {1, start, report}) do
    send(report, {:elapsed, Bench.now() - start})
  end

  defp ended(:buyer1, coordinator, sales, {left, start, report}) do
    register(:buyer1, coordinator)
    loop(:buyer1, coordinator, sales, {left - 1, start, report})
  end

  defp ended(role, coordinator, sales, goal) do
    register(role, coordinator)
    loop(role, coordinator, sales, goal)
  end
end

defmodule Bench.WholeSession do
  @protocol """
  protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {
    title(binary) from Buyer1 to Seller;
    quote(number) from Seller to Buyer1;
    share(number) from Buyer1 to Buyer2;
    choice at Buyer2 {
      address(binary) from Buyer2 to Seller;
      date(integer) from Seller to Buyer2;
    } or {
      quit() from Buyer2 to Seller;
    }
  }
  """

  def protocol, do: {:string, @protocol}

  def run do
    {:ok, ap} = :maty_access_point.start_link(protocol())

    times =
      Bench.medians(
        [
          plain: &Bench.Shop.run/1,
          actors: fn sessions ->
            Bench.with_actors([
              {Bench.Seller, ap},
              {Bench.Buyer2, ap},
              {Bench.Buyer1, {ap, sessions, self()}}
            ])
          end
        ],
        5_000
      )

    Bench.ratio(
      "a session of three, five messages, whole",
      times.actors,
      "ns",
      {"the same by hand", times.plain},
      2.0
    )

    Bench.note("by hand nobody is monitored: a participant that ends is noticed by none")
  end
end

# ----- Many senders, and large payloads -----

defmodule Bench.Source do
  @moduledoc "Sends a burst when it is told to, within one handler."
  @behaviour :maty_actor

  def init_actor({ap, payload, report}) do
    :maty.register(ap, :Source)
    {:ok, {payload, report}}
  end

  def init_session(_session, {payload, report}) do
    send(report, {:ready, self()})

    receive do
      {:burst, operations} -> burst(payload, operations)
    end

    send(report, {:finished, self()})
    # Its turn to send goes on; the actor is ended where it stands.
    Process.sleep(:infinity)
  end

  defp burst(_payload, 0), do: :ok

  defp burst(payload, left) do
    :maty.send(:Sink, {:item, payload})
    burst(payload, left - 1)
  end
end

defmodule Bench.Sink do
  @behaviour :maty_actor

  def init_actor({ap, report}) do
    :maty.register(ap, :Sink)
    {:ok, report}
  end

  def init_session(_session, report) do
    send(report, {:ready, self()})
    {:ok, &item/2, nil, report}
  end

  def item({:item, _}, state), do: {:suspend, &item/2, state}
end

defmodule Bench.Sends do
  @senders 1000

  def senders do
    integer = access_point("integer")

    times =
      Bench.medians(
        [
          one: &burst(integer, 1, 1, &1),
          many: &burst(integer, 1, @senders, &1)
        ],
        100_000
      )

    Bench.ratio(
      "a checked send from one of 1000 actors",
      times.many,
      "ns",
      {"one actor", times.one},
      1.3
    )

    Bench.note("scheduler time: with 1000 actors the time of each scheduler is counted")
  end

  def payloads do
    for {name, type, payload} <- [
          {"alone", "binary", & &1},
          {"in a tuple with a map", "{%{id: integer}, binary}", &{%{id: 1}, &1}}
        ] do
      ap = access_point(type)
      small = payload.(String.duplicate("a", 10))
      large = payload.(String.duplicate("a", 1_000_000))

      times =
        Bench.medians([small: &burst(ap, small, 1, &1), large: &burst(ap, large, 1, &1)], 20_000)

      Bench.ratio(
        "a checked send of 1 MB, #{name}",
        times.large,
        "ns",
        {"10 bytes", times.small},
        1.2
      )
    end
  end

  # Each source has a sink of its own, which is suspended, so that sending is all
  # that the schedulers do.
  defp burst(ap, payload, senders, operations) do
    me = self()
    pids = Bench.start(for(_ <- 1..senders, do: {Bench.Sink, {ap, me}}))
    sources = Bench.start(for(_ <- 1..senders, do: {Bench.Source, {ap, payload, me}}))
    each(sources ++ pids, :ready)
    for pid <- pids, do: :erlang.suspend_process(pid)
    start = Bench.now()
    for pid <- sources, do: send(pid, {:burst, div(operations, senders)})
    each(sources, :finished)
    elapsed = Bench.now() - start
    Bench.stop(sources ++ pids)
    elapsed * min(senders, System.schedulers_online())
  end

  defp each(pids, tag) do
    for pid <- pids do
      receive do
        {^tag, ^pid} -> :ok
      end
    end
  end

  defp access_point(type) do
    {:ok, ap} =
      :maty_access_point.start_link(
        {:string,
         """
         protocol Burst(role Source, role Sink) {
           rec Loop { choice at Source {
             item(#{type}) from Source to Sink;
             continue Loop;
           } or {
             last() from Source to Sink;
           } }
         }
         """}
      )

    ap
  end
end

# ----- Messages that come before their turn -----

defmodule Bench.Early do
  @behaviour :maty_actor

  @protocol """
  protocol Early(role Source, role Sink, role Gate) {
    open() from Gate to Sink;
    rec Loop { choice at Source {
      item(integer) from Source to Sink;
      continue Loop;
    } or {
      last() from Source to Sink;
    } }
  }
  """

  def run do
    {:ok, ap} = :maty_access_point.start_link({:string, @protocol})

    times =
      Bench.medians(
        [
          ordered: &items(ap, [:Gate, :Source], :resumed, &1),
          early: &items(ap, [:Source, :Gate], :resumed, &1),
          released: &items(ap, [:Source, :Gate], :opened, &1)
        ],
        10_000
      )

    baseline = {"in order", times.ordered}
    Bench.ratio("10,000 early messages, kept and released", times.early, "ns", baseline, 1.5)
    Bench.ratio("10,000 early messages, released", times.released, "ns", baseline, 1.5)
    Bench.note("an early message goes through a queue of its sender before its turn")
  end

  # The sink is held until all that it is to receive is in its mailbox. Its time
  # counts from one of the two moments, that it is let go or that the gate opens.
  defp items(ap, order, from, operations) do
    me = self()
    roles = [:Source, :Sink, :Gate]
    pids = Bench.start(for role <- roles, do: {__MODULE__, {ap, role, operations, from, me}})
    actors = Map.new(Enum.zip(roles, pids))

    for role <- roles do
      receive do
        {:ready, ^role} -> :ok
      end
    end

    send(actors[:Sink], :hold)

    for role <- order do
      send(actors[role], :go)

      receive do
        {:sent, ^role} -> :ok
      end
    end

    send(actors[:Sink], :resume)
    elapsed = Bench.elapsed()
    Bench.stop(pids)
    elapsed
  end

  def init_actor({ap, role, _, _, _} = actor) do
    :maty.register(ap, role)
    {:ok, actor}
  end

  def init_session(_session, {_, :Sink, _, from, report} = actor) do
    send(report, {:ready, :Sink})
    {:ok, &opened/2, {from, report}, actor}
  end

  def init_session(_session, {_, role, operations, _, report} = actor) do
    send(report, {:ready, role})

    receive do
      :go -> speak(role, operations)
    end

    send(report, {:sent, role})
    {:done, :normal, actor}
  end

  defp speak(:Gate, _), do: :maty.send(:Sink, {:open})

  defp speak(:Source, operations) do
    for item <- 1..operations, do: :maty.send(:Sink, {:item, item})
    :maty.send(:Sink, {:last})
  end

  def handle_info(:hold, actor) do
    receive do
      :resume -> :ok
    end

    Process.put(:resumed, Bench.now())
    {:noreply, actor}
  end

  def opened({:open}, state) do
    Process.put(:opened, Bench.now())
    {:suspend, &item/2, state}
  end

  def item({:item, _}, state), do: {:suspend, &item/2, state}

  def item({:last}, {from, report} = state) do
    send(report, {:elapsed, Bench.now() - Process.get(from)})
    {:done, :normal, state}
  end
end

# ----- Memory -----

defmodule Bench.Memory do
  @moduledoc """
  Sessions that live and rest. In each of them a message is on its way, because a
  role that has to send does so at once: C waits until A and B are held, and
  begins then; what it sends stays in B's mailbox and is counted.
  """
  @behaviour :maty_actor

  @sessions 10_000
  @roles [:A, :B, :C]

  @protocol """
  protocol Round(role A, role B, role C) {
    rec Loop {
      token(integer) from C to B;
      token(integer) from B to A;
      token(integer) from A to C;
      continue Loop;
    }
  }
  """

  def run do
    {:ok, ap} = :maty_access_point.start_link({:string, @protocol})
    live(ap, 1, 1)
    {c, all} = live(ap, 1, @sessions)
    Bench.value("memory of a session of three, in C", c, "bytes", 256)
    Bench.value("memory of a session of three, everything", all, "bytes", 3072)

    Bench.note(
      "#{@sessions} sessions of three actors that take part in all; one message under way in each"
    )

    {_c, all} = live(ap, @sessions, @sessions)
    Bench.value("the same with actors of its own", all, "bytes", nil)
    Bench.note("three processes for each session, heaps included")
  end

  # Bytes for each session, of so many sessions among so many actors of each role.
  defp live(ap, actors, sessions) do
    before = memory()
    each = div(sessions, actors)

    pids =
      for role <- @roles do
        {role, Bench.start(for _ <- 1..actors, do: {__MODULE__, {ap, role, each, self()}})}
      end

    began(2 * sessions)
    hold(pids[:A])
    hold(pids[:B])
    for pid <- pids[:C], do: send(pid, :go)
    began(sessions)
    # An answer of C comes after all that it did before.
    for pid <- pids[:C], do: :sys.get_status(pid)
    for {_, group} <- pids, pid <- group, do: :erlang.garbage_collect(pid)
    live = memory()
    for {_, group} <- pids, do: Bench.stop(group)
    {c, all} = {live.c - before.c, live.all - before.all}
    {c / sessions, all / sessions}
  end

  defp hold(pids) do
    for pid <- pids, do: send(pid, {:hold, self()})

    for pid <- pids do
      receive do
        {:held, ^pid} -> :ok
      end
    end
  end

  # What the driver allocates is part of the VM's total.
  defp memory do
    for pid <- Process.list(), do: :erlang.garbage_collect(pid)
    %{c: :maty.counters().bytes, all: :erlang.memory(:total)}
  end

  defp began(0), do: :ok

  defp began(left) do
    receive do
      :began -> began(left - 1)
    end
  end

  def init_actor({ap, role, sessions, report}) do
    for _ <- 1..sessions, do: :maty.register(ap, role)
    {:ok, {role, report}, if(role == :C, do: {:continue, :wait}, else: :infinity)}
  end

  def handle_continue(:wait, actor) do
    receive do
      :go -> {:noreply, actor}
    end
  end

  def init_session(_session, {role, report} = actor) do
    if role == :C, do: :maty.send(:B, {:token, 1})
    send(report, :began)
    {:ok, &token/2, nil, actor}
  end

  # Nothing gets this far.
  def token({:token, _}, state), do: {:done, :normal, state}

  def handle_info({:hold, report}, actor) do
    send(report, {:held, self()})

    receive do
      :never -> {:noreply, actor}
    end
  end
end

Bench.header("Actors")
# First, while no memory is left over from anything else.
Bench.Memory.run()

Bench.on_one_scheduler(fn ->
  Bench.note("all but the 1000 senders on one scheduler: where the VM puts processes is chance")
  Bench.RequestAnswer.run()
  Bench.WholeSession.run()
  Bench.Early.run()
  Bench.Sends.payloads()
end)

Bench.Sends.senders()
