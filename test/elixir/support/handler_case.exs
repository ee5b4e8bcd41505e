defmodule Maty.HandlerCase do
  # What the tests of the handler checker share: protocols, a seller and a buyer that are
  # right, and what comes of changing one thing of a text. Standard error, which is read
  # here, is everybody's: none of them may be asynchronous.
  use ExUnit.CaseTemplate

  using do
    quote do
      import Maty.HandlerCase
    end
  end

  defmodule Protocol do
    use Maty.Protocol,
      string: """
      global protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {
        title(binary) from Buyer1 to Seller;
        quote(integer) from Seller to Buyer1;
        share(integer) from Buyer1 to Buyer2;
        choice at Buyer2 {
          address(binary) from Buyer2 to Seller;
          date(date) from Seller to Buyer2;
        } or {
          quit() from Buyer2 to Seller;
        }
      }
      """
  end

  defmodule Stream do
    use Maty.Protocol,
      string: """
      protocol Stream(role Source, role Sink) {
        rec L { choice at Source {
          item(integer) from Source to Sink;
          continue L;
        } or {
          stop() from Source to Sink;
        } }
      }
      """
  end

  defmodule Work do
    use Maty.Protocol,
      string: """
      type order = {integer, string};
      global protocol Work(role Client, role Server, role Log) {
        hello(order) from Client to Server;
        rec L {
          choice at Client {
            job(id: integer, body: %{name: string, tags: list(atom)}) from Client to Server;
            choice at Server {
              ok(integer | float) from Server to Client;
              note(string) from Server to Log;
            } or {
              failed(:timeout | :crash) from Server to Client;
              note(string) from Server to Log;
            }
            continue L;
          } or {
            bye() from Client to Server;
            stop(datetime) from Server to Log;
          }
        }
      }
      """
  end

  defmodule Pair do
    use Maty.Protocol,
      string: """
      protocol Pair(role One, role Other) {
        first(integer) from One to Other;
        second(integer) from One to Other;
      }
      """
  end

  # A seller that is right.
  def seller do
    """
    defmodule Seller do
      use Maty.Actor, protocol: Maty.HandlerCase.Protocol, role: :Seller

      def init_actor(ap) do
        Maty.register(ap, :Seller)
        {:ok, ap}
      end

      def init_session(_session, ap) do
        Maty.register(ap, :Seller)
        {:ok, &title_handler/2, %{}, ap}
      end

      def title_handler({:title, title}, state) do
        Maty.send(:Buyer1, {:quote, price(title)})
        {:suspend, &decision_handler/2, state}
      end

      def decision_handler({:address, _address}, state) do
        Maty.send(:Buyer2, {:date, ~D[2026-12-01]})
        {:done, :normal, state}
      end

      def decision_handler({:quit}, state) do
        {:done, :normal, state}
      end

      defp price(_title), do: 155
    end
    """
  end

  # A buyer that is right.
  def buyer do
    """
    defmodule Buyer do
      use Maty.Actor, protocol: Maty.HandlerCase.Protocol, role: :Buyer1

      def init_actor({ap, title}) do
        Maty.register(ap, :Buyer1)
        {:ok, title}
      end

      def init_session(_session, title) do
        Maty.send(:Seller, {:title, title})
        {:ok, &quote_handler/2, nil, title}
      end

      def quote_handler({:quote, price}, state) do
        Maty.send(:Buyer2, {:share, div(price, 2)})
        {:done, :normal, state}
      end
    end
    """
  end

  # Compiles the text with one part replaced, under a name of its own. Returns the line
  # and the description of the error, or nothing.
  def compile(text, changes) do
    {name, text} = named(text)

    text =
      Enum.reduce(changes, text, fn {from, to}, text ->
        assert text =~ from
        String.replace(text, from, to, global: false)
      end)

    # What the compiler says of variables that are not used now is no matter.
    {error, _} =
      ExUnit.CaptureIO.with_io(:stderr, fn ->
        try do
          Code.compile_string(text, "actor.ex")
          nil
        rescue
          error in CompileError ->
            assert Path.basename(error.file) == "actor.ex"
            {error.line, error.description}
        end
      end)

    {name, error}
  end

  defp named(text) do
    name = Module.concat(__MODULE__, "Actor#{System.unique_integer([:positive])}")
    # While mix loads test files, it compiles without debug information.
    head = "defmodule #{inspect(name)} do @compile :debug_info"
    {name, Regex.replace(~r/defmodule \w+ do/, text, head, global: false)}
  end

  def assert_error(text, changes, line, description) do
    {_, error} = compile(text, changes)
    assert error == {line, String.trim_trailing(description)}
  end

  def assert_compiles(text, changes \\ []) do
    {name, error} = compile(text, changes)
    assert error == nil
    name
  end
end
