defmodule Maty.Session do
  @moduledoc """
  A session as one of its roles sees it: what `Maty.sessions/0` and
  `Maty.sessions/1` return.

    * `:id`, `:protocol`, `:role` - which session, and whose view of it
    * `:actor` - the process that plays the role
    * `:state` - what the role does next: `:receive`, `:send`, or nothing, `:final`
    * `:next` - the messages that are allowed now
    * `:handler` - the handler that is suspended, if the actor was asked
    * `:waiting` - how many messages have come before their turn, if the actor
      was asked
    * `:held` - the name that `Maty.become/2` goes on with it by, if the actor was
      asked and holds the session, else `nil`

  In iex it reads as a sentence:

      #Maty.Session<#3.17.4021 TwoBuyer as Seller, waits for address(binary) from Buyer2 | quit() from Buyer2>
  """

  @typedoc """
  A message that a role may send or receive, and where the protocol says so.
  Fields are pairs of a name, often empty, and a type.
  """
  @type transition :: %{
          direction: :send | :receive,
          peer: Maty.role(),
          label: atom(),
          fields: [{String.t(), String.t()}],
          line: pos_integer(),
          column: pos_integer()
        }

  @type t :: %__MODULE__{
          id: Maty.session_id(),
          protocol: atom(),
          role: Maty.role(),
          actor: pid(),
          state: :send | :receive | :final,
          next: [transition()],
          handler: (Maty.message(), term() -> term()) | nil,
          waiting: non_neg_integer() | nil,
          held: term() | nil
        }

  defstruct [:id, :protocol, :role, :actor, :state, :handler, :waiting, :held, next: []]

  @doc """
  What the role may do next, in words.

      iex> quit = %{direction: :receive, peer: :Buyer2, label: :quit, fields: [], line: 9, column: 5}
      iex> Maty.Session.format_next(%Maty.Session{state: :receive, next: [quit]})
      "waits for quit() from Buyer2"
  """
  @spec format_next(t()) :: String.t()
  def format_next(%__MODULE__{state: state, next: next}) do
    state |> :maty_error.format_next(next) |> IO.chardata_to_string()
  end

  defimpl Inspect do
    def inspect(session, _options) do
      %{id: id, protocol: protocol, role: role} = session
      next = Maty.Session.format_next(session)
      "#Maty.Session<#{Maty.format_session(id)} #{protocol} as #{role}, #{held(session)}#{next}>"
    end

    defp held(%{held: nil}), do: ""
    defp held(%{held: name}), do: "held as #{Kernel.inspect(name)}, "
  end
end
