defmodule Maty.ExamplesTest do
  # Runs every example as its reader would.
  use ExUnit.Case, async: true

  # Runs a script of the folder with mix; returns what it printed and its exit status.
  defp run(example) do
    System.cmd("mix", ["run", "--no-compile", "--no-deps-check", Path.join("examples", example)],
      stderr_to_stdout: true,
      env: [{"MIX_ENV", "test"}]
    )
  end

  # Compiles the Erlang modules of a folder and runs one.
  defp run_erlang(folder, module, tmp_dir) do
    paths = for app <- [:maty, :elixir], do: Application.app_dir(app, "ebin")
    sources = Path.wildcard("examples/#{folder}/*.erl")

    {output, 0} =
      System.cmd(
        "erlc",
        ["-Werror", "-o", tmp_dir] ++ Enum.flat_map(paths, &["-pa", &1]) ++ sources,
        stderr_to_stdout: true
      )

    assert output == ""

    System.cmd("erl", ["-noshell", "-pa", tmp_dir | paths] ++ ["-s", module],
      stderr_to_stdout: true
    )
  end

  # The lines of each session, in the order of the sessions' first lines. Sessions
  # that run at the same time come in any order among each other.
  defp by_session(output) do
    ~r/^session (#\S+)  (.*)$/m
    |> Regex.scan(output, capture: :all_but_first)
    |> Enum.group_by(&hd/1, &List.last/1)
    |> Map.values()
    |> Enum.sort()
  end

  test "the README shows the hello examples as they are" do
    readme = File.read!("README.md")

    for example <- Path.wildcard("examples/hello/hello.{exs,erl}") do
      assert readme =~ File.read!(example)
    end
  end

  test "hello" do
    assert run("hello/hello.exs") == {"Welcome, Joe!\n", 0}
  end

  @tag :tmp_dir
  test "hello in Erlang", %{tmp_dir: tmp_dir} do
    assert run_erlang("hello", "hello", tmp_dir) == {"Welcome, Joe!\n", 0}
  end

  test "stash_queue" do
    assert run("stash_queue/stash_queue.exs") ==
             {"""
              R sends 5
              P sends 10
              P sends 20
              R sends 15
              Q handles 10
              Q handles 5
              Q handles 15
              Q handles 20
              """, 0}
  end

  @chat """
  Ann has joined
  Bob has joined
  Eve has joined
  Ann reads  Ann: Hello!
  Bob reads  Ann: Hello!
  Eve reads  Ann: Hello!
  Ann reads  Bob: Hi Ann
  Bob reads  Bob: Hi Ann
  Eve reads  Bob: Hi Ann
  Ann reads  Bob: and Eve
  Bob reads  Bob: and Eve
  Eve reads  Bob: and Eve
  Bob has left
  Ann reads  (somebody is gone)
  Ann has left
  """

  test "chat" do
    assert run("chat/chat.exs") == {@chat, 0}
  end

  @tag :tmp_dir
  test "chat in Erlang", %{tmp_dir: tmp_dir} do
    assert run_erlang("chat_erlang", "chat", tmp_dir) == {@chat, 0}
  end

  test "shop" do
    assert run("shop/shop.exs") ==
             {"""
              A customer comes.
              bread costs 3
              cheese costs 12
              wine costs 15
              bread: bought
              cheese and wine: too much
              wine: bought
              A customer comes.
              bread costs 3
              cheese costs 12
              wine costs 15
              wine: not there
              cheese: bought
              bread: bought
              """, 0}
  end

  test "lockable_id_server" do
    assert run("lockable_id_server/lockable_id_server.exs") ==
             {"""
              The owner has the lock
              Ann gets no identifier
              Ann does not get the lock, and goes
              The owner unlocks
              The owner gets 1
              Ben gets 2
              Ben gets the lock, and goes
              """, 0}
  end

  test "dining" do
    assert {output, 0} = run("dining/dining.exs")

    # Each eats its meals one after the other; who eats when is not said.
    assert output |> String.split("\n", trim: true) |> Enum.sort_by(&String.at(&1, 12)) ==
             for(
               seat <- 1..5,
               left <- 2..0,
               do: "Philosopher #{seat} eats; #{left} to go"
             )
  end

  test "sieve" do
    assert run("sieve/sieve.exs") ==
             {"""
              2
              3
              5
              7
              11
              13
              17
              19
              23
              29
              31
              37
              41
              43
              47
              53
              59
              61
              67
              71
              73
              79
              83
              89
              97
              """, 0}
  end

  test "fib" do
    assert run("fib/fib.exs") == {"fib(10) is 55\n", 0}
  end

  test "two_buyer" do
    assert {output, 0} = run("two_buyer/demo.exs")
    assert [two, one] = by_session(output) |> Enum.reject(&("a wrong label is refused:" in &1))

    assert one == [
             ~s|Buyer1 -> Seller  title("Types and Programming Languages")|,
             "Seller -> Buyer1  quote(154)",
             "Buyer1 -> Buyer2  share(77)",
             ~s|Buyer2 -> Seller  address("12 Grimmauld Place")|,
             "Seller -> Buyer2  date(~D[2026-12-01])"
           ]

    assert two == [
             ~s|Buyer1 -> Seller  title("The Art of Computer Programming")|,
             "Seller -> Buyer1  quote(398)",
             "Buyer1 -> Buyer2  share(199)",
             "Buyer2 -> Seller  quit()"
           ]

    # No colours where there is no terminal; the session's identifier depends on
    # where the engine put it.
    third = ~r/One more, with refusals:\n\n(.*)\n\n/s
    [_, third] = Regex.run(third, output)

    assert String.replace(third, ~r/in session #[\d.]+/, "in session #ID") ==
             String.trim_trailing("""
             session #3  a wrong label is refused:
               Buyer1 in session #ID of TwoBuyer sends {:tilte, "Types and Programming Languages"} to \
             :Seller, a message that the protocol does not have for this role; allowed here:
                   title(binary) to Seller   examples/two_buyer/two_buyer.scr:4:3
             session #3  a wrong payload is refused:
               Buyer1 in session #ID of TwoBuyer sends {:title, 42} to :Seller, but field 1 is not of \
             the declared type; allowed here:
                   title(binary) to Seller   examples/two_buyer/two_buyer.scr:4:3
             session #3  a wrong moment is refused:
               Buyer1 in session #ID of TwoBuyer sends {:share, 77} to :Buyer2, which the protocol \
             does not allow here; allowed here:
                   title(binary) to Seller   examples/two_buyer/two_buyer.scr:4:3
             session #3  Buyer1 -> Seller  title("Types and Programming Languages")
             session #3  Seller -> Buyer1  quote(154)
             session #3  Buyer1 -> Buyer2  share(77)
             session #3  Buyer2 -> Seller  quit()
             """)

    assert output =~
             ~r/\n3 sessions opened, 3 closed; 13 messages sent, 13 received, \d+ waited, 3 refused; 0 roles cancelled; 0 endpoints in \d+ bytes\n$/
  end

  @tag :tmp_dir
  test "two_buyer in Erlang", %{tmp_dir: tmp_dir} do
    assert {output, 0} = run_erlang("two_buyer_erlang", "demo", tmp_dir)

    assert by_session(output) == [
             [
               ~s|Buyer1 -> Seller  title(<<"The Art of Computer Programming">>)|,
               "Seller -> Buyer1  quote(398)",
               "Buyer1 -> Buyer2  share(199)",
               "Buyer2 -> Seller  quit()"
             ],
             [
               ~s|Buyer1 -> Seller  title(<<"Types and Programming Languages">>)|,
               "Seller -> Buyer1  quote(154)",
               "Buyer1 -> Buyer2  share(77)",
               ~s|Buyer2 -> Seller  address(<<"12 Grimmauld Place">>)|,
               "Seller -> Buyer2  date({2026,12,1})"
             ],
             [
               ~s|Buyer1 -> Seller  title(<<"Types and Programming Languages">>)|,
               "Seller -> Buyer1  quote(154)",
               "Buyer1 -> Buyer2  share(77)",
               "Buyer2 -> Seller  quit()"
             ]
           ]

    refused =
      ~r/^(a wrong \w+) is refused: Buyer1 in session #[\d.]+ of TwoBuyer (.*); allowed here:$/m

    assert Regex.scan(refused, output, capture: :all_but_first) == [
             [
               "a wrong label",
               ~s|sends {tilte,<<"Types and Programming Languages">>} to 'Seller', | <>
                 "a message that the protocol does not have for this role"
             ],
             [
               "a wrong payload",
               "sends {title,42} to 'Seller', but field 1 is not of the declared type"
             ],
             [
               "a wrong moment",
               "sends {share,77} to 'Buyer2', which the protocol does not allow here"
             ]
           ]
  end
end
