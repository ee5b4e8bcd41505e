defmodule Maty.Handlers do
  @moduledoc ~S'''
  Handlers against their protocol, when a module is compiled.

  An actor that says which role it plays is checked as it is compiled:

      defmodule Seller do
        use Maty.Actor, protocol: TwoBuyer, role: :Seller
        ...

  Every send, in every handler that can be reached and in every state of the role it
  can be reached in, has to be allowed there; each message that may come has to have a
  clause; a handler has to suspend where the role waits, and be done where it has come
  to its end. What is wrong is an error at its line:

      ** (CompileError) lib/seller.ex:18: [bad-send] Seller sends quote/1 to Buyer2, which the protocol
      does not allow here; it has to send quote(integer) to Buyer1

  Options of `use Maty.Actor`:

    * `:protocol` - what `Maty.Protocol.new/1` takes: a module that embeds one, as a rule
    * `:role` - a role of it, or a list of roles that the actor may have
    * `:roles` - instead of both, a list of `{protocol, role}`
    * `:check` - `:error`, the default; `:strict`, where what cannot be known from the
      code is an error too; `:warn`, where what is wrong is a warning; `:off`

  What cannot be known, a role that is computed, say, is left to be checked when it is
  sent, as everything is. Code of other modules is read if they say `use Maty.Helper`
  or are actors themselves; `mix maty.check`, which runs when everything is compiled,
  needs no such mark. `docs/handlers.md` says what is understood of the code.
  '''

  @keys [:protocol, :role, :roles, :check]

  @typedoc """
  What is wrong, or is not known. A line of 0 is the module as a whole, a column of 0 is
  unknown.
  """
  @type finding :: %{
          severity: :error | :warning,
          class: String.t(),
          source: String.t(),
          line: non_neg_integer(),
          column: non_neg_integer(),
          text: String.t(),
          run: String.t(),
          notes: [map()]
        }

  @doc """
  Checks a compiled module that says which roles it plays: its file, or its bytes. An
  error is what keeps it from being checked.

      Maty.Handlers.check("_build/dev/lib/shop/ebin/Elixir.Seller.beam")
      #=> {:ok, []}
  """
  @spec check(Path.t() | binary()) :: {:ok, [finding()]} | {:error, Maty.Error.t()}
  def check(beam) do
    {:ok, _} = Application.ensure_all_started(:maty)

    case :maty_check.beam(bytes_or_path(beam), %{}) do
      {:ok, findings} -> {:ok, findings}
      {:error, {:no_beam, _}} -> {:error, Maty.Error.exception({:no_beam, beam})}
      {:error, reason} -> {:error, Maty.Error.exception(reason)}
    end
  end

  # Erlang takes every binary for the bytes.
  defp bytes_or_path("FOR1" <> _ = bytes), do: bytes
  defp bytes_or_path(path), do: String.to_charlist(path)

  # Takes the options of "use" apart: those that are meant here are checked, and kept in
  # the module.
  @doc false
  @spec __use__(keyword(), Macro.Env.t()) :: keyword()
  def __use__(options, env) do
    {own, rest} = Keyword.split(options, @keys)

    if own != [] do
      with {:error, reason} <- :maty_handlers.options(own) do
        raise ArgumentError, "use Maty.Actor: #{Maty.Options.message(reason)}"
      end

      Module.register_attribute(env.module, :maty, persist: true)
      Module.put_attribute(env.module, :maty, own)
      Module.put_attribute(env.module, :maty_line, env.line)

      for path <- files(own) do
        resource = Path.expand(path, Path.dirname(env.file))
        Module.put_attribute(env.module, :external_resource, resource)
      end
    end

    rest
  end

  # What is to be compiled again when they change.
  defp files(own) do
    sources = [own[:protocol] | for({source, _} <- List.wrap(own[:roles]), do: source)]
    for source <- sources, is_tuple(source), elem(source, 0) == :file, do: elem(source, 1)
  end

  @doc false
  def __after_compile__(env, bytecode) do
    :maty_code.keep(env.module, bytecode)

    with [_ | _] = own <- Module.get_attribute(env.module, :maty),
         level when level != :off <- Keyword.get(own, :check, :error) do
      line = Module.get_attribute(env.module, :maty_line)
      report(findings(bytecode, line), env)
    end
  end

  defp findings(bytecode, line) do
    case :maty_code.from_beam(bytecode) do
      {:ok, code} ->
        {:ok, _} = Application.ensure_all_started(:maty)
        {:ok, options, _} = :maty_handlers.declared(code)
        await(bytecode, options)
        :maty_handlers.check(code, options, line)

      {:error, _} ->
        [:maty_handlers.not_checked(line)]
    end
  end

  # Modules that are compiled at the same time, and whose protocol or code is wanted.
  defp await(bytecode, %{roles: roles}) do
    {:ok, {module, [imports: imports]}} = :beam_lib.chunks(bytecode, [:imports])

    wanted =
      for({source, _} <- roles, is_atom(source), do: source) ++ Enum.map(imports, &elem(&1, 0))

    for other <- Enum.uniq(wanted),
        other != module,
        match?("Elixir." <> _, Atom.to_string(other)),
        not :erlang.module_loaded(other) do
      Code.ensure_compiled(other)
    end
  end

  defp report(findings, env) do
    {errors, warnings} = Enum.split_with(findings, &(&1.severity == :error))

    for warning <- warnings, do: warn(describe(warning), warning, env)

    with [first | others] <- errors do
      # An exception has one place. Warnings have theirs, for editors to show.
      for error <- others, do: warn("error: " <> headline(error), error, env)
      description = Enum.join([column(first) | Enum.map(others, &elsewhere/1)], "\n\n")
      error = %CompileError{file: env.file, line: first.line, description: description}
      # Where it is raised says nothing of the module.
      :erlang.raise(:error, error, [])
    end
  end

  defp warn(text, finding, env) do
    place = [file: String.to_charlist(Path.relative_to_cwd(env.file)), line: finding.line]
    IO.warn(text, [{env.module, :__MODULE__, 0, place}])
  end

  # An exception has no column.
  defp column(%{column: 0} = finding), do: describe(finding)
  defp column(finding), do: "column #{finding.column}: " <> describe(finding)

  defp elsewhere(finding), do: place(finding) <> describe(finding)

  defp place(%{column: 0} = finding), do: "#{finding.source}:#{finding.line}: "
  defp place(finding), do: "#{finding.source}:#{finding.line}:#{finding.column}: "

  @doc false
  @spec describe(finding()) :: String.t()
  def describe(finding) do
    below = finding |> :maty_handlers.format([]) |> IO.chardata_to_string()
    String.trim_trailing("#{headline(finding)}\n#{below}")
  end

  defp headline(finding), do: "[#{finding.class}] #{finding.text}"
end
