defmodule Maty.ProtocolError do
  @moduledoc """
  A message, or the end of a handler, that the protocol does not allow.

  `Maty.send/2` raises it at the sender's line; nothing has left. Its fields are
  those of the violation that Erlang code gets (`t::maty_error.violation/0`):

    * `:reason` - what is wrong, as an atom: `:no_action` (the role never sends
      this message), `:not_now` (it does, but not here), `:payload`,
      `:not_a_message`, `:no_session`, ...
    * `:direction` - `:send`, `:receive`, `:suspend` or `:done`
    * `:attempt` - the message, or for `:suspend` and `:done` the handler
    * `:peer` - the role it was to go to, or came from
    * `:field` - which field of the payload is not of its type, from 1; 0 if
      their number is wrong
    * `:session`, `:role`, `:protocol` - where it happened
    * `:source` - the file of the protocol
    * `:allowed` - what the protocol allows at this point, each with its place in
      the source
    * `:roles` - the roles of the protocol, where `:peer` is none of them
  """

  @type t :: %__MODULE__{
          reason: atom(),
          direction: :send | :receive | :suspend | :done,
          attempt: term(),
          peer: Maty.role() | nil,
          field: non_neg_integer() | nil,
          session: Maty.session_id() | nil,
          role: Maty.role() | nil,
          protocol: atom() | nil,
          source: String.t() | nil,
          allowed: [Maty.Session.transition()] | nil,
          roles: [Maty.role()] | nil
        }

  defexception [
    :reason,
    :direction,
    :attempt,
    :peer,
    :field,
    :session,
    :role,
    :protocol,
    :source,
    :allowed,
    :roles
  ]

  @impl true
  def exception(violation) when is_map(violation), do: struct!(__MODULE__, violation)

  @impl true
  def message(%__MODULE__{} = error) do
    # A violation has no key for what is not known of it.
    violation =
      for {key, value} <- Map.from_struct(error), known?(key, value), into: %{}, do: {key, value}

    violation |> :maty_error.format(&print/1) |> IO.chardata_to_string()
  end

  defp known?(:attempt, _), do: true
  defp known?(:__exception__, _), do: false
  defp known?(_, value), do: value != nil

  defp print(term), do: inspect(term, limit: 20, printable_limit: 200)
end
