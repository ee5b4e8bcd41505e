# mix run examples/chat/chat.exs
#
# A chat room has two sessions with each member: in ChatIn the member speaks, in
# ChatOut the room does. The room holds its side of ChatOut, where it is its turn
# to send, under the member's pid, and goes on with it when somebody has said
# something in ChatIn: it is one actor in many sessions, and what happens in one
# of them decides what it sends in the others.
defmodule ChatIn do
  use Maty.Protocol, file: "chat.scr", protocol: :ChatIn
end

defmodule ChatOut do
  use Maty.Protocol, file: "chat.scr", protocol: :ChatOut
end

defmodule Room do
  use Maty.Actor, roles: [{ChatIn, :Room}, {ChatOut, :Room}]

  @impl true
  def init_actor({chat_in, chat_out}) do
    Maty.register(chat_in, :Room)
    Maty.register(chat_out, :Room)
    {:ok, {chat_in, chat_out}}
  end

  @impl true
  def init_session(%{protocol: :ChatIn} = session, {chat_in, _} = actor) do
    Maty.register(chat_in, :Room)
    {:ok, &said/2, session.participants[:Client], actor}
  end

  def init_session(%{protocol: :ChatOut} = session, {_, chat_out} = actor) do
    Maty.register(chat_out, :Room)
    member = session.participants[:Client]
    {:hold, member, &tell/2, member, actor}
  end

  # In ChatIn.
  def said({:Outgoing, text}, member) do
    for other <- Maty.held(), do: Maty.become(other, {:Incoming, text})
    {:suspend, &said/2, member}
  end

  def said({:LeaveRoom}, member) do
    Maty.become(member, {:Bye})
    {:done, :normal, member}
  end

  # In ChatOut.
  def tell({:Incoming, _text} = message, member) do
    Maty.send(:Client, message)
    {:hold, member, &tell/2, member}
  end

  def tell({:Bye}, member) do
    Maty.send(:Client, {:Bye})
    {:done, :normal, member}
  end

  # A member that has crashed is noticed in ChatIn, where the room waits for it.
  @impl true
  def handle_failure({:cancelled, :Client}, %{protocol: :ChatIn}, member, actor) do
    Maty.become(member, {:Bye})
    for other <- Maty.held(), do: Maty.become(other, {:Incoming, "(somebody is gone)"})
    {:ok, actor}
  end
end

defmodule Member do
  use Maty.Actor, roles: [{ChatIn, :Client}, {ChatOut, :Client}]

  def say(member, text), do: Maty.Actor.call(member, {:say, text})
  def leave(member), do: Maty.Actor.call(member, :leave)

  @impl true
  def init_actor({chat_in, chat_out, name, reader}) do
    Maty.register(chat_out, :Client)
    Maty.register(chat_in, :Client)
    {:ok, {name, reader, 0}}
  end

  # The member's side of ChatIn is held as well, until there is something to say.
  @impl true
  def init_session(%{protocol: :ChatIn}, {name, _, _} = actor) do
    {:hold, :room, &speak/2, name, joined(actor)}
  end

  def init_session(%{protocol: :ChatOut}, {name, reader, _} = actor) do
    {:ok, &hear/2, {name, reader}, joined(actor)}
  end

  # It takes both sessions.
  defp joined({name, reader, 0}), do: {name, reader, 1}

  defp joined({name, reader, 1}) do
    send(reader, {:joined, name})
    {name, reader, 2}
  end

  @impl true
  def handle_call({:say, text}, _from, actor) do
    {:reply, Maty.become(:room, {:say, text}), actor}
  end

  def handle_call(:leave, _from, actor) do
    {:reply, Maty.become(:room, :leave), actor}
  end

  def speak({:say, text}, name) do
    Maty.send(:Room, {:Outgoing, "#{name}: #{text}"})
    {:hold, :room, &speak/2, name}
  end

  def speak(:leave, name) do
    Maty.send(:Room, {:LeaveRoom})
    {:done, :normal, name}
  end

  def hear({:Incoming, text}, {name, reader} = state) do
    send(reader, {:heard, name, text})
    {:suspend, &hear/2, state}
  end

  def hear({:Bye}, {name, reader} = state) do
    send(reader, {:left, name})
    {:done, :normal, state}
  end
end

defmodule Reader do
  # Prints what each of the members sees next.
  def read(names) do
    for name <- names do
      receive do
        {:joined, ^name} -> IO.puts("#{name} has joined")
        {:heard, ^name, text} -> IO.puts("#{name} reads  #{text}")
        {:left, ^name} -> IO.puts("#{name} has left")
      end
    end
  end
end

{:ok, chat_in} = Maty.AccessPoint.start_link(protocol: ChatIn)
{:ok, chat_out} = Maty.AccessPoint.start_link(protocol: ChatOut)
{:ok, _room} = Room.start_link({chat_in, chat_out})

[ann, bob, eve] =
  for name <- ["Ann", "Bob", "Eve"] do
    {:ok, member} = Maty.Actor.start(Member, {chat_in, chat_out, name, self()})
    Reader.read([name])
    member
  end

Member.say(ann, "Hello!")
Reader.read(["Ann", "Bob", "Eve"])
Member.say(bob, "Hi Ann")
Member.say(bob, "and Eve")
Reader.read(["Ann", "Bob", "Eve", "Ann", "Bob", "Eve"])
Member.leave(bob)
Reader.read(["Bob"])
Process.exit(eve, :kill)
Reader.read(["Ann"])
Member.leave(ann)
Reader.read(["Ann"])
