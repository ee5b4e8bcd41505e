defmodule Maty.TwoBuyerTest do
  # One seller serves two distinct pairs of buyers, at the same time.
  use ExUnit.Case, async: true

  defmodule TwoBuyer do
    use Maty.Protocol,
      string: """
      global protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {
        title(binary) from Buyer1 to Seller;
        quote(number) from Seller to Buyer1;
        share(number) from Buyer1 to Buyer2;
        choice at Buyer2 {
          address(binary) from Buyer2 to Seller;
          date(date) from Seller to Buyer2;
        } or {
          quit() from Buyer2 to Seller;
        }
      }
      """
  end

  # Each handler tells the test what it got, and in which session.

  defmodule Seller do
    use Maty.Actor

    @impl true
    def init_actor({ap, test}) do
      Maty.register(ap, :Seller)
      {:ok, %{ap: ap, test: test}}
    end

    @impl true
    def init_session(_session, actor) do
      Maty.register(actor.ap, :Seller)
      {:ok, &title_handler/2, actor.test, actor}
    end

    def title_handler({:title, title}, test) do
      send(test, {Maty.session().id, :Seller, {:title, title}})
      Maty.send(:Buyer1, {:quote, String.length(title)})
      {:suspend, &decision_handler/2, test}
    end

    def decision_handler({:address, address}, test) do
      send(test, {Maty.session().id, :Seller, {:address, address}})
      Maty.send(:Buyer2, {:date, ~D[2026-12-01]})
      {:done, :normal, test}
    end

    def decision_handler({:quit}, test) do
      send(test, {Maty.session().id, :Seller, {:quit}})
      {:done, :normal, test}
    end
  end

  defmodule Buyer1 do
    use Maty.Actor

    @impl true
    def init_actor({ap, test, title}) do
      Maty.register(ap, :Buyer1)
      {:ok, {test, title}}
    end

    @impl true
    def init_session(_session, {test, title} = actor) do
      Maty.send(:Seller, {:title, title})
      {:ok, &quote_handler/2, test, actor}
    end

    def quote_handler({:quote, price}, test) do
      send(test, {Maty.session().id, :Buyer1, {:quote, price}})
      Maty.send(:Buyer2, {:share, price / 2})
      {:done, :normal, test}
    end
  end

  defmodule Buyer2 do
    use Maty.Actor

    @impl true
    def init_actor({ap, test, budget}) do
      Maty.register(ap, :Buyer2)
      {:ok, {test, budget}}
    end

    @impl true
    def init_session(_session, {test, budget} = actor) do
      {:ok, &share_handler/2, {test, budget}, actor}
    end

    # Decides when the test lets it.
    def share_handler({:share, share}, {test, budget} = state) do
      send(test, {Maty.session().id, :Buyer2, {:share, share}})

      receive do
        :decide -> :ok
      end

      if share <= budget do
        Maty.send(:Seller, {:address, "Room 3"})
        {:suspend, &date_handler/2, state}
      else
        Maty.send(:Seller, {:quit})
        {:done, :normal, state}
      end
    end

    def date_handler({:date, date}, {test, _} = state) do
      send(test, {Maty.session().id, :Buyer2, {:date, date}})
      {:done, :normal, state}
    end
  end

  test "one seller serves two pairs of buyers at the same time" do
    ap = start_supervised!({Maty.AccessPoint, protocol: TwoBuyer})
    test = self()
    start = &start_supervised!(Supervisor.child_spec({&1, &2}, id: make_ref()))
    start.(Buyer1, {ap, test, "Logic"})
    willing = start.(Buyer2, {ap, test, 3})
    start.(Buyer1, {ap, test, "Encyclopedia"})
    unwilling = start.(Buyer2, {ap, test, 3})
    seller = start.(Seller, {ap, test})

    assert_receive {one, :Seller, {:title, "Logic"}}
    assert_receive {two, :Seller, {:title, "Encyclopedia"}}
    assert one != two
    assert_receive {^one, :Buyer1, {:quote, 5}}
    assert_receive {^two, :Buyer1, {:quote, 12}}
    assert_receive {^one, :Buyer2, {:share, 2.5}}
    assert_receive {^two, :Buyer2, {:share, 6.0}}

    # Both wait now for what the second buyers decide.
    waits = "waits for address(binary) from Buyer2 | quit() from Buyer2"

    assert seller |> Maty.sessions() |> Enum.map(&{&1.id, &1.role, Maty.Session.format_next(&1)}) ==
             Enum.sort([{one, :Seller, waits}, {two, :Seller, waits}])

    send(unwilling, :decide)
    assert_receive {^two, :Seller, {:quit}}
    send(willing, :decide)
    assert_receive {^one, :Seller, {:address, "Room 3"}}
    assert_receive {^one, :Buyer2, {:date, ~D[2026-12-01]}}

    assert Maty.sessions(seller) == []
    assert Maty.AccessPoint.waiting(ap) == %{Buyer1: [], Buyer2: [], Seller: [seller]}
    refute_received {_session, _role, _message}
  end
end
