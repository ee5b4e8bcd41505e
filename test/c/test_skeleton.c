/* test_skeleton.c - actor modules that play a role. That they compile and play
 * it is tested where they run. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* Has every type, a loop with a choice, a chain of messages, and names that the
 * languages have another use for. */
static const char types[] =
    "type line = %{text: string, count: 1..9, if': :on};\n"
    "protocol Types(role Me, role You, role end) {\n"
    "  rec Loop {\n"
    "    choice at Me {\n"
    "      Begin(integer, float, number, boolean, atom, binary) from Me to You;\n"
    "      all(pid, reference, date, time, datetime, any, Thing) from Me to You;\n"
    "      nested(list(integer), {}, {line, 7}, -5..5 | string) from Me to You;\n"
    "      2b(Value: integer, value: string, integer) from You to Me;\n"
    "      if() from You to end;\n"
    "      continue Loop;\n"
    "    } or {\n"
    "      stop() from Me to You;\n"
    "      stop() from You to end;\n"
    "    }\n"
    "  }\n"
    "}\n";

static maty_status write(const maty_image_t *image, uint32_t role, maty_language language,
                         const char *name, const maty_allocator_t *allocator, test_text_t *found) {
  test_text_add(found, "%s", "");
  return maty_skeleton(image, role, language, name, NULL, allocator, test_writer(found));
}

static void expect(uint32_t role, maty_language language, const char *name, const char *source) {
  test_text_t found = {0};
  maty_allocator_t allocator = maty_allocator_default();
  maty_module_t *module = test_check(types);
  cr_assert_eq(write(maty_module_image(module, 0), role, language, name, &allocator, &found),
               MATY_OK);
  cr_expect_str_eq(found.at, source, "expected\n%s\nfound\n%s", source, found.at);
  free(found.at);
  maty_module_free(module);
}

Test(skeleton, elixir) {
  expect(0, MATY_LANGUAGE_ELIXIR, "Me",
         "defmodule Me do\n"
         "  # Plays Me in the protocol Types of test.scr.\n"
         "  use Maty.Actor\n"
         "\n"
         "  # For one session; register again in init_session to be in the next one too.\n"
         "  @impl true\n"
         "  def init_actor(access_point) do\n"
         "    Maty.register(access_point, :Me)\n"
         "    {:ok, access_point}\n"
         "  end\n"
         "\n"
         "  @impl true\n"
         "  def init_session(_session, access_point) do\n"
         "    case send_begin(%{}) do\n"
         "      {:suspend, handler, state} -> {:ok, handler, state, access_point}\n"
         "      {:done, reason, _state} -> {:done, reason, access_point}\n"
         "    end\n"
         "  end\n"
         "\n"
         "  defp send_begin(state) do\n"
         "    case choose([{:You, :stop}, {:You, :Begin}], state) do\n"
         "      {:You, :Begin} ->\n"
         "        # Begin(integer, float, number, boolean, atom, binary) to You (line 5)\n"
         "        Maty.send(:You, {:Begin, 0, 0.0, 0, true, :ok, \"text\"})\n"
         "        # all(pid, reference, date, time, datetime, any, Thing) to You (line 6)\n"
         "        Maty.send(:You, {:all, self(), make_ref(), ~D[2000-01-01], ~T[12:00:00], "
         "~U[2000-01-01 12:00:00Z], nil, nil})\n"
         "        # nested(list(integer), {}, {%{text: string, count: 1..9, if': :on}, 7}, -5..5 | "
         "string) to You (line 7)\n"
         "        Maty.send(:You, {:nested, [], {}, {%{text: \"text\", count: 1, \"if'\": :on}, "
         "7}, -5})\n"
         "        {:suspend, &m2b_handler/2, state}\n"
         "\n"
         "      {:You, :stop} ->\n"
         "        # stop() to You (line 12)\n"
         "        Maty.send(:You, {:stop})\n"
         "        {:done, :normal, state}\n"
         "    end\n"
         "  end\n"
         "\n"
         "  # 2b(Value: integer, value: string, integer) from You (line 8)\n"
         "  def m2b_handler({:\"2b\", _value_1, _value_2, _value_3}, state) do\n"
         "    send_begin(state)\n"
         "  end\n"
         "\n"
         "  # Decides which of these messages is sent, where that is up to this role.\n"
         "  defp choose([first | _others], _state), do: first\n"
         "end\n");
}

