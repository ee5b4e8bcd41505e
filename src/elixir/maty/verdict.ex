defmodule Maty.Verdict do
  @moduledoc """
  What the checker found in a text.

    * `:accepted?` - whether every protocol of the text is accepted
    * `:source` - the file's name, or what the text was called
    * `:sources` - the texts that were read, with those it imports, by name
    * `:protocols` - those that are accepted
    * `:diagnostics` - what was found, in the order of the text

  `to_string/1` writes all findings, each with its place, the line of the source,
  and for a protocol that goes wrong the run in which it does.

      iex> {:ok, verdict} = Maty.Protocol.check_string("global protocol P(role A, role B) { }", "p.scr")
      iex> hd(verdict.diagnostics).class
      "unused-role"
  """

  @typedoc """
  A finding. `:class` is the rule that is broken; `:run` is empty, or the
  message sequences that show it, as text. `:parts` are the same as data, and
  `:sequence` as a Mermaid diagram. Line and column count from 1, columns and
  lengths in bytes.
  """
  @type diagnostic :: %{
          severity: :error | :note,
          class: String.t(),
          source: String.t(),
          line: non_neg_integer(),
          column: non_neg_integer(),
          length: non_neg_integer(),
          text: String.t(),
          run: String.t(),
          parts: [part()],
          sequence: String.t()
        }

  @typedoc """
  One run. In a run of the conversation as a whole a step is a message; where
  machines run against one another, sending and receiving are two.
  """
  @type part :: %{
          heading: String.t(),
          steps: [
            %{
              kind: :message | :send | :receive,
              number: pos_integer(),
              sender: String.t(),
              receiver: String.t(),
              label: String.t(),
              line: non_neg_integer()
            }
          ],
          ending: String.t()
        }

  @type t :: %__MODULE__{
          accepted?: boolean(),
          source: String.t(),
          sources: %{String.t() => String.t()},
          protocols: [Maty.Protocol.t()],
          diagnostics: [diagnostic()]
        }

  @enforce_keys [:accepted?, :source, :sources, :protocols, :diagnostics]
  defstruct @enforce_keys

  @doc false
  @spec new(:maty_protocol.verdict()) :: t()
  def new(%{accepted: accepted, protocols: protocols} = verdict) do
    %__MODULE__{
      accepted?: accepted,
      source: verdict.source,
      sources: verdict.sources,
      protocols: Enum.map(protocols, &struct!(Maty.Protocol, &1)),
      diagnostics: verdict.diagnostics
    }
  end

  defimpl String.Chars do
    def to_string(%{accepted?: true, source: source}), do: "#{source}: accepted"

    def to_string(verdict) do
      {:rejected, Map.from_struct(verdict)}
      |> :maty_protocol.format_error()
      |> IO.chardata_to_string()
    end
  end

  defimpl Inspect do
    def inspect(%{accepted?: true} = verdict, _options) do
      "#Maty.Verdict<#{verdict.source} accepted: #{Enum.map_join(verdict.protocols, ", ", & &1.name)}>"
    end

    def inspect(verdict, _options) do
      errors = Enum.filter(verdict.diagnostics, &(&1.severity == :error))
      places = Enum.map_join(errors, ", ", &"#{&1.class} at #{&1.line}:#{&1.column}")
      "#Maty.Verdict<#{verdict.source} not accepted: #{places}>"
    end
  end
end
