defmodule Maty.Test do
  @moduledoc """
  Tests one actor alone: the other roles of its protocol are played by partners that
  are made from the protocol.

      defmodule SellerTest do
        use ExUnit.Case, async: true
        import Maty.Test

        test "the seller" do
          assert_plays(Seller, protocol: "two_buyer.scr", role: :Seller)
        end
      end

  The partners are processes that register at an access point, like any actor, and
  the session runs on the engine, which checks every message. They send what the
  protocol lets them send, with payloads of the declared types. Run after run has the
  actor started anew, until all that its role can do has been done: where a partner
  chooses, it takes in turn what it has not taken before.

  An actor passes if each run comes to the end of the protocol, and all that the
  partners could have it do was done.

  ## Options

    * `:protocol` (required) - the path of a file, or a `t:Maty.Protocol.source/0`
    * `:role` (required) - the role that the actor plays
    * `:argument` - what the actor is started with: a function of the access point, or
      a term; the access point unless given
    * `:start` - instead, a function of the access point that starts the actor and
      returns `{:ok, pid}`; the actor must not be linked to the caller
    * `:messages` - what partners send, by label: a list of messages that are taken in
      turn, or a function that returns one. For payloads whose type says too little:
      `[title: [{:title, "Logic"}]]`
    * `:expect` - a function of each message of the actor, `{from, to, message}`, and of
      the list of all that came before it, the first first; returns `:ok` or
      `{:error, text}`
    * `:order` - `:systematic`, or `:random`: partners choose by chance, `:runs` times
    * `:runs` (100) - at most so many
    * `:seed` - an integer; the same makes the partners choose and send the same
    * `:steps` (50) - after so many messages of a run partners leave loops, and after fifty
      more, or where no way leads out, the run is cut
    * `:timeout` (5000) - for how many milliseconds nothing may happen
    * `:coverage` - what must have been done: `:receives`, all that the actor can be sent
      where it came to, unless given; `:all`, also what it may choose itself; `:none`
    * `:fault` - what a partner does wrong, `{fault, where}`. `:crash`: it is killed, and
      the actor has to live on without the session, or to end by its own
      `c:Maty.Actor.terminate_session/4`; nothing need be covered then.
      `{:delay, milliseconds}`: it waits. `:garbage`: it sends the actor messages that the
      engine must refuse, before the right one. Where is the number of the partners'
      message before which it happens, from 1; `:random`; or `:each`, one after the other
      in a run of its own

  The functions run in the test's process.
  """

  defmodule Report do
    @moduledoc """
    What an actor did under `Maty.Test`: how often its role was in each state and took
    each of its transitions, over all runs. `to_string/1` draws it.

      * `:module`, `:role`, `:protocol`, `:seed`
      * `:runs`; `:cut`, those that did not come to an end by themselves
      * `:faults` that were made; `:refused`, messages that the actor refused
      * `:states` - of each its `:state`, a number from 0, the first one; its `:phase`; its
        `:count`; and its `:transitions`, pairs of a `t:Maty.Session.transition/0` and a count
    """

    @type t :: %__MODULE__{
            module: module(),
            role: Maty.role(),
            protocol: atom(),
            seed: integer(),
            runs: pos_integer(),
            cut: non_neg_integer(),
            faults: non_neg_integer(),
            refused: non_neg_integer(),
            states: [map()]
          }

    @enforce_keys [:module, :role, :protocol, :seed, :runs, :cut, :faults, :refused, :states]
    defstruct @enforce_keys

    defimpl String.Chars do
      def to_string(report) do
        report |> Map.from_struct() |> :maty_testing.format_report() |> IO.chardata_to_string()
      end
    end

    defimpl Inspect do
      def inspect(report, _options) do
        [first | _] = report |> to_string() |> String.split("\n", parts: 2)
        "#Maty.Test.Report<#{first}>"
      end
    end
  end

  @options [
    :protocol,
    :role,
    :argument,
    :start,
    :messages,
    :expect,
    :order,
    :runs,
    :seed,
    :steps,
    :timeout,
    :coverage,
    :fault
  ]

  @doc """
  Asserts that an actor of the module plays its role, and returns the report.

  What goes wrong is an `ExUnit.AssertionError` with the conversation so far:

      Seller does not play Seller of TwoBuyer: it crashed
        ** (KeyError) key "tfippeov" not found in: %{...}
            seller.ex:22: Seller.title_handler/2

      The conversation of run 1, seed 1:
        1. Buyer1 -> Seller  title("tfippeov")
      Expected of Seller:
        sends quote(integer) to Buyer1   two_buyer.scr:5:3

  Raises `ArgumentError` for a wrong option, and `Maty.Error` for a protocol that is not
  accepted.
  """
  @spec assert_plays(module(), keyword()) :: Report.t()
  def assert_plays(module, options) do
    case plays(module, options, "Maty.Test.assert_plays/2") do
      {:ok, report} -> report
      # Not named as a module here: Maty does not depend on ExUnit.
      {:error, text} -> raise Module.concat(ExUnit, AssertionError), message: text
    end
  end

  @doc """
  Like `assert_plays/2`, and returns what went wrong as a text.

      {:ok, report} = Maty.Test.plays(Seller, protocol: "two_buyer.scr", role: :Seller)
      #=> {:ok, #Maty.Test.Report<Seller as Seller of TwoBuyer: 5 of 5 states, ...>}
  """
  @spec plays(module(), keyword()) :: {:ok, Report.t()} | {:error, String.t()}
  def plays(module, options), do: plays(module, options, "Maty.Test.plays/2")

  defp plays(module, options, who) do
    options = options |> Maty.Options.check!(@options, who) |> plain()

    case :maty_testing.plays(module, options) do
      {:ok, report} ->
        {:ok, struct!(Report, report)}

      {:error, %{kind: _} = failure} ->
        {:error, failure |> :maty_testing.format_failure() |> IO.chardata_to_string()}

      {:error, {:protocol, reason}} ->
        raise Maty.Error, reason

      {:error, {tag, _, _, _}} = error when tag == :bad_option ->
        Maty.Options.accepted!(error, who)

      {:error, {:missing_option, _}} = error ->
        Maty.Options.accepted!(error, who)

      {:error, reason} ->
        raise ArgumentError,
              "#{who}: " <> IO.chardata_to_string(:maty_testing.format_error(reason))
    end
  end

  # The options as Erlang has them.
  defp plain(options) do
    format = %{
      term: &inspect(&1, limit: 20, printable_limit: 200),
      exit: &Maty.Report.ending/1,
      stack: &format_stack/1,
      options: [report_cb: &Maty.Report.format/2]
    }

    options
    |> Map.put(:format, format)
    |> Map.replace_lazy(:protocol, &protocol/1)
    |> Map.replace_lazy(:messages, &messages/1)
  end

  defp protocol(path) when is_binary(path), do: {:file, path}
  defp protocol(source), do: Maty.Protocol.plain(source)

  defp messages(messages) when is_list(messages) do
    if Keyword.keyword?(messages), do: Map.new(messages), else: messages
  end

  defp messages(messages), do: messages

  defp format_stack(stacktrace) do
    stacktrace
    |> Maty.Report.not_own()
    |> Exception.format_stacktrace()
    |> String.replace(~r/^    /m, "at ")
  end
end