Test(skeleton, elixir_that_waits) {
  expect(1, MATY_LANGUAGE_ELIXIR, "You",
         "defmodule You do\n"
         "  # Plays You in the protocol Types of test.scr.\n"
         "  use Maty.Actor\n"
         "\n"
         "  # For one session; register again in init_session to be in the next one too.\n"
         "  @impl true\n"
         "  def init_actor(access_point) do\n"
         "    Maty.register(access_point, :You)\n"
         "    {:ok, access_point}\n"
         "  end\n"
         "\n"
         "  @impl true\n"
         "  def init_session(_session, access_point) do\n"
         "    {:ok, &begin_handler/2, %{}, access_point}\n"
         "  end\n"
         "\n"
         "  # Begin(integer, float, number, boolean, atom, binary) from Me (line 5)\n"
         "  def begin_handler({:Begin, _value_1, _value_2, _value_3, _value_4, _value_5, "
         "_value_6}, state) do\n"
         "    {:suspend, &all_handler/2, state}\n"
         "  end\n"
         "\n"
         "  # stop() from Me (line 12)\n"
         "  def begin_handler({:stop}, state) do\n"
         "    # stop() to end (line 13)\n"
         "    Maty.send(:end, {:stop})\n"
         "    {:done, :normal, state}\n"
         "  end\n"
         "\n"
         "  # all(pid, reference, date, time, datetime, any, Thing) from Me (line 6)\n"
         "  def all_handler({:all, _value_1, _value_2, _value_3, _value_4, _value_5, _value_6, "
         "_value_7}, state) do\n"
         "    {:suspend, &nested_handler/2, state}\n"
         "  end\n"
         "\n"
         "  # nested(list(integer), {}, {%{text: string, count: 1..9, if': :on}, 7}, -5..5 | "
         "string) from Me (line 7)\n"
         "  def nested_handler({:nested, _value_1, _value_2, _value_3, _value_4}, state) do\n"
         "    # 2b(Value: integer, value: string, integer) to Me (line 8)\n"
         "    Maty.send(:Me, {:\"2b\", 0, \"text\", 0})\n"
         "    # if() to end (line 9)\n"
         "    Maty.send(:end, {:if})\n"
         "    {:suspend, &begin_handler/2, state}\n"
         "  end\n"
         "end\n");
}

Test(skeleton, erlang) {
  expect(0, MATY_LANGUAGE_ERLANG, "me",
         "%% Plays Me in the protocol Types of test.scr.\n"
         "-module(me).\n"
         "-behaviour(maty_actor).\n"
         "\n"
         "-export([init_actor/1, init_session/2]).\n"
         "\n"
         "%% For one session; register again in init_session to be in the next one too.\n"
         "init_actor(AccessPoint) ->\n"
         "    maty:register(AccessPoint, 'Me'),\n"
         "    {ok, AccessPoint}.\n"
         "\n"
         "init_session(_Session, AccessPoint) ->\n"
         "    case send_begin(#{}) of\n"
         "        {suspend, Handler, State} -> {ok, Handler, State, AccessPoint};\n"
         "        {done, Reason, _State} -> {done, Reason, AccessPoint}\n"
         "    end.\n"
         "\n"
         "send_begin(State) ->\n"
         "    case choose([{'You', stop}, {'You', 'Begin'}], State) of\n"
         "        {'You', 'Begin'} ->\n"
         "            %% Begin(integer, float, number, boolean, atom, binary) to You (line 5)\n"
         "            maty:send('You', {'Begin', 0, 0.0, 0, true, ok, <<\"text\">>}),\n"
         "            %% all(pid, reference, date, time, datetime, any, Thing) to You (line 6)\n"
         "            maty:send('You', {all, self(), make_ref(), {2000, 1, 1}, {12, 0, 0}, {{2000, "
         "1, 1}, {12, 0, 0}}, undefined, undefined}),\n"
         "            %% nested(list(integer), {}, {%{text: string, count: 1..9, if': :on}, 7}, "
         "-5..5 | string) to You (line 7)\n"
         "            maty:send('You', {nested, [], {}, {#{text => <<\"text\">>, count => 1, "
         "'if\\'' => on}, 7}, -5}),\n"
         "            {suspend, fun m2b_handler/2, State};\n"
         "        {'You', stop} ->\n"
         "            %% stop() to You (line 12)\n"
         "            maty:send('You', {stop}),\n"
         "            {done, normal, State}\n"
         "    end.\n"
         "\n"
         "%% 2b(Value: integer, value: string, integer) from You (line 8)\n"
         "m2b_handler({'2b', _Value_1, _Value_2, _Value_3}, State) ->\n"
         "    send_begin(State).\n"
         "\n"
         "%% Decides which of these messages is sent, where that is up to this role.\n"
         "choose([First | _Others], _State) -> First.\n");
}

