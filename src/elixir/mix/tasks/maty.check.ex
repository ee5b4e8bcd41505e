defmodule Mix.Tasks.Maty.Check do
  @shortdoc "Checks the handlers of all actors against their protocols"
  @moduledoc """
  Checks the handlers of all actors of this project against their protocols.

      mix maty.check
      mix maty.check --json
      mix maty.check _build/dev/lib/shop/ebin

  Everything is compiled first, so unlike what is checked while a module is compiled
  (see `Maty.Handlers`), the code of all that handlers call is at hand. What cannot be
  known from the code is listed as a warning.

    * `--json` - one JSON object for each finding, one a line
    * `--strict` - what cannot be known is an error

  Exits with status 1 if a handler is wrong, and with 2 if something could not be
  checked or an option is unknown.
  """
  use Mix.Task

  @impl true
  def run(arguments) do
    {options, files, wrong} =
      OptionParser.parse(arguments, strict: [json: :boolean, strict: :boolean])

    with [{option, _} | _] <- wrong do
      Mix.shell().error("mix maty.check: unknown option #{option}; expected --json, --strict")
      exit({:shutdown, 2})
    end

    Mix.Task.run("compile")
    {:ok, _} = Application.ensure_all_started(:maty)
    files = if files == [], do: [Mix.Project.compile_path()], else: files
    strict = Keyword.get(options, :strict, false)

    checked = :maty_check.beams(Enum.map(files, &String.to_charlist/1), %{strict: strict})

    case :maty_check.report(checked, %{json: Keyword.get(options, :json, false)}) do
      0 -> :ok
      status -> exit({:shutdown, status})
    end
  end
end
