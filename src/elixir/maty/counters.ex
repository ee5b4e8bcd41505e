defmodule Maty.Counters do
  @moduledoc """
  What the engine of a node counted since it was started, and what it holds now.

    * `:sessions_opened`, `:sessions_closed` - sessions, ever
    * `:sent`, `:received` - messages that were allowed, ever
    * `:waited` - how often a message was offered before its turn
    * `:refused` - messages that were not allowed
    * `:cancelled` - roles that failed
    * `:expired` - those of them that waited beyond their deadline
    * `:overloaded` - messages that were refused because too many were under way, and sessions
      that were given up because their actor kept too many
    * `:endpoints` - roles of live sessions, now
    * `:bytes` - memory of sessions, now
    * `:memory` - memory of all that is in C, now
    * `:max_memory` - what that can be at most; 0 if there is no limit

  In iex:

      #Maty.Counters<2 sessions opened, 2 closed; 9 messages sent, 9 received, 0 waited,
       1 refused; 0 roles cancelled; 0 endpoints in 16384 bytes>
  """

  @type t :: %__MODULE__{
          sessions_opened: non_neg_integer(),
          sessions_closed: non_neg_integer(),
          sent: non_neg_integer(),
          received: non_neg_integer(),
          waited: non_neg_integer(),
          refused: non_neg_integer(),
          cancelled: non_neg_integer(),
          expired: non_neg_integer(),
          overloaded: non_neg_integer(),
          endpoints: non_neg_integer(),
          bytes: non_neg_integer(),
          memory: non_neg_integer(),
          max_memory: non_neg_integer()
        }

  @enforce_keys [
    :sessions_opened,
    :sessions_closed,
    :sent,
    :received,
    :waited,
    :refused,
    :cancelled,
    :expired,
    :overloaded,
    :endpoints,
    :bytes,
    :memory,
    :max_memory
  ]
  defstruct @enforce_keys

  defimpl String.Chars do
    def to_string(c) do
      "#{c.sessions_opened} sessions opened, #{c.sessions_closed} closed; " <>
        "#{c.sent} messages sent, #{c.received} received, #{c.waited} waited, " <>
        "#{c.refused} refused; #{c.cancelled} roles cancelled; " <>
        "#{c.endpoints} endpoints in #{c.bytes} bytes"
    end
  end

  defimpl Inspect do
    def inspect(counters, _options), do: "#Maty.Counters<#{counters}>"
  end
end
