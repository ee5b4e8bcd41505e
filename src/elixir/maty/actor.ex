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
    * `{:suspend, handler, state, options}` - the same, and what to do if the message
      does not come; see below
    * `{:hold, name, handler, state}` - stand still where the role sends next, until
      `Maty.become/2` calls the handler, with its argument in place of a message
    * `{:done, reason, state}` - the role has come to its end
    * `{:leave, reason, state}` - leave the session here; who waits for this role
      fails, and the actor goes on
    * `:noreply` - wait for the next message, with handler and state as they are

  Suspending is allowed where the protocol lets the role wait, holding where it
  sends, being done where it has nothing left to do; anything else is a violation, and
  raised. What a handler raises ends the actor, as it would end a `GenServer`, unless
  it was started with `on_raise: :leave`; then it ends that session, and the actor
  goes on.

  A session that waits keeps its handler as a function. If new code of the module may be
  loaded meanwhile, name it with its module: `&__MODULE__.title_handler/2` finds the
  newest, `&title_handler/2` is of the code that made it, and can be called no more once
  that has been loaded over twice.

  ## If the message does not come

  The options of a suspension, as keywords or a map:

    * `:timeout` - milliseconds, up to 2^32 - 1, or `:infinity`. If what the role waits
      for has not been sent by then, the role fails with the cause `:timeout`. Where
      the protocol gives a deadline of its own, the sooner one counts.
    * `:on_failure` - a function of the failure and of the actor's state, which returns
      `{:ok, actor}` or `{:stop, reason, actor}`; called if the role fails in this
      suspension

  A failure is told to one function: `:on_failure` of the suspension, else
  `c:handle_failure/4`, else `c:terminate_session/4`, which every other ending is told
  to. None of them can send in the session, which is over for the actor; each may
  change the actor's state, or stop the actor. Without any, the actor goes on.

      def init_session(session, actor) do
        Maty.send(:Seller, {:title, actor.title})
        {:ok, &quote_handler/2, session, actor, timeout: 5_000, on_failure: &no_quote/2}
      end

      defp no_quote(:timeout, actor), do: {:ok, %{actor | slow: actor.slow + 1}}
      defp no_quote(_failure, actor), do: {:ok, actor}

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

  Those of `start_link/3`, but `:name`, are what its `start_link/1` starts the actor
  with:

      use Maty.Actor, on_raise: :leave, max_waiting: 10_000

  With the options `:protocol` and `:role` it says which role the actor plays, and its
  handlers are checked when it is compiled; see `Maty.Handlers`.

      use Maty.Actor, protocol: TwoBuyer, role: :Seller
  """

  @typedoc "The actor's own state, one for all its sessions."
  @type state :: term()

  @typedoc "The state of one session."
  @type local_state :: term()

  @typedoc "What runs when the next message of a session comes."
  @type handler :: (Maty.message(), local_state() -> handled())

  @type handled ::
          {:suspend, handler(), local_state()}
          | {:suspend, handler(), local_state(), options()}
          | {:hold, name :: term(), held(), local_state()}
          | {:done, reason :: term(), local_state()}
          | {:leave, reason :: term(), local_state()}
          | :noreply

  @typedoc "What goes on with a session that was held, with the argument of `Maty.become/2`."
  @type held :: (argument :: term(), local_state() -> handled())

  @typedoc "Options of a suspension, as keywords or a map."
  @type options ::
          [option_of_suspension()]
          | %{
              optional(:timeout) => timeout(),
              optional(:on_failure) => on_failure()
            }

  @type option_of_suspension :: {:timeout, timeout()} | {:on_failure, on_failure()}
  @type on_failure ::
          (failure(), state() -> {:ok, state()} | {:stop, reason :: term(), state()})

  @typedoc """
  How a role came to its end: as the protocol has it, with the handler's reason;
  or it has left; or failed.
  """
  @type ending :: {:done, term()} | {:left, term()} | {:failed, failure()}

  @typedoc """
  Why a role failed: one that it waited for is gone; what it waited for was not sent
  in time; more messages waited than may; its handler raised, or ended as the protocol
  does not allow; the engine has ended; or it had no memory for the deadline.

  What was raised is as in the exit reason of a `Task` or a `GenServer`:
  `{exception, stacktrace}`, or `{:badarith, stacktrace}` for an error of the VM,
  `{{:nocatch, value}, stacktrace}` for a throw, the reason as it is for an exit. A handler
  that suspends, holds or is done where the protocol does not allow it raises nothing
  itself: the reason is `{{:protocol_violation, violation}, stacktrace}`, and
  `Maty.ProtocolError.exception/1` takes the violation.
  """
  @type failure ::
          {:cancelled, Maty.role()}
          | :timeout
          | :overload
          | {:raised, term()}
          | :engine_down
          | :no_memory

  @type action :: timeout() | :hibernate | {:continue, term()}

  @type option ::
          {:name, atom() | {:global, term()} | {:via, module(), term()}}
          | {:timeout, timeout()}
          | {:debug, [:sys.debug_option()]}
          | {:spawn_opt, [term()]}
          | {:hibernate_after, timeout()}
          | {:on_raise, :stop | :leave}
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
  only sends. A session that ends here has the state `:undefined`.
  """
  @callback init_session(Maty.session(), state()) ::
              {:ok, handler(), local_state(), state()}
              | {:ok, handler(), local_state(), state(), options()}
              | {:hold, name :: term(), held(), local_state(), state()}
              | {:done, reason :: term(), state()}
              | {:leave, reason :: term(), state()}

  @doc """
  Runs after `c:init_session/2`, and before the role waits for the first time.
  """
  @callback setup_actor(Maty.session(), state()) :: {:ok, state()}

  @doc """
  Runs when a role of the actor's has failed. It cannot send in that session any more.
  """
  @callback handle_failure(failure(), Maty.session(), local_state(), state()) ::
              {:ok, state()} | {:stop, reason :: term(), state()}

  @doc """
  Runs when a session has ended for this actor; for a failure only if there is no
  `c:handle_failure/4`. It cannot send in that session any more.
  """
  @callback terminate_session(ending(), Maty.session(), local_state(), state()) ::
              {:ok, state()} | {:stop, reason :: term(), state()}

  @doc """
  Runs when an access point has ended where the actor had registered for these
  roles, or is one of another node that does not have them. Without it, that is
  logged. It does not run for one that has ended and that the actor gave by a name:
  there it registers again with whoever gets the name.
  """
  @callback access_point_down(Maty.AccessPoint.t(), [Maty.role()], state()) ::
              {:ok, state()} | {:stop, reason :: term(), state()}

  @doc """
  Runs when a registration with a `:timeout` has not been answered in its time; it
  is taken back. Without it, that is logged.
  """
  @callback registration_expired(Maty.AccessPoint.t(), Maty.role(), state()) ::
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
                      handle_failure: 4,
                      terminate_session: 4,
                      access_point_down: 3,
                      registration_expired: 3,
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
      @after_compile Maty.Handlers

      {start_options, child_options} = Maty.Actor.__use__(options, __ENV__)

      @doc """
      Starts the actor, linked to the caller; `init_actor/1` gets the argument.
      """
      def start_link(argument) do
        Maty.Actor.start_link(__MODULE__, argument, unquote(Macro.escape(start_options)))
      end

      @doc """
      Returns a specification to start this module under a supervisor.

      See `Supervisor`.
      """
      def child_spec(argument) do
        default = %{id: __MODULE__, start: {__MODULE__, :start_link, [argument]}}
        Supervisor.child_spec(default, unquote(Macro.escape(child_options)))
      end

      defoverridable start_link: 1, child_spec: 1
    end
  end

  @doc """
  Starts an actor of a module, linked to the caller. Returns once
  `c:init_actor/1` has.

  The options are those of `GenServer.start_link/3`: `:name`, `:timeout`, `:debug`,
  `:spawn_opt`, `:hibernate_after`; `:on_raise`, what a handler that raises takes
  with it: the actor (`:stop`, the default) or only its session (`:leave`); and
  `:max_waiting`, how many messages may wait for their turn, in all sessions of the
  actor: the session that gets one more fails here, with `:overload`. Raises
  `ArgumentError` for any other.

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

  @start_options [:timeout, :debug, :spawn_opt, :hibernate_after, :on_raise, :max_waiting]

  @use_options [:protocol, :role, :roles, :check] ++
                 [:id, :start, :restart, :shutdown, :type, :modules, :significant] ++
                 @start_options

  # Takes the options of "use" apart, into those of start_link/3 and of a child.
  @doc false
  def __use__(options, env) do
    Maty.Options.check!(options, @use_options, "use Maty.Actor")
    {start, child} = options |> Maty.Handlers.__use__(env) |> Keyword.split(@start_options)
    start |> Maty.Options.check!(@start_options, "use Maty.Actor") |> values!("use Maty.Actor")
    {start, child}
  end

  defp options!(options, who) do
    {name, rest} = options |> Maty.Options.check!([:name | @start_options], who) |> Map.pop(:name)
    values!(rest, who)
    {name!(name, who), [{:report_cb, &Maty.Report.format/2} | Map.to_list(rest)]}
  end

  defp values!(%{on_raise: other}, who) when other not in [:stop, :leave] do
    raise ArgumentError,
          "#{who}: expected :on_raise to be :stop or :leave, got: #{inspect(other)}"
  end

  defp values!(%{max_waiting: other}, who)
       when other != :infinity and not (is_integer(other) and other > 0) do
    raise ArgumentError,
          "#{who}: expected :max_waiting to be a number from 1 on, or :infinity, " <>
            "got: #{inspect(other)}"
  end

  defp values!(_options, _who), do: :ok

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
