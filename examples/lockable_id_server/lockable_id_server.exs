# mix run examples/lockable_id_server/lockable_id_server.exs
#
# One server takes part in a session with each client, and what it tells one depends
# on what another has done. All its handlers run in its process, one at a time, so a
# table of its own needs no further care. A client that dies with the lock does not
# keep it.
defmodule LockableIdServer do
  use Maty.Protocol, file: "lockable_id_server.scr"
end

defmodule Server do
  use Maty.Actor, protocol: LockableIdServer, role: :Server

  # The table has the last identifier, and the session that has the lock, if one has.
  @impl true
  def init_actor(ap) do
    Maty.register(ap, :Server)
    {:ok, {ap, :ets.new(:ids, [])}}
  end

  @impl true
  def init_session(_session, {ap, table} = actor) do
    Maty.register(ap, :Server)
    {:ok, &request/2, table, actor}
  end

  def request({:IDRequest}, table) do
    if :ets.member(table, :lock) do
      Maty.send(:Client, {:ReqUnavailable})
    else
      Maty.send(:Client, {:IDResponse, :ets.update_counter(table, :id, 1, {:id, 0})})
    end

    :noreply
  end

  def request({:LockRequest}, table) do
    if :ets.insert_new(table, {:lock, Maty.session().id}) do
      Maty.send(:Client, {:Locked})
      {:suspend, &unlock/2, table}
    else
      Maty.send(:Client, {:LockUnavailable})
      :noreply
    end
  end

  def unlock({:Unlock}, table) do
    :ets.delete(table, :lock)
    {:suspend, &request/2, table}
  end

  @impl true
  def terminate_session({:failed, _cause}, session, table, actor) do
    :ets.delete_object(table, {:lock, session.id})
    {:ok, actor}
  end
end

defmodule Visitor do
  # Asks for an identifier and for the lock, and goes.
  use Maty.Actor, protocol: LockableIdServer, role: :Client

  # Returns when the visitor has gone.
  def visit(ap, name) do
    {:ok, visitor} = Maty.Actor.start(__MODULE__, {ap, name})
    monitor = Process.monitor(visitor)

    receive do
      {:DOWN, ^monitor, :process, ^visitor, :normal} -> :ok
    end
  end

  @impl true
  def init_actor({ap, name}) do
    Maty.register(ap, :Client)
    {:ok, name}
  end

  @impl true
  def init_session(_session, name) do
    Maty.send(:Server, {:IDRequest})
    {:ok, &id/2, name, name}
  end

  def id({:IDResponse, id}, name), do: lock("#{name} gets #{id}", name)
  def id({:ReqUnavailable}, name), do: lock("#{name} gets no identifier", name)

  def locked({:Locked}, name) do
    Maty.send(:Server, {:Unlock})
    go("#{name} gets the lock, and goes")
  end

  def locked({:LockUnavailable}, name), do: go("#{name} does not get the lock, and goes")

  defp lock(text, name) do
    IO.puts(text)
    Maty.send(:Server, {:LockRequest})
    {:suspend, &locked/2, name}
  end

  defp go(text) do
    IO.puts(text)
    exit(:normal)
  end
end

defmodule Owner do
  # Locks the server, has a visitor come, and unlocks it.
  use Maty.Actor, protocol: LockableIdServer, role: :Client

  @impl true
  def init_actor(ap) do
    Maty.register(ap, :Client)
    {:ok, ap}
  end

  @impl true
  def init_session(_session, ap) do
    Maty.send(:Server, {:LockRequest})
    {:ok, &locked/2, ap, ap}
  end

  def locked({:Locked}, ap) do
    IO.puts("The owner has the lock")
    Visitor.visit(ap, "Ann")
    IO.puts("The owner unlocks")
    Maty.send(:Server, {:Unlock})
    Maty.send(:Server, {:IDRequest})
    {:suspend, &id/2, ap}
  end

  def locked({:LockUnavailable}, _ap), do: exit(:normal)

  def id({:IDResponse, id}, ap) do
    IO.puts("The owner gets #{id}")
    Visitor.visit(ap, "Ben")
    exit(:normal)
  end

  def id({:ReqUnavailable}, _ap), do: exit(:normal)
end

{:ok, ap} = Maty.AccessPoint.start_link(protocol: LockableIdServer)
{:ok, _server} = Server.start_link(ap)
{:ok, owner} = Owner.start_link(ap)
Process.monitor(owner)

receive do
  {:DOWN, _monitor, :process, ^owner, :normal} -> :ok
end
