defmodule MatyTest do
  # Looks at the node as a whole, and so runs alone.
  use ExUnit.Case, async: false

  import ExUnit.CaptureIO

  doctest Maty
  doctest Maty.Session

  defmodule Talk do
    use Maty.Protocol,
      string: """
      global protocol Talk(role Asker, role Teller) {
        ask(term: any) from Asker to Teller;
        choice at Teller { tell(any) from Teller to Asker; } or { no() from Teller to Asker; }
      }
      """
  end

  # A session in which Teller is running its handler, and goes on when it is told to.
  setup do
    # The engine hears of the actors of the test before by signals of its own.
    settled()
    ap = start_supervised!({Maty.AccessPoint, protocol: Talk})
    test = self()

    asker = fn session ->
      Maty.send(:Teller, {:ask, 1})
      {:suspend, fn {:no}, _ -> send(test, {:told, session}) && {:done, :normal, nil} end, nil}
    end

    tell = fn {:ask, _}, _ ->
      send(test, {:asked, Maty.session()})

      receive do
        :go_on -> Maty.send(:Asker, {:no})
      end

      {:done, :normal, nil}
    end

    asker = start_supervised!({Maty.Scripted, {ap, :Asker, asker}}, id: :asker)

    teller =
      start_supervised!({Maty.Scripted, {ap, :Teller, fn _ -> {:suspend, tell, nil} end}},
        id: :teller
      )

    assert_receive {:asked, session}
    assert [_] = Maty.sessions(asker)
    %{ap: ap, asker: asker, teller: teller, session: session}
  end

  defp settled do
    if Maty.counters().endpoints > 0, do: settled()
  end

  test "a session that a handler runs in", %{session: session} = context do
    assert session == %{
             id: session.id,
             role: :Teller,
             protocol: :Talk,
             access_point: context.ap,
             participants: %{Asker: context.asker, Teller: context.teller}
           }
  end

  test "the sessions of an actor", %{session: %{id: id}, asker: asker} do
    assert [%Maty.Session{} = session] = Maty.sessions(asker)

    assert %{id: ^id, protocol: :Talk, role: :Asker, actor: ^asker, state: :receive, waiting: 0} =
             session

    assert is_function(session.handler, 2)

    assert session.next == [
             %{
               direction: :receive,
               peer: :Teller,
               label: :tell,
               target: 2,
               fields: [{"", "any"}],
               line: 3,
               column: 22
             },
             %{
               direction: :receive,
               peer: :Teller,
               label: :no,
               target: 2,
               fields: [],
               line: 3,
               column: 61
             }
           ]

    assert inspect(session) ==
             "#Maty.Session<#{Maty.format_session(id)} Talk as Asker, " <>
               "waits for tell(any) from Teller | no() from Teller>"
  end

  test "the sessions of the node", %{session: %{id: id}, asker: asker, teller: teller} do
    assert [one, two] = Maty.sessions()
    assert {one.role, one.actor, two.role, two.actor} == {:Asker, asker, :Teller, teller}
    assert {one.handler, one.waiting} == {nil, nil}

    # Teller has been asked, and is in its handler.
    assert inspect(two) ==
             "#Maty.Session<#{Maty.format_session(id)} Talk as Teller, " <>
               "sends tell(any) to Asker | no() to Asker>"

    send(teller, :go_on)
    assert_receive {:told, _}
    assert Maty.sessions(asker) == []
    assert Maty.sessions(teller) == []
    assert Maty.sessions() == []
  end

  test "the counters", %{asker: asker, teller: teller} do
    before = Maty.counters()
    assert before.endpoints == 2
    send(teller, :go_on)
    assert_receive {:told, _}
    assert Maty.sessions(asker) == []
    assert Maty.sessions(teller) == []
    later = Maty.counters()
    assert later.sent == before.sent + 1
    assert later.received == before.received + 1
    assert later.sessions_closed == before.sessions_closed + 1
    assert later.endpoints == 0

    assert inspect(later) ==
             "#Maty.Counters<#{later.sessions_opened} sessions opened, #{later.sessions_closed} " <>
               "closed; #{later.sent} messages sent, #{later.received} received, " <>
               "#{later.waited} waited, #{later.refused} refused; #{later.cancelled} roles " <>
               "cancelled; 0 endpoints in #{later.bytes} bytes>"
  end

  test "an overview", %{ap: ap, session: %{id: id}} = context do
    text = capture_io(fn -> assert Maty.i() == :ok end)
    [ap, asker, teller] = Enum.map([ap, context.asker, context.teller], &:erlang.pid_to_list/1)

    assert text =~ """
           Access points
             #{ap}  Talk  waiting: Asker 0, Teller 0
           Sessions
             #{Maty.format_session(id)}  Talk
               Asker        #{asker}  waits for tell(any) from Teller | no() from Teller
               Teller       #{teller}  sends tell(any) to Asker | no() to Asker
           Engine
           """
  end

  test "what registering raises is the caller's", %{ap: ap} do
    {error, stacktrace} =
      try do
        Maty.register(ap, :Talker)
      rescue
        error -> {error, __STACKTRACE__}
      end

    assert error == %Maty.Error{reason: {:unknown_role, :Talker, [:Asker, :Teller]}}
    assert [{__MODULE__, _, _, _} | _] = stacktrace
  end
end
