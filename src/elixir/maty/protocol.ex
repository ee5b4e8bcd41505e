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
    * `:dialect`, `:choice`, `:path`, `:form` - see `t:option/0`; the folders of
      `:path` are relative to the module's file, too

  The module stands for its protocol wherever a `t:source/0` is taken, and `new/1` makes
  it one: `{:ok, protocol} = Maty.Protocol.new(TwoBuyer)`. Its function `maty_protocol/0`
  returns the protocol as Erlang has it.
  '''

  @enforce_keys [:name, :image]
  defstruct @enforce_keys

  @options [:protocol, :dialect, :choice, :path, :form]

  @typedoc "A protocol that was accepted: its name, and its image in the engine's form."
  @type t :: %__MODULE__{name: atom(), image: binary()}

  @typedoc """
  What can be made a protocol: a file or a text, with the protocol's name if it
  has several or with options; a module that embeds one; or a protocol.
  """
  @type source ::
          {:file, Path.t()}
          | {:file, Path.t(), name() | %{optional(atom()) => term()}}
          | {:string, String.t()}
          | {:string, String.t(), name() | %{optional(atom()) => term()}}
          | module()
          | t()

  @type name :: atom() | String.t()

  @typedoc """
  How a text is read and checked.

    * `:protocol` - the one that is wanted of several
    * `:dialect` - `:maty` (default), `:scribble` or `:nuscr`
    * `:choice` - which endless runs count: `:fair`, or `:unfair`, where whoever
      chooses may take one branch for ever. Each dialect has its own default
    * `:path` - folders in which imports are looked for, after the file's own
    * `:form` - `:protocol` (default), or `:machines` or `:cfsm` if the text is a
      set of machines
  """
  @type option ::
          {:protocol, name()}
          | {:dialect, :maty | :scribble | :nuscr}
          | {:choice, :fair | :unfair}
          | {:path, [Path.t()]}
          | {:form, :protocol | :machines | :cfsm}

  @typedoc """
  What an exploration may take: `:bound` messages under way from one role to
  another (1), at most `:max_states` (0: the engine's limit), `:timeout`
  milliseconds (5000; 0: none). `:choice` is `:fair` unless given;
  `:safety_only` leaves out what needs endless runs, `:whole` looks at every order
  of steps.
  """
  @type effort ::
          {:bound, pos_integer()}
          | {:max_states, non_neg_integer()}
          | {:timeout, non_neg_integer()}
          | {:choice, :fair | :unfair}
          | {:safety_only, boolean()}
          | {:whole, boolean()}

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
  The protocol of a file: its only one, the one of that name, or as the options say.

      Maty.Protocol.from_file("two_buyer.scr")
      #=> {:ok, #Maty.Protocol<TwoBuyer: Buyer1, Buyer2, Seller>}

      Maty.Protocol.from_file("library.scr", :Loan)
      #=> {:ok, #Maty.Protocol<Loan: Reader, Desk>}
  """
  @spec from_file(Path.t()) :: {:ok, t()} | {:error, Maty.Error.t()}
  @spec from_file(Path.t(), name() | [option()]) :: {:ok, t()} | {:error, Maty.Error.t()}
  def from_file(path, options \\ []) do
    path |> :maty_protocol.from_file(plain_options(options)) |> wrap()
  end

  @doc """
  Like `from_file/2`, and raises `Maty.Error`.

      iex> Maty.Protocol.from_file!("nowhere.scr")
      ** (Maty.Error) nowhere.scr: no such file or directory
  """
  @spec from_file!(Path.t()) :: t()
  @spec from_file!(Path.t(), name() | [option()]) :: t()
  def from_file!(path, options \\ []), do: path |> from_file(options) |> bang()

  @doc """
  The protocol of a text: its only one, the one of that name, or as the options say.

      iex> Maty.Protocol.from_string("global protocol Ping(role A, role B) { ping() from A to B; }")
      ...> |> elem(1)
      ...> |> inspect()
      "#Maty.Protocol<Ping: A, B>"
  """
  @spec from_string(String.t()) :: {:ok, t()} | {:error, Maty.Error.t()}
  @spec from_string(String.t(), name() | [option()]) :: {:ok, t()} | {:error, Maty.Error.t()}
  def from_string(text, options \\ []) do
    text |> :maty_protocol.from_string(plain_options(options)) |> wrap()
  end

  @doc """
  Like `from_string/2`, and raises `Maty.Error`.

      iex> Maty.Protocol.from_string!("global protocol Ping(role A, role B) { ping() from A to B; }", :Pong)
      ** (Maty.Error) nofile has no protocol Pong; it has Ping
  """
  @spec from_string!(String.t()) :: t()
  @spec from_string!(String.t(), name() | [option()]) :: t()
  def from_string!(text, options \\ []), do: text |> from_string(options) |> bang()

  @doc """
  Checks a file, and says all that was found. An error is only what keeps it
  from being checked.

      {:ok, verdict} = Maty.Protocol.check_file("two_buyer.scr")
      #=> {:ok, #Maty.Verdict<two_buyer.scr accepted: TwoBuyer>}
  """
  @spec check_file(Path.t()) :: {:ok, Maty.Verdict.t()} | {:error, Maty.Error.t()}
  @spec check_file(Path.t(), [option()]) :: {:ok, Maty.Verdict.t()} | {:error, Maty.Error.t()}
  def check_file(path, options \\ []) do
    path |> :maty_protocol.check_file(Map.new(options)) |> verdict()
  end

  @doc """
  Checks a text, and says all that was found. The name is what the findings call
  the text.

      iex> {:ok, verdict} = Maty.Protocol.check_string("global protocol P(role A, role B) { }", "p.scr")
      iex> verdict.accepted?
      false
  """
  @spec check_string(String.t()) :: {:ok, Maty.Verdict.t()} | {:error, Maty.Error.t()}
  @spec check_string(String.t(), Path.t()) :: {:ok, Maty.Verdict.t()} | {:error, Maty.Error.t()}
  @spec check_string(String.t(), Path.t(), [option()]) ::
          {:ok, Maty.Verdict.t()} | {:error, Maty.Error.t()}
  def check_string(text, name \\ "nofile", options \\ []) do
    name |> :maty_protocol.check_string(text, Map.new(options)) |> verdict()
  end

  @doc """
  The protocol's name.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> text |> Maty.Protocol.from_string!() |> Maty.Protocol.name()
      :Ping
  """
  @spec name(source()) :: atom()
  def name(protocol), do: accepted!(protocol).name

  @doc """
  The roles, in the order of the protocol.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> text |> Maty.Protocol.from_string!() |> Maty.Protocol.roles()
      [:A, :B]
  """
  @spec roles(source()) :: [Maty.role()]
  def roles(protocol), do: protocol |> accepted!() |> :maty_protocol.roles()

  @doc """
  The machine of a role as data: its states in order, the first one initial, each
  with its phase and what may be done in it. Raises `Maty.Error` if there is no such
  role.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> text |> Maty.Protocol.from_string!() |> Maty.Protocol.machine(:B)
      [
        receive: [
          %{direction: :receive, peer: :A, label: :ping, target: 1, fields: [], line: 1, column: 40}
        ],
        final: []
      ]
  """
  @spec machine(source(), Maty.role()) :: [
          {:send | :receive | :final,
           [
             %{
               direction: :send | :receive,
               peer: Maty.role(),
               label: atom(),
               target: non_neg_integer(),
               fields: [{String.t(), String.t()}],
               line: pos_integer(),
               column: pos_integer()
             }
           ]}
        ]
  def machine(protocol, role) do
    protocol |> accepted!() |> :maty_protocol.machine(role)
  rescue
    error in ErlangError -> raise Maty.Error, error.original
  end

  @doc ~S'''
  The machine of a role, or of `:all`, as text: in Maty's notation, or in the one
  that tools for communicating finite-state machines read.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> {:ok, machine} = text |> Maty.Protocol.from_string!() |> Maty.Protocol.machine_text(:B)
      iex> machine |> String.split("\n\n") |> List.last()
      """
      machine B {
        0: ping() from A -> 1;
        1: end;
      }
      """
  '''
  @spec machine_text(source(), Maty.role() | :all, :machines | :cfsm) ::
          {:ok, String.t()} | {:error, Maty.Error.t()}
  def machine_text(protocol, role, format \\ :machines) do
    with {:ok, protocol} <- accepted(protocol) do
      protocol |> :maty_protocol.machine_text(role, format) |> error()
    end
  end

  @doc """
  Runs the machines of a protocol against one another in every order, and says
  what can go wrong: a second opinion on an accepted protocol, and the first one
  on machines that were written by hand.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> {:ok, found} = text |> Maty.Protocol.from_string!() |> Maty.Protocol.explore(bound: 2)
      iex> {found.outcome, found.states}
      {:ok, 3}
  """
  @spec explore(source(), [effort()]) ::
          {:ok, :maty_protocol.exploration()} | {:error, Maty.Error.t()}
  def explore(protocol, effort \\ []) do
    with {:ok, protocol} <- accepted(protocol) do
      protocol |> :maty_protocol.explore(Map.new(effort)) |> error()
    end
  end

  @doc """
  Looks for the least `k`, up to `most`, for which the machines are k-multiparty
  compatible: they are safe then, whatever the size of their queues. It is the
  result's `:bound`.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> {:ok, found} = text |> Maty.Protocol.from_string!() |> Maty.Protocol.compatible(4)
      iex> {found.outcome, found.bound}
      {:ok, 1}
  """
  @spec compatible(source(), pos_integer(), [effort()]) ::
          {:ok, :maty_protocol.exploration()} | {:error, Maty.Error.t()}
  def compatible(protocol, most, effort \\ []) do
    with {:ok, protocol} <- accepted(protocol) do
      protocol |> :maty_protocol.compatible(most, Map.new(effort)) |> error()
    end
  end

  @doc """
  A new version of a protocol against an old one, role by role: whether an actor
  that plays the role in the new version can take its place in the old one.

      iex> old = Maty.Protocol.from_string!("global protocol Ask(role A, role B) { ask(integer) from A to B; }")
      iex> new = Maty.Protocol.from_string!("global protocol Ask(role A, role B) { ask(number) from A to B; }")
      iex> {:ok, [{:A, {:incompatible, [found]}}, {:B, :compatible}]} = Maty.Protocol.compare(old, new)
      iex> found.line
      1
  """
  @spec compare(source(), source()) ::
          {:ok,
           [
             {Maty.role(),
              :compatible
              | :added
              | :removed
              | {:incompatible | :unknown, [Maty.Verdict.diagnostic()]}}
           ]}
          | {:error, Maty.Error.t()}
  def compare(old, new) do
    with {:ok, old} <- accepted(old), {:ok, new} <- accepted(new) do
      old |> :maty_protocol.compare(new) |> error()
    end
  end

  @doc """
  Whether the first role's machine can stand wherever the second's is expected.

      iex> few = Maty.Protocol.from_string!("protocol P(role A, role B) { m(1..5) from A to B; }")
      iex> all = Maty.Protocol.from_string!("protocol P(role A, role B) { m(integer) from A to B; }")
      iex> {:ok, %{outcome: :ok}} = Maty.Protocol.subtype({few, :A}, {all, :A})
      iex> {:ok, %{outcome: outcome}} = Maty.Protocol.subtype({few, :B}, {all, :B})
      iex> outcome
      :wrong
  """
  @spec subtype({source(), Maty.role()}, {source(), Maty.role()}) ::
          {:ok, :maty_protocol.exploration()} | {:error, Maty.Error.t()}
  def subtype({sub, sub_role}, {super, super_role}) do
    with {:ok, sub} <- accepted(sub), {:ok, super} <- accepted(super) do
      {sub, sub_role} |> :maty_protocol.subtype({super, super_role}) |> error()
    end
  end

  @doc ~S'''
  The machine of a role as a diagram.

      iex> text = "global protocol Ping(role A, role B) { ping() from A to B; }"
      iex> {:ok, diagram} = text |> Maty.Protocol.from_string!() |> Maty.Protocol.diagram(:B)
      iex> diagram
      """
      ---
      title: "Ping B"
      ---
      stateDiagram-v2
        direction LR
        [*] --> s0
        s0 --> s1 : A?ping()
        s1 --> [*]
      """
  '''
  @spec diagram(source(), Maty.role(), :graphviz | :mermaid) ::
          {:ok, String.t()} | {:error, Maty.Error.t()}
  def diagram(protocol, role, format \\ :mermaid) do
    with {:ok, protocol} <- accepted(protocol) do
      protocol |> :maty_protocol.diagram(role, format) |> error()
    end
  end

  @doc """
  A protocol of a file as a whole, as a diagram: its states, or with `:sequence`
  its messages. It has to be readable, and need not be accepted.

      {:ok, drawing} = Maty.Protocol.drawing("two_buyer.scr", :sequence)
      IO.puts(drawing)
  """
  @spec drawing(Path.t(), :graphviz | :mermaid | :sequence, [option()]) ::
          {:ok, String.t()} | {:error, Maty.Error.t()}
  def drawing(path, format \\ :sequence, options \\ []) do
    path |> :maty_protocol.drawing(format, Map.new(options)) |> error()
  end

  @doc """
  The text of a file in the one layout; what it says stays the same.

      {:ok, text} = Maty.Protocol.format("two_buyer.scr")
      File.write!("two_buyer.scr", text)
  """
  @spec format(Path.t(), [option()]) :: {:ok, String.t()} | {:error, Maty.Error.t()}
  def format(path, options \\ []) do
    path |> :maty_protocol.format(Map.new(options)) |> error()
  end

  @doc """
  The text of a module that plays a role, to begin with. With the option `:file`, the
  protocol's file as it is seen from the module's folder, the module is checked when it is
  compiled. `mix maty.gen.actor` writes it where it belongs.

      protocol = Maty.Protocol.from_file!("two_buyer.scr")
      {:ok, text} = Maty.Protocol.skeleton(protocol, :Seller, :elixir, Shop.Seller, file: "two_buyer.scr")
  """
  @spec skeleton(source(), Maty.role(), :elixir | :erlang, module(), file: Path.t()) ::
          {:ok, String.t()} | {:error, Maty.Error.t()}
  def skeleton(protocol, role, language \\ :elixir, module, options \\ [])
      when is_atom(module) do
    file = Map.get(Maty.Options.check!(options, [:file], "Maty.Protocol.skeleton/5"), :file, "")

    with {:ok, protocol} <- accepted(protocol) do
      protocol |> :maty_protocol.skeleton(role, language, module, file) |> error()
    end
  end

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

    case Maty.Options.check!(options, [:file, :string | @options], "use Maty.Protocol") do
      %{file: _, string: _} ->
        raise ArgumentError, "use Maty.Protocol: give either :file or :string"

      %{file: file} when not is_binary(file) ->
        raise ArgumentError,
              "use Maty.Protocol: expected :file to be a path, got: #{inspect(file)}"

      %{file: file} = options ->
        path = Path.expand(file, Path.dirname(env.file))
        checked = :maty_protocol.check_file(Path.relative_to_cwd(path), settings(options, env))
        {resources(path, checked), chosen!(options, checked, path, env)}

      %{string: text} = options ->
        checked = :maty_protocol.check_string(inspect(env.module), text, settings(options, env))

        {[], chosen!(options, checked, nil, env)}

      %{} ->
        raise ArgumentError, "use Maty.Protocol: the option :file or :string is missing"
    end
  end

  defp settings(options, env) do
    beside = &Path.expand(&1, Path.dirname(env.file))

    options
    |> Map.drop([:file, :string])
    |> Map.replace_lazy(:path, fn folders -> Enum.map(folders, beside) end)
  end

  # The file and those it imports.
  defp resources(path, {:ok, %{sources: sources}}) do
    Enum.uniq([path | Enum.map(Map.keys(sources), &Path.expand/1)])
  end

  defp resources(path, {:error, _}), do: [path]

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

  # The first finding, in the protocol's file or in one that it imports.
  defp place({:rejected, %{diagnostics: [%{source: source, line: line} | _]}}, path)
       when path != nil do
    {Path.expand(source), line}
  end

  defp place(_reason, _path), do: nil

  # What Erlang calls a protocol.
  @doc false
  @spec plain(source()) :: :maty_protocol.source()
  def plain(%__MODULE__{} = protocol), do: Map.from_struct(protocol)
  def plain(source), do: source

  # The protocol of a source as Erlang has it.
  defp accepted(source), do: source |> plain() |> :maty_protocol.resolve() |> error()
  defp accepted!(source), do: source |> accepted() |> bang()

  @doc false
  @spec wrap({:ok, :maty_protocol.protocol()} | {:error, term()}) ::
          {:ok, t()} | {:error, Maty.Error.t()}
  def wrap({:ok, protocol}), do: {:ok, struct!(__MODULE__, protocol)}
  def wrap({:error, reason}), do: {:error, Maty.Error.exception(reason)}

  # A name alone, or options.
  defp plain_options(options) when is_list(options), do: Map.new(options)
  defp plain_options(name), do: %{protocol: name}

  defp error({:ok, found}), do: {:ok, found}
  defp error({:error, reason}), do: {:error, Maty.Error.exception(reason)}

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
