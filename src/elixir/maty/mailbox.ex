defmodule Maty.Mailbox do
  @moduledoc """
  A mailbox of a set capacity, as a process between those who send and the one who
  takes.

  The mailbox of a process grows as long as it is sent to. What stands before a
  process that may be slow goes through this one instead, which holds so many
  messages and then does what its policy says.

      children = [
        {Maty.Mailbox, name: :prices, capacity: 100, policy: :drop_oldest},
        {Trader, :prices}
      ]

      Maty.Mailbox.put(:prices, {:price, 155})
      #=> :ok

  Options:

    * `:capacity` (1000) - how many messages there may be
    * `:policy` (`:drop_oldest`) - what comes of one too many:
      * `:drop_oldest` - the oldest message gives way
      * `:drop_newest` - the message that comes is dropped
      * `:block` - `put/3` waits until there is room; who came first is first
      * `:fail` - `put/3` returns `{:error, :full}`
    * `:name` - as for `GenServer.start_link/3`

  A process with a loop of its own, such as an actor or a `GenServer`, asks for one
  message with `next/1`, and for another when it has handled that:

      def init_actor(mailbox) do
        Maty.Mailbox.next(mailbox)
        {:ok, mailbox}
      end

      def handle_info({:maty_mailbox, _pid, {:price, price}}, mailbox) do
        trade(price)
        Maty.Mailbox.next(mailbox)
        {:noreply, mailbox}
      end

  It is for ordinary messages. Those of a session must not be dropped: a protocol
  says what comes next. What bounds them is an option of `Maty.AccessPoint` and of
  `Maty.Actor`.
  """

  @options [:capacity, :policy, :name]

  @type policy :: :drop_oldest | :drop_newest | :block | :fail

  @type option ::
          {:capacity, pos_integer()}
          | {:policy, policy()}
          | {:name, atom() | {:global, term()} | {:via, module(), term()}}

  @typedoc """
  How many messages there are, and how many there ever were: put, taken, dropped and
  refused. What was put is there, or was taken or dropped.
  """
  @type info :: %{
          capacity: pos_integer(),
          policy: policy(),
          length: non_neg_integer(),
          put: non_neg_integer(),
          taken: non_neg_integer(),
          dropped: non_neg_integer(),
          refused: non_neg_integer()
        }

  @doc """
  Starts a mailbox, linked to the caller. Raises `ArgumentError` for a wrong option.

      iex> {:ok, mailbox} = Maty.Mailbox.start_link(capacity: 2)
      iex> for price <- [1, 2, 3], do: Maty.Mailbox.put(mailbox, price)
      [:ok, :ok, :ok]
      iex> Maty.Mailbox.take(mailbox)
      {:ok, 2}
  """
  @spec start_link([option()]) :: GenServer.on_start()
  def start_link(options \\ []) do
    who = "Maty.Mailbox.start_link/1"
    options |> checked!(who) |> :maty_mailbox.start_link() |> Maty.Options.accepted!(who)
  end

  @doc """
  A child specification. The id is the name, or the module.

      iex> Maty.Mailbox.child_spec(name: :prices).id
      :prices
  """
  @spec child_spec([option()]) :: Supervisor.child_spec()
  def child_spec(options) do
    checked!(options, "Maty.Mailbox.child_spec/1")
    id = Keyword.get(options, :name) || __MODULE__
    %{id: id, start: {__MODULE__, :start_link, [options]}}
  end

  defp checked!(options, who) do
    case options |> Maty.Options.check!(@options, who) |> Map.pop(:name) do
      {nil, rest} -> rest
      {name, rest} when is_atom(name) -> Map.put(rest, :name, {:local, name})
      {name, rest} -> Map.put(rest, :name, name)
    end
  end

  @doc """
  Puts a message in. Under the policy `:block` it waits for room, for so many
  milliseconds at most; after `{:error, :full}` the message is not in, and will not be.

      iex> {:ok, mailbox} = Maty.Mailbox.start_link(capacity: 1, policy: :fail)
      iex> Maty.Mailbox.put(mailbox, 1)
      :ok
      iex> Maty.Mailbox.put(mailbox, 2)
      {:error, :full}

      iex> {:ok, mailbox} = Maty.Mailbox.start_link(capacity: 1, policy: :block)
      iex> Maty.Mailbox.put(mailbox, 1)
      :ok
      iex> Maty.Mailbox.put(mailbox, 2, 10)
      {:error, :full}
  """
  @spec put(GenServer.server(), term(), timeout()) :: :ok | {:error, :full}
  defdelegate put(mailbox, message, timeout \\ :infinity), to: :maty_mailbox

  @doc """
  Takes the oldest message. Waits until there is one, for so many milliseconds at most.

      iex> {:ok, mailbox} = Maty.Mailbox.start_link()
      iex> Maty.Mailbox.take(mailbox, 10)
      {:error, :empty}
  """
  @spec take(GenServer.server(), timeout()) :: {:ok, term()} | {:error, :empty}
  defdelegate take(mailbox, timeout \\ :infinity), to: :maty_mailbox

  @doc """
  Asks for one message, which the caller is sent as `{:maty_mailbox, pid, message}` as
  soon as there is one; the pid is the mailbox's.

      iex> {:ok, mailbox} = Maty.Mailbox.start_link()
      iex> Maty.Mailbox.next(mailbox)
      :ok
      iex> Maty.Mailbox.put(mailbox, :hello)
      iex> receive do
      ...>   {:maty_mailbox, ^mailbox, message} -> message
      ...> end
      :hello
  """
  @spec next(GenServer.server()) :: :ok
  defdelegate next(mailbox), to: :maty_mailbox

  @doc """
  How many messages there are, and what became of others.

      iex> {:ok, mailbox} = Maty.Mailbox.start_link(capacity: 1, policy: :drop_newest)
      iex> for price <- [1, 2, 3], do: Maty.Mailbox.put(mailbox, price)
      iex> Maty.Mailbox.info(mailbox)
      %{capacity: 1, policy: :drop_newest, length: 1, put: 3, taken: 0, dropped: 2, refused: 0}
  """
  @spec info(GenServer.server()) :: info()
  defdelegate info(mailbox), to: :maty_mailbox

  @doc """
  Stops a mailbox, with what is in it.
  """
  @spec stop(GenServer.server()) :: :ok
  defdelegate stop(mailbox), to: :maty_mailbox
end
