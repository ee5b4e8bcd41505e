defmodule Maty.Actor do
  @moduledoc """
  The behaviour of an actor: one process that takes part in many sessions.

  An actor registers for roles at access points. When a session begins, its
  `c:init_session/2` returns the first handler; from then on each message that
  the protocol expects runs the handler that is suspended for it.

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
          {:ok, &title_handler/2, %{}, actor}       # first handler, this session's state, actor's state
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

  It is started like any process, under a supervisor as a rule:

      children = [
        {Maty.AccessPoint, protocol: TwoBuyer, name: :shop},
        {Seller, :shop}
      ]

  ## Handlers

  A handler is a function of a message and of the session's own state. It sends
  what it has to send with `Maty.send/2`, and returns

    * `{:suspend, handler, state}` - wait for the next message of this session,
      with this handler
    * `{:done, reason, state}` - the role has come to its end
    * `:noreply` - wait for the next message, with handler and state as they are

  Suspending is allowed where the protocol lets the role wait, being done where
  it has nothing left to do; anything else is a `Maty.ProtocolError`. What a
  handler raises ends the actor, as it would end a `GenServer`.

  ## An OTP process

  Ordinary messages reach an actor as they reach a `GenServer`:
  `c:handle_call/3`, `c:handle_cast/2`, `c:handle_info/2`, `c:handle_continue/2`,
  `c:terminate/2` and `c:code_change/3` are those of `GenServer`, with the actor's
  state. `:sys` works on it; its state there is a map of `:actor_state` and, by
  session and role, `:sessions` with `:next_handler` and `:local_state`.

  ## `use Maty.Actor`

  It defines `start_link/1` and `child_spec/1`, both of which can be overridden.
  Options of `use` go into the child specification, as with `GenServer`:

      use Maty.Actor, restart: :transient, shutdown: 10_000
  """

  @typedoc "The actor's own state, one for all its sessions."
  @type state :: term()

  @typedoc "The state of one session."
  @type local_state :: term()

  @typedoc "What runs when the next message of a session comes."
  @type handler :: (Maty.message(), local_state() -> handled())

  @type handled ::
          {:suspend, handler(), local_state()}
          | {:done, reason :: term(), local_state()}
          | :noreply

  @typedoc """
  How a role came to its end: as the protocol has it, with the handler's reason;
  or because a role that it waited for is gone, or the engine, or because more
  messages waited than may.
  """
  @type ending ::
          {:done, term()} | {:failed, {:cancelled, Maty.role()} | :overload | :engine_down}

  @type action :: timeout() | :hibernate | {:continue, term()}

  @type option ::
          {:name, atom() | {:global, term()} | {:via, module(), term()}}
          | {:timeout, timeout()}
          | {:debug, [:sys.debug_option()]}
          | {:spawn_opt, [term()]}
          | {:hibernate_after, timeout()}
          | {:max_waiting, pos_integer() | :infinity}

  @type on_start :: {:ok, pid()} | :ignore | {:error, {:already_started, pid()} | term()}

  @doc """
  Runs first in the new process, with the argument it was started with. Registers
  for roles, as a rule.
  """
  @callback init_actor(argument :: term()) ::
              {:ok, state()} | {:ok, state(), action()} | {:stop, reason :: term()} | :ignore

  @doc """
  Runs when a session begins. What the role sends first is sent here. Returns the
  first handler, the session's state and the actor's; or `:done`, for a role that
  only sends, and whose session has the state `:undefined` then.
  """
  @callback init_session(Maty.session(), state()) ::
              {:ok, handler(), local_state(), state()} | {:done, reason :: term(), state()}

  @doc """
  Runs after `c:init_session/2`, and before the role waits for the first time.
  """
  @callback setup_actor(Maty.session(), state()) :: {:ok, state()}

  @doc """
  Runs when a session has ended for this actor. It cannot send in that session
  any more.
  """
  @callback terminate_session(ending(), Maty.session(), local_state(), state()) ::
              {:ok, state()} | {:stop, reason :: term(), state()}

  @doc """
  Runs when an access point has ended where the actor had registered for these
  roles. Without it, that is logged. It does not run for an access point that the
  actor gave by a name: there it registers again with whoever gets the name.
  """
  @callback access_point_down(Maty.AccessPoint.t(), [Maty.role()], state()) ::
              {:ok, state()} | {:stop, reason :: term(), state()}

  @doc """
  Runs when a registration was turned away, because more waited at the access point
  than may. Without it, that is logged.
  """
  @callback turned_away(Maty.AccessPoint.t(), Maty.role(), state()) ::
              {:ok, state()} | {:stop, reason :: term(), state()}

  @doc "As `c:GenServer.handle_call/3`."
  @callback handle_call(request :: term(), GenServer.from(), state()) ::
              {:reply, term(), state()}
              | {:reply, term(), state(), action()}
              | {:noreply, state()}
              | {:noreply, state(), action()}
              | {:stop, reason :: term(), term(), state()}
              | {:stop, reason :: term(), state()}

  @doc "As `c:GenServer.handle_cast/2`."
  @callback handle_cast(request :: term(), state()) ::
              {:noreply, state()}
              | {:noreply, state(), action()}
              | {:stop, reason :: term(), state()}

  @doc "As `c:GenServer.handle_info/2`."
  @callback handle_info(message :: :timeout | term(), state()) ::
              {:noreply, state()}
              | {:noreply, state(), action()}
              | {:stop, reason :: term(), state()}

  @doc "As `c:GenServer.handle_continue/2`."
  @callback handle_continue(term(), state()) ::
              {:noreply, state()}
              | {:noreply, state(), action()}
              | {:stop, reason :: term(), state()}

  @doc "As `c:GenServer.terminate/2`."
  @callback terminate(reason :: term(), state()) :: term()

  @doc "As `c:GenServer.code_change/3`."
  @callback code_change(old_version :: term(), state(), extra :: term()) ::
              {:ok, state()} | {:error, reason :: term()}

  @optional_callbacks setup_actor: 2,
                      terminate_session: 4,
                      access_point_down: 3,
                      turned_away: 3,
                      handle_call: 3,
                      handle_cast: 2,
                      handle_info: 2,
                      handle_continue: 2,
                      terminate: 2,
                      code_change: 3

  @doc false
  defmacro __using__(options) do
    quote location: :keep, bind_quoted: [options: options] do
      @behaviour Maty.Actor

      @doc """
      Starts the actor, linked to the caller; `init_actor/1` gets the argument.
      """
      def start_link(argument), do: Maty.Actor.start_link(__MODULE__, argument)

      @doc """
      Returns a specification to start this module under a supervisor.

      See `Supervisor`.
      """
      def child_spec(argument) do
        default = %{id: __MODULE__, start: {__MODULE__, :start_link, [argument]}}
        Supervisor.child_spec(default, unquote(Macro.escape(options)))
      end

      defoverridable start_link: 1, child_spec: 1
    end
  end

  @doc """
  Starts an actor of a module, linked to the caller. Returns once
  `c:init_actor/1` has.

  The options are those of `GenServer.start_link/3`: `:name`, `:timeout`, `:debug`,
  `:spawn_opt`, `:hibernate_after`; and `:max_waiting`, how many messages may wait for
  their turn, in all sessions of the actor: the session that gets one more fails here,
  with `:overload`. Raises `ArgumentError` for any other.

      {:ok, seller} = Maty.Actor.start_link(Seller, :shop, name: Seller)
  """
  @spec start_link(module(), term()) :: on_start()
  @spec start_link(module(), term(), [option()]) :: on_start()
  def start_link(module, argument, options \\ []) do
    {name, rest} = options!(options, "Maty.Actor.start_link/3")

    case name do
      nil -> :maty_actor.start_link(module, argument, rest)
      name -> :maty_actor.start_link(name, module, argument, rest)
    end
  end

  @doc """
  Like `start_link/3`, and not linked.

      {:ok, seller} = Maty.Actor.start(Seller, :shop)
  """
  @spec start(module(), term()) :: on_start()
  @spec start(module(), term(), [option()]) :: on_start()
  def start(module, argument, options \\ []) do
    {name, rest} = options!(options, "Maty.Actor.start/3")

    case name do
      nil -> :maty_actor.start(module, argument, rest)
      name -> :maty_actor.start(name, module, argument, rest)
    end
  end

  @known [:name, :timeout, :debug, :spawn_opt, :hibernate_after, :max_waiting]

  defp options!(options, who) do
    {name, rest} = options |> Maty.Options.check!(@known, who) |> Map.pop(:name)
    {name!(name, who), [{:report_cb, &Maty.Report.format/2} | Map.to_list(rest)]}
  end

  defp name!(nil, _who), do: nil
  defp name!(name, _who) when is_atom(name), do: {:local, name}
  defp name!({:global, _} = name, _who), do: name
  defp name!({:via, module, _} = name, _who) when is_atom(module), do: name

  defp name!(other, who) do
    raise ArgumentError,
          "#{who}: expected :name to be an atom, {:global, term} or {:via, module, term}, " <>
            "got: #{inspect(other)}"
  end

  @doc """
  Calls an actor, which answers in `c:handle_call/3`; the same as `GenServer.call/3`.

      Maty.Actor.call(seller, :books_sold)
      #=> 12
  """
  @spec call(GenServer.server(), term()) :: term()
  @spec call(GenServer.server(), term(), timeout()) :: term()
  defdelegate call(actor, request, timeout \\ 5000), to: GenServer

  @doc """
  Sends a request to an actor's `c:handle_cast/2`; the same as `GenServer.cast/2`.

      Maty.Actor.cast(seller, {:new_price, "Logic", 155})
      #=> :ok
  """
  @spec cast(GenServer.server(), term()) :: :ok
  defdelegate cast(actor, request), to: GenServer

  @doc """
  Answers a call later than in `c:handle_call/3`; the same as `GenServer.reply/2`.

      def handle_cast(:counted, actor) do
        Maty.Actor.reply(actor.from, actor.count)
        {:noreply, actor}
      end
  """
  @spec reply(GenServer.from(), term()) :: :ok
  defdelegate reply(from, reply), to: GenServer

  @doc """
  Stops an actor, and waits for its end; the same as `GenServer.stop/3`. The roles
  that it had in sessions fail.

      Maty.Actor.stop(seller)
      #=> :ok
  """
  @spec stop(GenServer.server()) :: :ok
  @spec stop(GenServer.server(), reason :: term()) :: :ok
  @spec stop(GenServer.server(), reason :: term(), timeout()) :: :ok
  defdelegate stop(actor, reason \\ :normal, timeout \\ :infinity), to: GenServer
end