Test(skeleton, erlang_that_waits) {
  expect(2, MATY_LANGUAGE_ERLANG, "end",
         "%% Plays end in the protocol Types of test.scr.\n"
         "-module('end').\n"
         "-behaviour(maty_actor).\n"
         "\n"
         "-export([init_actor/1, init_session/2]).\n"
         "\n"
         "%% For one session; register again in init_session to be in the next one too.\n"
         "init_actor(AccessPoint) ->\n"
         "    maty:register(AccessPoint, 'end'),\n"
         "    {ok, AccessPoint}.\n"
         "\n"
         "init_session(_Session, AccessPoint) ->\n"
         "    {ok, fun if_handler/2, #{}, AccessPoint}.\n"
         "\n"
         "%% if() from You (line 9)\n"
         "if_handler({'if'}, State) ->\n"
         "    {suspend, fun if_handler/2, State};\n"
         "%% stop() from You (line 13)\n"
         "if_handler({stop}, State) ->\n"
         "    {done, normal, State}.\n");
}

/* The beginning of a module that is checked when it is compiled. */
static void expect_head(maty_language language, const char *file, const char *head) {
  test_text_t found = {0};
  maty_allocator_t allocator = maty_allocator_default();
  maty_module_t *module = test_check(types);
  cr_assert_eq(maty_skeleton(maty_module_image(module, 0), 2, language, "End", file, &allocator,
                             test_writer(&found)),
               MATY_OK);
  cr_expect_eq(strncmp(found.at, head, strlen(head)), 0, "expected\n%s\nfound\n%s", head, found.at);
  free(found.at);
  maty_module_free(module);
}

Test(skeleton, checked) {
  expect_head(MATY_LANGUAGE_ELIXIR, "my \"#{protocols}\"\\types\n.scr",
              "defmodule End do\n"
              "  # Plays end in the protocol Types of test.scr.\n"
              "  use Maty.Actor,\n"
              "    protocol: {:file, \"my \\\"\\#{protocols}\\\"\\\\types\\x0a.scr\", :Types},\n"
              "    role: :end\n"
              "\n");
  expect_head(MATY_LANGUAGE_ERLANG, "my \"#{protocols}\"\\types\n.scr",
              "%% Plays end in the protocol Types of test.scr.\n"
              "-module('End').\n"
              "-behaviour(maty_actor).\n"
              "-compile({parse_transform, maty_transform}).\n"
              "-maty([{protocol, {file, \"my \\\"#{protocols}\\\"\\\\types\\x{a}.scr\", 'Types'}}, "
              "{role, 'end'}]).\n"
              "\n");
}

/* Nor do two fields share one, whatever they are called. */
Test(skeleton, fields) {
  test_text_t found = {0};
  maty_allocator_t allocator = maty_allocator_default();
  maty_module_t *module = test_check(
      "protocol P(role A, role B) {\n"
      "  m(integer, integer, value_2: integer, value_2_: integer, value_5: atom) from A to B;\n"
      "}\n");
  cr_assert_eq(
      write(maty_module_image(module, 0), 1, MATY_LANGUAGE_ERLANG, "b", &allocator, &found),
      MATY_OK);
  cr_expect(strstr(found.at, "\nm_handler({m, _Value_1, _Value_2__, _Value_2, _Value_2_, "
                             "_Value_5}, State) ->\n") != NULL,
            "%s", found.at);
  free(found.at);
  maty_module_free(module);
}

