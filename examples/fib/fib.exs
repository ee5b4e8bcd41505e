# mix run examples/fib/fib.exs
#
# A tree of actors, with an access point for each family. Who is asked for a number holds
# that session, asks two children of its own in another, and goes on with the first when
# both have answered.
defmodule FibOne do
  use Maty.Protocol, file: "fib.scr", protocol: :FibOne
end

defmodule FibTwo do
  use Maty.Protocol, file: "fib.scr", protocol: :FibTwo
end

defmodule Fib do
  use Maty.Actor,
    roles: [{FibOne, :Child}, {FibTwo, :Left}, {FibTwo, :Right}, {FibTwo, :Parent}]

  @impl true
  def init_actor({ap, role}) do
    Maty.register(ap, role)
    {:ok, nil}
  end

  # Its state is what it was asked for.
  @impl true
  def init_session(%{role: :Parent}, n) do
    Maty.send(:Left, {:Request, n - 1})
    Maty.send(:Right, {:Request, n - 2})
    {:ok, &left/2, nil, n}
  end

  def init_session(_session, actor), do: {:ok, &request/2, nil, actor}

  def request({:Request, n}, nil) when n < 2, do: respond(n, nil)

  def request({:Request, n}, nil) do
    # The actor's own state is not for handlers, so it tells itself.
    Maty.Actor.cast(self(), {:ask, n})
    {:hold, :asked, &respond/2, nil}
  end

  def respond(number, nil) do
    Maty.send(:Parent, {:Response, number})
    {:done, :normal, nil}
  end

  @impl true
  def handle_cast({:ask, n}, nil) do
    {:ok, ap} = Maty.AccessPoint.start_link(protocol: FibTwo)
    {:ok, _left} = start_link({ap, :Left})
    {:ok, _right} = start_link({ap, :Right})
    Maty.register(ap, :Parent)
    {:noreply, n}
  end

  def left({:Response, number}, nil), do: {:suspend, &right/2, number}

  def right({:Response, number}, other) do
    Maty.become(:asked, number + other)
    {:done, :normal, nil}
  end

  # The family has answered; who asked is answered next, and then it ends.
  @impl true
  def terminate_session({:done, :normal}, %{role: :Parent} = session, _state, n) do
    Maty.AccessPoint.stop(session.access_point)
    {:ok, n}
  end

  def terminate_session({:done, :normal}, _session, _state, n), do: {:stop, :normal, n}
end

defmodule Asker do
  use Maty.Actor, protocol: FibOne, role: :Parent

  @impl true
  def init_actor({ap, n}) do
    Maty.register(ap, :Parent)
    {:ok, n}
  end

  @impl true
  def init_session(_session, n) do
    Maty.send(:Child, {:Request, n})
    {:ok, &response/2, n, n}
  end

  def response({:Response, number}, n) do
    IO.puts("fib(#{n}) is #{number}")
    {:done, :normal, n}
  end

  @impl true
  def terminate_session({:done, :normal}, _session, _state, n), do: {:stop, :normal, n}
end

{:ok, ap} = Maty.AccessPoint.start_link(protocol: FibOne)
{:ok, _child} = Fib.start_link({ap, :Child})
{:ok, asker} = Asker.start_link({ap, 10})
Process.monitor(asker)

receive do
  {:DOWN, _monitor, :process, ^asker, :normal} -> :ok
end
