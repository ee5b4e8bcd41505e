defmodule Maty do
  @moduledoc """
  Session-typed actors: what a participant of a session calls.

  A conversation is written down once, as a protocol. An access point
  (`Maty.AccessPoint`) is where actors (`Maty.Actor`) meet to have it: they
  register for roles, and once every role has a participant, a session begins.
  Each message that is sent in it is checked against the protocol, on its way
  out and on its way in.

      defmodule Seller do
        use Maty.Actor

        @impl true
        def init_actor(ap) do
          Maty.register(ap, :Seller)
          {:ok, %{ap: ap}}
        end

        @impl true
        def init_session(_session, actor) do
          Maty.register(actor.ap, :Seller)          # stay open for the next buyers
          {:ok, &title_handler/2, %{}, actor}
        end

        def title_handler({:title, title}, state) do
          Maty.send(:Buyer1, {:quote, price(title)})
          {:suspend, &decision_handler/2, state}
        end

        def decision_handler({:address, _address}, state) do
          Maty.send(:Buyer2, {:date, ~D[2026-12-01]})
          {:done, :normal, state}
        end

        def decision_handler({:quit}, state), do: {:done, :normal, state}

        defp price(_title), do: 155
      end

  `register/2`, `unregister/2`, `send/2`, `session/0`, `sender/1`, `leave/2`, `become/2` and
  `held/0` are for actors; `sessions/0`, `sessions/1`, `counters/0`, `stuck/0` and `i/0` are for
  whoever looks at a running node.
  """

  import Kernel, except: [send: 2]

  @typedoc "A role, named as the protocol names it: `:Seller`."
  @type role :: :maty.role()

  @typedoc "What identifies a session on a node; `format_session/1` writes it."
  @type session_id :: :maty.session_id()

  @typedoc "A label and its payload: `{:quote, 155}`, `{:quit}`."
  @type message :: tuple()

  @typedoc """
  What an actor is told of a session it takes part in: a map of the session's
  `id`, the actor's `role`, the name of the `protocol`, the `access_point` it
  began at, and all `participants` by role.
  """
  @type session :: :maty.session()

  @doc """
  Registers the calling actor for a role at an access point.

  Never blocks: once every role has a participant, `c:Maty.Actor.init_session/2`
  runs in each. Each registration is for one session; an actor that wants more
  registers again, as often as it likes.

  A registration waits until it is answered or taken back. If the access point
  ends before and was given by a name, it is made again with the next process that
  has the name; else `c:Maty.Actor.access_point_down/3` is called.

  Raises `Maty.Error` if there is no such access point on this node, or no such
  role in its protocol, or if the caller is not an actor. One of another node is asked
  first, which the actor does not wait for: if that has no such role, or there is no
  such process, `c:Maty.Actor.access_point_down/3` is called; a name that nobody has
  there is waited for.

  With the option `:timeout`, in milliseconds, a registration that is not answered
  by then is taken back, and `c:Maty.Actor.registration_expired/3` is called.

      Maty.register(:shop, :Seller)
      #=> :ok

      Maty.register(:shop, :Buyer1, timeout: 60_000)
      #=> :ok
  """
  @spec register(Maty.AccessPoint.t(), role()) :: :ok
  @spec register(Maty.AccessPoint.t(), role(), timeout: timeout()) :: :ok
  def register(access_point, role, options \\ []) do
    %{timeout: timeout} = registration_options!(options)

    case :maty_registration.register(access_point, role, timeout) do
      :ok -> :ok
      {:error, reason} -> raise_at_caller(Maty.Error.exception(reason))
    end
  end

  defp registration_options!([]), do: %{timeout: :infinity}

  defp registration_options!(options) do
    who = "Maty.register/3"
    known = %{timeout: :maty_options.timeout()}

    {:ok, checked} =
      options
      |> Maty.Options.check!([:timeout], who)
      |> :maty_options.take(known)
      |> Maty.Options.accepted!(who)

    checked
  end

  @doc """
  Takes back one registration of the calling actor: of those for the role at the
  access point, given as it was to `register/2`, the one made last.

  Asks the access point, so that the answer is certain: after `:ok` no session
  comes of it. `:not_registered` means that none waits, because there was none or
  because its session has begun; `c:Maty.Actor.init_session/2` runs for that as
  ever.

      Maty.unregister(:shop, :Seller)
      #=> :ok
  """
  @spec unregister(Maty.AccessPoint.t(), role()) :: :ok | :not_registered
  defdelegate unregister(access_point, role), to: :maty

  @doc """
  Sends a message to a role of the session whose handler runs.

  Never blocks. If the protocol does not allow the message here, nothing leaves,
  and `Maty.ProtocolError` is raised at the line of the call.

      Maty.send(:Buyer1, {:quote, 155})
      #=> :ok
  """
  @spec send(role(), message()) :: :ok
  def send(role, message) do
    case :maty_session.send(role, message) do
      :ok -> :ok
      {:error, violation} -> raise_at_caller(Maty.ProtocolError.exception(violation))
    end
  end

  # Raises as if the caller of this module's function had done so: the first line
  # of the stacktrace is the one that has to be changed. As with Elixir's raise, it
  # says that the exception has a text.
  @spec raise_at_caller(Exception.t()) :: no_return()
  defp raise_at_caller(exception) do
    {:current_stacktrace, stacktrace} = Process.info(self(), :current_stacktrace)
    own = fn {module, _, _, _} -> module in [Process, __MODULE__] end
    [{module, name, arity, info} | callers] = Enum.drop_while(stacktrace, own)
    caller = {module, name, arity, info ++ [error_info: %{module: Exception}]}
    :erlang.raise(:error, exception, [caller | callers])
  end

  @doc """
  The role that sent the message with which the handler was called that runs.

  A handler need not ask, unless the protocol has the same message from two roles in one
  place, and goes on in two ways. Raises `Maty.Error` for anything else.

      def offer({:price, price} = message, state) do
        case Maty.sender(message) do
          :Shop -> {:suspend, &bill/2, price}
          :Rival -> {:suspend, &offer/2, min(price, state)}
        end
      end
  """
  @spec sender(message()) :: role()
  def sender(message) do
    case :maty_session.sender(message) do
      {:ok, role} -> role
      {:error, :not_received} -> raise_at_caller(Maty.Error.exception({:not_received, message}))
    end
  end

  @doc """
  The session whose handler runs, or `nil` outside of one.

      iex> Maty.session()
      nil
  """
  @spec session() :: session() | nil
  def session do
    case :maty.session() do
      :undefined -> nil
      session -> session
    end
  end

  @doc """
  Leaves a session, from whichever callback or handler of the calling actor;
  `session` is what `c:Maty.Actor.init_session/2` was given.

  What roles the actor has there are cancelled at once, and who waits for them
  fails, as if the actor had crashed. The actor goes on, and its
  `c:Maty.Actor.terminate_session/4` is told `{:left, reason}`. A handler leaves its
  own session by returning `{:leave, reason, state}`. Does nothing where the actor
  has no role, or no more. Raises `Maty.Error` for anything else than a session.

      def handle_cast(:give_up, actor) do
        Enum.each(actor.sessions, &Maty.leave(&1, :given_up))
        {:noreply, %{actor | sessions: []}}
      end
  """
  @spec leave(session()) :: :ok
  @spec leave(session(), reason :: term()) :: :ok
  def leave(session, reason \\ :normal)

  def leave(%{id: _, participants: _} = session, reason) do
    :maty_session.leave(session, reason)
  end

  def leave(other, _reason), do: raise_at_caller(Maty.Error.exception({:not_a_session, other}))

  @doc """
  Goes on with a session that the calling actor holds: a handler of it has returned
  `{:hold, name, handler, state}`.

  The handler is called with the argument and the state, once, and after the handler
  or callback that calls this. If the session is being gone on with already, that
  waits until it is held again; if it ends instead, it goes with the session. Raises
  `Maty.Error` if no session has that name.

      def say({:say, text}, state) do
        for name <- Maty.held(), do: Maty.become(name, {:said, text})
        {:suspend, &say/2, state}
      end
  """
  @spec become(name :: term(), argument :: term()) :: :ok
  def become(name, argument) do
    case :maty_held.become(name, argument) do
      :ok -> :ok
      {:error, :not_held} -> raise_at_caller(Maty.Error.exception({:not_held, name, held()}))
    end
  end

  @doc """
  The names of the sessions that the calling actor holds, or that are being gone on
  with.

      iex> Maty.held()
      []
  """
  @spec held() :: [name :: term()]
  defdelegate held, to: :maty

  @doc """
  The sessions of this node: one `Maty.Session` for each role that is played
  here, sorted by session. Nobody is asked, so an actor that hangs shows as well. A role
  that is to send runs a handler, or holds the session; `sessions/1` says which.

      Maty.sessions()
      #=> [#Maty.Session<#3.17.4021 TwoBuyer as Buyer1, waits for quote(number) from Seller>, ...]
  """
  @spec sessions() :: [Maty.Session.t()]
  def sessions do
    for %{id: id, protocol: protocol, roles: roles} <- :maty.sessions(), role <- roles do
      struct!(Maty.Session, Map.merge(role, %{id: id, protocol: protocol}))
    end
  end

  @doc """
  The sessions that an actor takes part in, each with the role it has and what
  it may do next. The actor is asked, so the answer comes between two handlers. A
  session that it holds says by what name.

      Maty.sessions(seller)
      #=> [#Maty.Session<#3.17.4021 TwoBuyer as Seller, waits for title(binary) from Buyer1>]

      Maty.sessions(room)
      #=> [#Maty.Session<#3.18.4021 ChatOut as Room, held as "ann", sends Incoming(string) to Client>, ...]
  """
  @spec sessions(GenServer.server()) :: [Maty.Session.t()]
  def sessions(actor) do
    pid = GenServer.whereis(actor)

    case :maty_actor.sessions(actor) do
      {:error, reason} -> raise_at_caller(Maty.Error.exception(reason))
      sessions -> Enum.map(sessions, &struct!(Maty.Session, Map.put(&1, :actor, pid)))
    end
  end

  @doc """
  What the engine of this node counted since it was started, and what it holds
  now; see `Maty.Counters`. Raises `ErlangError` with `:maty_not_started` if there is
  no engine, and with `:engine_down` if it has ended and the next one is not there yet.

      iex> %Maty.Counters{sent: sent} = Maty.counters()
      iex> is_integer(sent)
      true
  """
  @spec counters() :: Maty.Counters.t()
  def counters, do: struct!(Maty.Counters, :maty.counters())

  @doc """
  The circles of actors of this node that wait for one another across sessions: each
  has a role that waits for one of the next, which holds that session and waits in
  another. An actor whose handler runs, or that has messages before it, is in none.

  With `config :maty, stuck_interval: 60_000` it is looked at each minute, and each
  circle found is the event `:stuck` (`:maty_event.subscribe(:stuck)`). `i/0` prints them
  as text.

      iex> Maty.stuck()
      []
  """
  @spec stuck() :: [:maty_stuck.circle()]
  defdelegate stuck, to: :maty

  @doc """
  How a session's identifier is written: as in a pid, where it is and which one it
  is there.

      iex> Maty.format_session(4096)
      "#0.1.0"
  """
  @spec format_session(session_id()) :: String.t()
  def format_session(id), do: List.to_string(:maty.format_session(id))

  @doc """
  Prints the access points, the sessions and the counters of this node, and who is stuck.

      Maty.i()
      Access points
        <0.150.0>  TwoBuyer  waiting: Buyer1 0, Buyer2 0, Seller 1
      Sessions
        #3.17.4021  TwoBuyer
          Buyer2       <0.153.0>  waits for share(number) from Buyer1
      ...
  """
  @spec i() :: :ok
  defdelegate i, to: :maty
end
