defmodule Maty.AccessPoint do
  @moduledoc """
  An access point: where the participants of one protocol meet.

  It is a process for one protocol. Actors register with it for roles
  (`Maty.register/2`); registrations queue up for each role, first come, first
  served. As soon as every role has one, the access point takes one of each,
  opens a session, and tells the participants. It takes no part in the session.

      children = [
        {Maty.AccessPoint, protocol: TwoBuyer, name: :shop},
        {Seller, :shop}
      ]

      Supervisor.start_link(children, strategy: :one_for_one)

  Sessions that have begun outlive it. If it ends, actors that gave its name when they
  registered do so again with the next process of that name.
  """

  @typedoc "An access point of this node or another, by its process or by its name."
  @type t :: :maty.access_point()

  @type option ::
          {:protocol, Maty.Protocol.source()}
          | {:name, atom() | {:global, term()} | {:via, module(), term()}}
          | {:max_waiting, pos_integer() | :infinity}
          | {:max_waiting_in_all, pos_integer() | :infinity}
          | {:drop, :newest | :oldest}
          | {:max_under_way, pos_integer() | :infinity}
          | {:overload, :refuse | :fail}

  @bounds [:max_waiting, :max_waiting_in_all, :drop, :max_under_way, :overload]
  @options [:protocol, :name | @bounds]

  @doc """
  Starts an access point, linked to the caller.

  Options:

    * `:protocol` (required) - what is spoken here; see `t:Maty.Protocol.source/0`
    * `:name` - as for `GenServer.start_link/3`
    * `:max_waiting`, `:max_waiting_in_all` (`:infinity`) - registrations that may wait
      for each role, and for all of them
    * `:drop` (`:newest`) - which one is turned away when that is one too many:
      `:newest` or `:oldest`; its actor is told (`c:Maty.Actor.turned_away/3`)
    * `:max_under_way` (`:infinity`) - messages that may be under way from one role of a
      session to another
    * `:overload` (`:refuse`) - what comes of one more: `:refuse`, the sender's
      `Maty.send/2` raises; `:fail`, the sender's session fails as well

  Returns `{:error, %Maty.Error{}}` if the protocol is not accepted: there is never
  an access point for one that is not. Raises `ArgumentError` for a wrong option.

      iex> {:ok, shop} = Maty.AccessPoint.start_link(
      ...>   protocol: {:string, "global protocol Ping(role A, role B) { ping() from A to B; }"}
      ...> )
      iex> Maty.AccessPoint.protocol(shop)
      ...> |> inspect()
      "#Maty.Protocol<Ping: A, B>"
  """
  @spec start_link([option()]) :: {:ok, pid()} | {:error, Maty.Error.t()}
  def start_link(options) do
    case Maty.Options.check!(options, @options, "Maty.AccessPoint.start_link/1") do
      %{protocol: source} = checked ->
        checked
        |> Map.put(:protocol, Maty.Protocol.plain(source))
        |> Map.reject(&(&1 == {:name, nil}))
        |> :maty_access_point.start_link()
        |> Maty.Options.accepted!("Maty.AccessPoint.start_link/1")
        |> started()

      %{} ->
        raise ArgumentError, "Maty.AccessPoint.start_link/1: the option :protocol is missing"
    end
  end

  defp started({:ok, pid}), do: {:ok, pid}
  defp started({:error, {:already_started, _} = reason}), do: {:error, reason}
  defp started({:error, reason}), do: {:error, Maty.Error.exception(reason)}

  @doc """
  A child specification. The id is the name, if there is one.

      iex> Maty.AccessPoint.child_spec(protocol: TwoBuyer, name: :shop)
      %{
        id: :shop,
        start: {Maty.AccessPoint, :start_link, [[protocol: TwoBuyer, name: :shop]]}
      }
  """
  @spec child_spec([option()]) :: Supervisor.child_spec()
  def child_spec(options) do
    name = Maty.Options.check!(options, @options, "Maty.AccessPoint.child_spec/1")[:name]
    %{id: name || __MODULE__, start: {__MODULE__, :start_link, [options]}}
  end

  @doc """
  Stops an access point. Sessions that have begun go on.

      Maty.AccessPoint.stop(:shop)
      #=> :ok
  """
  @spec stop(t()) :: :ok
  def stop(access_point), do: GenServer.stop(access_point)

  @doc """
  Moves an access point to a new version of its protocol.

  Sessions that have begun go on with the version they began with; those that begin
  from now on have the new one, and registrations stay. It moves only if each role of
  the new version can take the place of that role in the old one
  (`:maty_protocol.compare/2`). Otherwise nothing changes, and the error says which
  roles differ and where.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> {:ok, shop} = Maty.AccessPoint.start_link(protocol: {:string, text})
      iex> Maty.AccessPoint.upgrade(shop, {:string, text})
      :ok
      iex> other = "global protocol Ping(role A, role C) { ping() from A to C; }"
      iex> {:error, error} = Maty.AccessPoint.upgrade(shop, {:string, other})
      iex> error |> Exception.message() |> String.split("\\n") |> hd()
      "actors of the new version cannot stand in for those of the old one:"
  """
  @spec upgrade(t(), Maty.Protocol.source()) :: :ok | {:error, Maty.Error.t()}
  def upgrade(access_point, source) do
    case :maty_access_point.upgrade(access_point, Maty.Protocol.plain(source)) do
      :ok -> :ok
      {:error, reason} -> {:error, Maty.Error.exception(reason)}
    end
  end

  @doc """
  The protocol of an access point.

      Maty.AccessPoint.protocol(:shop)
      #=> #Maty.Protocol<TwoBuyer: Buyer1, Buyer2, Seller>
  """
  @spec protocol(t()) :: Maty.Protocol.t()
  def protocol(access_point) do
    {:ok, protocol} = Maty.Protocol.wrap({:ok, :maty_access_point.protocol(access_point)})
    protocol
  end

  @doc """
  The actors that wait for each role, the first first.

      Maty.AccessPoint.waiting(:shop)
      #=> %{Buyer1: [], Buyer2: [], Seller: [#PID<0.151.0>]}
  """
  @spec waiting(t()) :: %{Maty.role() => [pid()]}
  def waiting(access_point), do: :maty_access_point.waiting(access_point)

  @doc """
  How many actors wait for each role, how many sessions have been opened, and how
  many registrations were turned away.

      Maty.AccessPoint.info(:shop)
      #=> %{
        protocol: :TwoBuyer,
        waiting: %{Buyer1: 0, Buyer2: 0, Seller: 1},
        sessions: 12,
        turned_away: 0
      }
  """
  @spec info(t()) :: %{
          protocol: atom(),
          waiting: %{Maty.role() => non_neg_integer()},
          sessions: non_neg_integer(),
          turned_away: non_neg_integer()
        }
  def info(access_point), do: :maty_access_point.info(access_point)

  @doc """
  The access points of this node, each with the name of its protocol.

      Maty.AccessPoint.list()
      #=> [{#PID<0.150.0>, :TwoBuyer}]
  """
  @spec list() :: [{pid(), atom()}]
  def list, do: :maty_access_point.list()
end
