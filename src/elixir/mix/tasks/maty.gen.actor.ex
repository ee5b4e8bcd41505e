defmodule Mix.Tasks.Maty.Gen.Actor do
  @shortdoc "Writes an actor that plays a role, and its test"
  @moduledoc """
  Writes an actor that plays a role of a protocol, to begin with.

      mix maty.gen.actor priv/two_buyer.scr TwoBuyer Seller --test
      mix maty.gen.actor priv/two_buyer.scr TwoBuyer Seller --module Shop.Seller

  The module has a handler for each state that waits, with a clause for each message, and
  sends what has to be sent, with a sample payload of the declared type. It is checked
  against the protocol whenever it is compiled (see `Maty.Handlers`), and plays its role
  as it is. Only a role that neither waits nor ends has to be told first when to stop: it
  would send for ever.

    * `--module` - its name; that of the role unless given
    * `--path` - where it is written; unless given, where its name belongs under `lib`
    * `--test` - writes a test as well, which has the actor play its role (see `Maty.Test`):
      in `test`, or if the path is not under `lib`, beside it
    * `--force` - overwrites files without asking
  """
  use Mix.Task

  @switches [module: :string, path: :string, test: :boolean, force: :boolean]
  @usage "mix maty.gen.actor FILE PROTOCOL ROLE [--module NAME] [--path PATH] [--test] [--force]"

  @impl true
  def run(arguments) do
    {options, operands} =
      try do
        OptionParser.parse!(arguments, strict: @switches)
      rescue
        error in OptionParser.ParseError -> Mix.raise("#{Exception.message(error)}\n#{@usage}")
      end

    case operands do
      [file, protocol, role] -> generate(file, protocol, role, options)
      _ -> Mix.raise("expected a file, a protocol and a role\n#{@usage}")
    end
  end

  defp generate(file, protocol_name, role_name, options) do
    {:ok, _} = Application.ensure_all_started(:maty)
    protocol = accepted(Maty.Protocol.new({:file, file, protocol_name}))
    role = role(protocol, role_name)
    module = module(options[:module] || Macro.camelize(role_name))
    path = options[:path] || Path.join("lib", Macro.underscore(module) <> ".ex")
    beside = relative(Path.expand(file), Path.dirname(Path.expand(path)))
    source = accepted(Maty.Protocol.skeleton(protocol, role, :elixir, module, file: beside))
    force = Keyword.take(options, [:force])
    Mix.Generator.create_file(path, [Code.format_string!(source), ?\n], force)

    if options[:test] do
      text = test(module, file, Maty.Protocol.name(protocol), role)
      Mix.Generator.create_file(test_path(path), text, force)
    end

    :ok
  end

  defp accepted({:ok, result}), do: result
  defp accepted({:error, error}), do: Mix.raise(Exception.message(error))

  defp role(protocol, name) do
    roles = Maty.Protocol.roles(protocol)

    Enum.find(roles, &(Atom.to_string(&1) == name)) ||
      Mix.raise(
        "#{Maty.Protocol.name(protocol)} has no role #{name}; it has #{Enum.join(roles, ", ")}"
      )
  end

  defp module(name) do
    if name =~ ~r/\A[A-Z][A-Za-z0-9_]*(\.[A-Z][A-Za-z0-9_]*)*\z/,
      do: Module.concat([name]),
      else: Mix.raise("#{name} is no name of a module")
  end

  # The path of a file as it is seen from a folder.
  defp relative(file, folder), do: relative_parts(Path.split(file), Path.split(folder))

  defp relative_parts([same | file], [same | folder]), do: relative_parts(file, folder)
  defp relative_parts(file, folder), do: Path.join(Enum.map(folder, fn _ -> ".." end) ++ file)

  defp test_path(path) do
    case Path.split(Path.rootname(path) <> "_test.exs") do
      ["lib" | rest] -> Path.join(["test" | rest])
      parts -> Path.join(parts)
    end
  end

  defp test(module, file, protocol, role) do
    """
    defmodule #{inspect(module)}Test do
      use ExUnit.Case, async: true
      import Maty.Test

      test "plays #{role} of #{protocol}" do
        assert_plays(#{inspect(module)},
          protocol: {:file, #{inspect(file)}, #{inspect(protocol)}},
          role: #{inspect(role)}
        )
      end
    end
    """
  end
end