/* Handlers and functions have names of their own. */
Test(skeleton, names) {
  test_text_t found = {0};
  maty_allocator_t allocator = maty_allocator_default();
  maty_module_t *module =
      test_check("protocol P(role A, role B) {\n"
                 "  ApplyChange() from A to B; apply_change() from B to A;\n"
                 "  ApplyChange() from A to B; (integer) from A to B; HTTPGet() from A to B;\n"
                 "}\n");
  cr_assert_eq(
      write(maty_module_image(module, 0), 1, MATY_LANGUAGE_ERLANG, "b", &allocator, &found),
      MATY_OK);
  cr_expect_str_eq(found.at,
                   "%% Plays B in the protocol P of test.scr.\n"
                   "-module(b).\n"
                   "-behaviour(maty_actor).\n"
                   "\n"
                   "-export([init_actor/1, init_session/2]).\n"
                   "\n"
                   "%% For one session; register again in init_session to be in the next one too.\n"
                   "init_actor(AccessPoint) ->\n"
                   "    maty:register(AccessPoint, 'B'),\n"
                   "    {ok, AccessPoint}.\n"
                   "\n"
                   "init_session(_Session, AccessPoint) ->\n"
                   "    {ok, fun apply_change_handler/2, #{}, AccessPoint}.\n"
                   "\n"
                   "%% ApplyChange() from A (line 2)\n"
                   "apply_change_handler({'ApplyChange'}, State) ->\n"
                   "    %% apply_change() to A (line 2)\n"
                   "    maty:send('A', {apply_change}),\n"
                   "    {suspend, fun apply_change_handler_2/2, State}.\n"
                   "\n"
                   "%% ApplyChange() from A (line 3)\n"
                   "apply_change_handler_2({'ApplyChange'}, State) ->\n"
                   "    {suspend, fun message_handler/2, State}.\n"
                   "\n"
                   "%% (integer) from A (line 3)\n"
                   "message_handler({'', _Value}, State) ->\n"
                   "    {suspend, fun http_get_handler/2, State}.\n"
                   "\n"
                   "%% HTTPGet() from A (line 3)\n"
                   "http_get_handler({'HTTPGet'}, State) ->\n"
                   "    {done, normal, State}.\n");
  free(found.at);
  maty_module_free(module);
}

Test(skeleton, arguments) {
  static const char *const bad[] = {"", "me", "Me.", ".Me", "Me.you", "Me you", "Me\n"};
  test_text_t found = {0};
  maty_allocator_t allocator = maty_allocator_default();
  maty_module_t *module = test_check(types);
  const maty_image_t *image = maty_module_image(module, 0);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_expect_eq(write(image, 0, MATY_LANGUAGE_ELIXIR, bad[i], &allocator, &found), MATY_EINVAL,
                 "%s", bad[i]);
  cr_expect_eq(write(image, 0, MATY_LANGUAGE_ERLANG, "", &allocator, &found), MATY_EINVAL);
  cr_expect_eq(write(image, 3, MATY_LANGUAGE_ERLANG, "me", &allocator, &found), MATY_EINVAL);
  cr_expect_eq(write(NULL, 0, MATY_LANGUAGE_ERLANG, "me", &allocator, &found), MATY_EINVAL);
  cr_expect_eq(write(image, 0, MATY_LANGUAGE_ERLANG, NULL, &allocator, &found), MATY_EINVAL);
  cr_expect_eq(write(image, 0, (maty_language)2, "me", &allocator, &found), MATY_EINVAL);
  cr_expect_str_eq(found.at, "");
  free(found.at);
  maty_module_free(module);
}

Test(skeleton, every_allocation_fails_once) {
  maty_module_t *module = test_check(types);
  test_memory_t memory = {.fail_at = 1};
  maty_allocator_t allocator = test_allocator(&memory);
  maty_status status;
  do {
    test_text_t found = {0};
    status = write(maty_module_image(module, 0), 0, MATY_LANGUAGE_ELIXIR, "Me", &allocator, &found);
    free(found.at);
  } while (test_failed(&memory, status, MATY_OK));
  maty_module_free(module);
}
