defmodule Maty.Protocol do
  @moduledoc ~S'''
  Protocols: from text to what an access point is started with.

      {:ok, protocol} = Maty.Protocol.from_file("two_buyer.scr")
      #=> {:ok, #Maty.Protocol<TwoBuyer: Buyer1, Buyer2, Seller>}

  A protocol that is in use is always one that was accepted: nobody in it can be
  left waiting, or sent what it does not expect. The checker says of any other
  what goes wrong, where, and how.

  ## Embedding

  A module can embed a protocol. It is checked when the module is compiled, and
  compiling fails where it is not accepted; the file is not needed at run time.

      defmodule TwoBuyer do
        use Maty.Protocol, file: "two_buyer.scr"
      end

      Maty.AccessPoint.start_link(protocol: TwoBuyer)

  Options of `use`:

    * `:file` - a path, relative to the folder of the module's own file
    * `:string` - the text itself, instead of a file
    * `:protocol` - the name of the protocol, if there are several

  The module gets a function `maty_protocol/0`, which returns the protocol.
  '''

  @enforce_keys [:name, :image]
  defstruct @enforce_keys

  @typedoc "A protocol that was accepted: its name, and its image in the engine's form."
  @type t :: %__MODULE__{name: atom(), image: binary()}

  @typedoc """
  What can be made a protocol: a file or a text, with the protocol's name if it
  has several; a module that embeds one; or a protocol.
  """
  @type source ::
          {:file, Path.t()}
          | {:file, Path.t(), name()}
          | {:string, String.t()}
          | {:string, String.t(), name()}
          | module()
          | t()

  @type name :: atom() | String.t()

  @doc """
  The protocol that a source stands for.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> {:ok, protocol} = Maty.Protocol.new({:string, text})
      iex> Maty.Protocol.name(protocol)
      :Ping
  """
  @spec new(source()) :: {:ok, t()} | {:error, Maty.Error.t()}
  def new(source), do: source |> plain() |> :maty_protocol.resolve() |> wrap()

  @doc """
  The protocol of a file: its only one, or the one of that name.

      Maty.Protocol.from_file("two_buyer.scr")
      #=> {:ok, #Maty.Protocol<TwoBuyer: Buyer1, Buyer2, Seller>}

      Maty.Protocol.from_file("library.scr", :Loan)
      #=> {:ok, #Maty.Protocol<Loan: Reader, Desk>}
  """
  @spec from_file(Path.t()) :: {:ok, t()} | {:error, Maty.Error.t()}
  @spec from_file(Path.t(), name()) :: {:ok, t()} | {:error, Maty.Error.t()}
  def from_file(path, name \\ :any), do: path |> :maty_protocol.from_file(name) |> wrap()

  @doc """
  Like `from_file/2`, and raises `Maty.Error`.

      iex> Maty.Protocol.from_file!("nowhere.scr")
      ** (Maty.Error) nowhere.scr: no such file or directory
  """
  @spec from_file!(Path.t()) :: t()
  @spec from_file!(Path.t(), name()) :: t()
  def from_file!(path, name \\ :any), do: path |> from_file(name) |> bang()

  @doc """
  The protocol of a text: its only one, or the one of that name.

      iex> Maty.Protocol.from_string("global protocol Ping(role A, role B) { ping() from A to B; }")
      ...> |> elem(1)
      ...> |> inspect()
      "#Maty.Protocol<Ping: A, B>"
  """
  @spec from_string(String.t()) :: {:ok, t()} | {:error, Maty.Error.t()}
  @spec from_string(String.t(), name()) :: {:ok, t()} | {:error, Maty.Error.t()}
  def from_string(text, name \\ :any), do: text |> :maty_protocol.from_string(name) |> wrap()

  @doc """
  Like `from_string/2`, and raises `Maty.Error`.

      iex> Maty.Protocol.from_string!("global protocol Ping(role A, role B) { ping() from A to B; }", :Pong)
      ** (Maty.Error) nofile has no protocol Pong; it has Ping
  """
  @spec from_string!(String.t()) :: t()
  @spec from_string!(String.t(), name()) :: t()
  def from_string!(text, name \\ :any), do: text |> from_string(name) |> bang()

  @doc """
  Checks a file, and says all that was found. An error is only what keeps it
  from being checked.

      {:ok, verdict} = Maty.Protocol.check_file("two_buyer.scr")
      #=> {:ok, #Maty.Verdict<two_buyer.scr accepted: TwoBuyer>}
  """
  @spec check_file(Path.t()) :: {:ok, Maty.Verdict.t()} | {:error, Maty.Error.t()}
  def check_file(path), do: path |> :maty_protocol.check_file() |> verdict()

  @doc """
  Checks a text, and says all that was found. The name is what the findings call
  the text.

      iex> {:ok, verdict} = Maty.Protocol.check_string("global protocol P(role A, role B) { }", "p.scr")
      iex> verdict.accepted?
      false
  """
  @spec check_string(String.t()) :: {:ok, Maty.Verdict.t()} | {:error, Maty.Error.t()}
  @spec check_string(String.t(), String.t()) :: {:ok, Maty.Verdict.t()} | {:error, Maty.Error.t()}
  def check_string(text, name \\ "nofile") do
    name |> :maty_protocol.check_string(text) |> verdict()
  end

  @doc """
  The protocol's name.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> text |> Maty.Protocol.from_string!() |> Maty.Protocol.name()
      :Ping
  """
  @spec name(t()) :: atom()
  def name(%__MODULE__{name: name}), do: name

  @doc """
  The roles, in the order of the protocol.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> text |> Maty.Protocol.from_string!() |> Maty.Protocol.roles()
      [:A, :B]
  """
  @spec roles(t()) :: [Maty.role()]
  def roles(%__MODULE__{} = protocol), do: protocol |> plain() |> :maty_protocol.roles()

  @doc false
  defmacro __using__(options) do
    quote bind_quoted: [options: options] do
      {maty_resources, maty_protocol} = Maty.Protocol.__embed__(options, __ENV__)

      for maty_resource <- maty_resources do
        @external_resource maty_resource
      end

      @doc false
      def maty_protocol, do: unquote(Macro.escape(maty_protocol))
    end
  end

  # The files that an embedded protocol depends on, and the protocol as Erlang
  # has it.
  @doc false
  @spec __embed__(keyword(), Macro.Env.t()) :: {[Path.t()], :maty_protocol.protocol()}
  def __embed__(options, env) do
    {:ok, _} = Application.ensure_all_started(:maty)

    case Maty.Options.check!(options, [:file, :string, :protocol], "use Maty.Protocol") do
      %{file: _, string: _} ->
        raise ArgumentError, "use Maty.Protocol: give either :file or :string"

      %{file: file} = options ->
        path = Path.expand(file, Path.dirname(env.file))
        checked = :maty_protocol.check_file(Path.relative_to_cwd(path))
        {[path], chosen!(options, checked, path, env)}

      %{string: text} = options ->
        checked = :maty_protocol.check_string(inspect(env.module), text)
        {[], chosen!(options, checked, nil, env)}

      %{} ->
        raise ArgumentError, "use Maty.Protocol: the option :file or :string is missing"
    end
  end

  defp chosen!(options, checked, path, env) do
    case :maty_protocol.choose(Map.get(options, :protocol, :any), checked) do
      {:ok, protocol} ->
        protocol

      {:error, reason} ->
        {file, line} = place(reason, path) || {env.file, env.line}
        description = Exception.message(Maty.Error.exception(reason))
        raise CompileError, file: file, line: line, description: description
    end
  end

  # The first finding in the protocol's file.
  defp place({:rejected, %{diagnostics: [%{line: line} | _]}}, path) when path != nil do
    {path, line}
  end

  defp place(_reason, _path), do: nil

  # What Erlang calls a protocol.
  @doc false
  @spec plain(source()) :: :maty_protocol.source()
  def plain(%__MODULE__{} = protocol), do: Map.from_struct(protocol)
  def plain(source), do: source

  @doc false
  @spec wrap({:ok, :maty_protocol.protocol()} | {:error, term()}) ::
          {:ok, t()} | {:error, Maty.Error.t()}
  def wrap({:ok, protocol}), do: {:ok, struct!(__MODULE__, protocol)}
  def wrap({:error, reason}), do: {:error, Maty.Error.exception(reason)}

  defp bang({:ok, protocol}), do: protocol
  defp bang({:error, error}), do: raise(error)

  defp verdict({:ok, verdict}), do: {:ok, Maty.Verdict.new(verdict)}
  defp verdict({:error, reason}), do: {:error, Maty.Error.exception(reason)}

  defimpl Inspect do
    def inspect(protocol, _options), do: "#Maty.Protocol<#{protocol.name}#{roles(protocol)}>"

    # The engine knows the roles; without it the name has to do.
    defp roles(protocol) do
      ": " <> Enum.join(Maty.Protocol.roles(protocol), ", ")
    rescue
      _ -> ""
    end
  end
end
