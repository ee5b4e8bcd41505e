/* skeleton.c - an actor module that plays a role.
 *
 * Every state of the role's machine that waits becomes a handler, with a clause
 * for each message, which asks who sent it where several roles may and that makes
 * a difference. What is sent on the way to the next such state is written where it
 * has to be sent; a sending state becomes a function of its own where that would
 * not end or would say things twice:
 *
 *   - several ways lead to it (the beginning is one), or
 *   - it has a choice.
 *
 * So the chains that are written out are finite, and each is written once. Where
 * the role has a choice, the first one offered is a shortest way to the end, so
 * that what was generated comes to an end as it is, if the protocol has one.
 *
 * The two languages differ in how they spell things and in nothing else.
 */
#include "skeleton.h"

#include <string.h>

#include "image_text.h"

/* ===== Names and distances =============================================== */

static const maty__state_t *state_at(const maty__skeleton_t *skeleton, uint32_t state) {
  return &skeleton->image->states[skeleton->about.first_state + state];
}

static const maty__transition_t *transition_at(const maty__skeleton_t *skeleton, uint32_t state,
                                               uint32_t index) {
  return &skeleton->image->transitions[state_at(skeleton, state)->first_transition + index];
}

static uint32_t target_of(const maty__skeleton_t *skeleton, const maty__transition_t *transition) {
  return transition->target - skeleton->about.first_state;
}

static const maty__action_t *action_of(const maty__skeleton_t *skeleton,
                                       const maty__transition_t *transition) {
  const maty__role_t *role = &skeleton->image->roles[skeleton->role];
  return &skeleton->image->actions[role->first_action + transition->action];
}

static const char *label_of(const maty__skeleton_t *skeleton,
                            const maty__transition_t *transition) {
  return skeleton->image->strings + action_of(skeleton, transition)->label;
}

static const char *peer_of(const maty__skeleton_t *skeleton, const maty__transition_t *transition) {
  const maty__role_t *peer = &skeleton->image->roles[action_of(skeleton, transition)->peer];
  return skeleton->image->strings + peer->name;
}

/* Gives a state's function the first name that is free: "title_handler",
 * "title_handler_2". "used" keeps how far the numbers of a name have come. */
static maty_status name_function(maty__skeleton_t *skeleton, maty__map_t *used, uint32_t state,
                                 bool handler) {
  char word[MATY__WORD_SIZE];
  maty__function_word(label_of(skeleton, transition_at(skeleton, state, 0)), word);
  maty__text_t text;
  uint32_t first = MATY__NONE, *number = NULL;
  for (;;) {
    maty__text_init(&text, skeleton->arena);
    maty__text_add(&text, "%s%s%s", handler ? "" : "send_", word, handler ? "_handler" : "");
    if (number != NULL)
      maty__text_add(&text, "_%u", ++*number);
    MATY__NEED(!text.failed);
    uint32_t known = skeleton->taken.items.count;
    uint32_t put = maty__names_put(&skeleton->taken, text.at, (uint32_t)text.length);
    MATY__NEED(put != MATY__NONE);
    first = first == MATY__NONE ? put : first;
    if (put == known) {
      skeleton->function[state] = put;
      return MATY_OK;
    }
    if (number == NULL) {
      number = maty__map_put(skeleton->arena, used, first);
      MATY__NEED(number != NULL);
      if (*number == MATY__NONE)
        *number = 1;
    }
  }
}

/* The states are gone through backwards, breadth first, from the final ones. */
static maty_status measure(maty__skeleton_t *skeleton, const uint32_t *entered) {
  maty__arena_t *arena = skeleton->arena;
  uint32_t count = skeleton->about.state_count, transitions = 0, head = 0;
  uint32_t *first = maty__array(arena, uint32_t, (size_t)count + 1);
  maty__u32s_t queue = {0};
  skeleton->distance = maty__array(arena, uint32_t, count);
  MATY__NEED(first != NULL && skeleton->distance != NULL);
  for (uint32_t state = 0; state < count; state++) {
    first[state] = transitions;
    transitions += entered[state];
    skeleton->distance[state] = MATY__NONE;
  }
  uint32_t *from = maty__array(arena, uint32_t, (size_t)transitions + 1);
  uint32_t *filled = maty__zarray(arena, uint32_t, count);
  MATY__NEED(from != NULL && filled != NULL);
  for (uint32_t state = 0; state < count; state++) {
    const maty__state_t *at = state_at(skeleton, state);
    for (uint32_t i = 0; i < at->transition_count; i++) {
      uint32_t target = target_of(skeleton, transition_at(skeleton, state, i));
      from[first[target] + filled[target]++] = state;
    }
    if (at->phase == MATY_PHASE_FINAL) {
      skeleton->distance[state] = 0;
      MATY__NEED(maty__vec_push(arena, &queue, state));
    }
  }
  for (; head < queue.count; head++) {
    uint32_t state = queue.at[head];
    for (uint32_t i = 0; i < filled[state]; i++) {
      uint32_t before = from[first[state] + i];
      if (skeleton->distance[before] != MATY__NONE)
        continue;
      skeleton->distance[before] = skeleton->distance[state] + 1;
      MATY__NEED(maty__vec_push(arena, &queue, before));
    }
  }
  return MATY_OK;
}

static maty_status prepare(maty__skeleton_t *skeleton) {
  uint32_t count = skeleton->about.state_count;
  uint32_t *entered = maty__zarray(skeleton->arena, uint32_t, count);
  maty__map_t used = {0};
  skeleton->function = maty__array(skeleton->arena, uint32_t, count);
  MATY__NEED(entered != NULL && skeleton->function != NULL);
  MATY__TRY(maty__names_init(&skeleton->taken, skeleton->arena));
  entered[skeleton->about.initial - skeleton->about.first_state] = 1;
  for (uint32_t state = 0; state < count; state++)
    for (uint32_t i = 0; i < state_at(skeleton, state)->transition_count; i++)
      entered[target_of(skeleton, transition_at(skeleton, state, i))]++;
  for (uint32_t state = 0; state < count; state++) {
    const maty__state_t *at = state_at(skeleton, state);
    bool choice = at->phase == MATY_PHASE_SEND && at->transition_count > 1;
    skeleton->function[state] = MATY__NONE;
    skeleton->chooses |= choice;
    if (at->phase == MATY_PHASE_RECEIVE || choice ||
        (at->phase == MATY_PHASE_SEND && entered[state] > 1))
      MATY__TRY(name_function(skeleton, &used, state, at->phase == MATY_PHASE_RECEIVE));
  }
  return measure(skeleton, entered);
}

/* ===== The module ======================================================== */

static void put_function(const maty__skeleton_t *skeleton, uint32_t state) {
  const maty__name_text_t *name = &skeleton->taken.items.at[skeleton->function[state]];
  maty__out_bytes(skeleton->out, name->at, name->length);
}

/* "title(string) from Buyer1 (line 3)" */
static maty_status put_message(const maty__skeleton_t *skeleton, uint32_t state, uint32_t index,
                               const char *preposition) {
  maty__text_t text;
  const maty__transition_t *transition = transition_at(skeleton, state, index);
  maty__arena_mark_t mark = maty__arena_mark(skeleton->arena);
  maty__text_init(&text, skeleton->arena);
  maty__text_add(&text, "%s", label_of(skeleton, transition));
  maty__text_add_payload(&text, skeleton->image, transition);
  MATY__NEED(!text.failed);
  maty__out_bytes(skeleton->out, text.at, text.length);
  maty__out_format(skeleton->out, " %s %s", preposition, peer_of(skeleton, transition));
  if (transition->line > 0) /* it is in the text itself, and in no other */
    maty__out_format(skeleton->out, " (line %u)", transition->line);
  maty__arena_rewind(skeleton->arena, mark);
  return MATY_OK;
}

static void put_send(const maty__skeleton_t *skeleton, const maty__transition_t *transition) {
  maty__put_either(skeleton, "Maty.send(", "maty:send(");
  maty__put_atom(skeleton, peer_of(skeleton, transition));
  maty__put(skeleton, ", {");
  maty__put_atom(skeleton, label_of(skeleton, transition));
  for (uint32_t i = 0; i < transition->arity; i++) {
    maty__put(skeleton, ", ");
    maty__put_value(skeleton, skeleton->image->fields[transition->first_field + i].type);
  }
  maty__put(skeleton, "})");
}

/* The message that is sent in a state, and what is sent behind it up to a state
 * that has a function or is final. "begins": in init_session. */
static maty_status put_sends(const maty__skeleton_t *skeleton, uint32_t *state, uint32_t index,
                             uint32_t depth) {
  for (;; index = 0) {
    const maty__transition_t *transition = transition_at(skeleton, *state, index);
    maty__put_line(skeleton, depth);
    maty__put_either(skeleton, "# ", "%% ");
    MATY__TRY(put_message(skeleton, *state, index, "to"));
    maty__put_line(skeleton, depth);
    put_send(skeleton, transition);
    maty__put_either(skeleton, "", ",");
    *state = target_of(skeleton, transition);
    if (state_at(skeleton, *state)->phase != MATY_PHASE_SEND ||
        skeleton->function[*state] != MATY__NONE)
      return MATY_OK;
  }
}

static void put_handler_reference(const maty__skeleton_t *skeleton, uint32_t state) {
  maty__put_either(skeleton, "&", "fun ");
  put_function(skeleton, state);
  maty__put(skeleton, "/2");
}

/* What a handler returns. */
static void put_return(const maty__skeleton_t *skeleton, uint32_t state, uint32_t depth) {
  maty__put_line(skeleton, depth);
  switch (state_at(skeleton, state)->phase) {
  case MATY_PHASE_FINAL:
    maty__put_either(skeleton, "{:done, :normal, state}", "{done, normal, State}");
    break;
  case MATY_PHASE_RECEIVE:
    maty__put_either(skeleton, "{:suspend, ", "{suspend, ");
    put_handler_reference(skeleton, state);
    maty__put_either(skeleton, ", state}", ", State}");
    break;
  default:
    put_function(skeleton, state);
    maty__put_either(skeleton, "(state)", "(State)");
  }
}

static void put_begin(const maty__skeleton_t *skeleton, uint32_t state) {
  maty__put_line(skeleton, 1);
  switch (state_at(skeleton, state)->phase) {
  case MATY_PHASE_FINAL:
    maty__put_either(skeleton, "{:done, :normal, access_point}", "{done, normal, AccessPoint}");
    break;
  case MATY_PHASE_RECEIVE:
    maty__put_either(skeleton, "{:ok, ", "{ok, ");
    put_handler_reference(skeleton, state);
    maty__put_either(skeleton, ", %{}, access_point}", ", #{}, AccessPoint}");
    break;
  default:
    maty__put(skeleton, "case ");
    put_function(skeleton, state);
    maty__put_either(skeleton,
                     "(%{}) do\n"
                     "      {:suspend, handler, state} -> {:ok, handler, state, access_point}\n"
                     "      {:done, reason, _state} -> {:done, reason, access_point}\n"
                     "    end",
                     "(#{}) of\n"
                     "        {suspend, Handler, State} -> {ok, Handler, State, AccessPoint};\n"
                     "        {done, Reason, _State} -> {done, Reason, AccessPoint}\n"
                     "    end");
  }
}

static void end_function(const maty__skeleton_t *skeleton) {
  maty__put_either(skeleton, "\n  end\n", ".\n");
}

/* So that the module is checked when it is compiled. */
static void put_checked(const maty__skeleton_t *skeleton) {
  if (skeleton->file == NULL)
    return;
  maty__put_either(skeleton, ",\n    protocol: {:file, \"",
                   "-compile({parse_transform, maty_transform}).\n-maty([{protocol, {file, \"");
  maty__put_path(skeleton);
  maty__put(skeleton, "\", ");
  maty__put_atom(skeleton, maty_image_protocol(skeleton->image));
  maty__put_either(skeleton, "},\n    role: ", "}}, {role, ");
  maty__put_atom(skeleton, skeleton->about.name);
  maty__put_either(skeleton, "", "}]).\n");
}

static maty_status put_head(const maty__skeleton_t *skeleton) {
  const char *name = skeleton->about.name, *protocol = maty_image_protocol(skeleton->image);
  if (maty__is_erlang(skeleton)) {
    maty__put(skeleton, "%% Plays ");
    maty__put(skeleton, name);
    maty__put(skeleton, " in the protocol ");
    maty__put(skeleton, protocol);
    maty__put(skeleton, " of ");
    maty__put_comment(skeleton, maty_image_source(skeleton->image));
    maty__put(skeleton, ".\n-module(");
    maty__put_atom(skeleton, skeleton->module);
    maty__put(skeleton, ").\n-behaviour(maty_actor).\n");
    put_checked(skeleton);
    maty__put(skeleton, "\n-export([init_actor/1, init_session/2]).\n");
  } else {
    maty__put(skeleton, "defmodule ");
    maty__put(skeleton, skeleton->module);
    maty__put(skeleton, " do\n  # Plays ");
    maty__put(skeleton, name);
    maty__put(skeleton, " in the protocol ");
    maty__put(skeleton, protocol);
    maty__put(skeleton, " of ");
    maty__put_comment(skeleton, maty_image_source(skeleton->image));
    maty__put(skeleton, ".\n  use Maty.Actor");
    put_checked(skeleton);
    maty__put(skeleton, "\n");
  }
  maty__put(skeleton, "\n");
  maty__begin_comment(skeleton);
  maty__put(skeleton,
            "For one session; register again in init_session to be in the next one too.\n");
  maty__put_either(
      skeleton, "  @impl true\n  def init_actor(access_point) do\n    Maty.register(access_point, ",
      "init_actor(AccessPoint) ->\n    maty:register(AccessPoint, ");
  maty__put_atom(skeleton, name);
  maty__put_either(skeleton, ")\n    {:ok, access_point}\n  end\n\n",
                   "),\n    {ok, AccessPoint}.\n\n");
  uint32_t state = skeleton->about.initial - skeleton->about.first_state;
  maty__put_either(skeleton, "  @impl true\n  def init_session(_session, access_point) do",
                   "init_session(_Session, AccessPoint) ->");
  if (state_at(skeleton, state)->phase == MATY_PHASE_SEND &&
      skeleton->function[state] == MATY__NONE)
    MATY__TRY(put_sends(skeleton, &state, 0, 1));
  put_begin(skeleton, state);
  end_function(skeleton);
  return MATY_OK;
}

/* The first message of this state that has the same shape: the clause is one. */
static uint32_t clause_of(const maty__skeleton_t *skeleton, uint32_t state, uint32_t index) {
  const maty__transition_t *transition = transition_at(skeleton, state, index);
  for (uint32_t i = 0; i < index; i++) {
    const maty__transition_t *other = transition_at(skeleton, state, i);
    if (other->arity == transition->arity &&
        strcmp(label_of(skeleton, other), label_of(skeleton, transition)) == 0)
      return i;
  }
  return index;
}

/* Whether it matters which role has sent the message of a clause. */
static bool asks_sender(const maty__skeleton_t *skeleton, uint32_t state, uint32_t index) {
  for (uint32_t i = index + 1; i < state_at(skeleton, state)->transition_count; i++)
    if (clause_of(skeleton, state, i) == index &&
        transition_at(skeleton, state, i)->target != transition_at(skeleton, state, index)->target)
      return true;
  return false;
}

/* What follows a message: what is sent, and what is returned. */
static maty_status put_followed(const maty__skeleton_t *skeleton,
                                const maty__transition_t *transition, uint32_t depth) {
  uint32_t target = target_of(skeleton, transition);
  if (state_at(skeleton, target)->phase == MATY_PHASE_SEND &&
      skeleton->function[target] == MATY__NONE)
    MATY__TRY(put_sends(skeleton, &target, 0, depth));
  put_return(skeleton, target, depth);
  return MATY_OK;
}

/* A branch for each role that may have sent the message. */
static maty_status put_senders(const maty__skeleton_t *skeleton, uint32_t state, uint32_t index) {
  uint32_t count = state_at(skeleton, state)->transition_count;
  maty__put_line(skeleton, 1);
  maty__put_either(skeleton, "case Maty.sender(message) do", "case maty:sender(Message) of");
  for (uint32_t i = index; i < count && skeleton->out->status == MATY_OK; i++) {
    if (clause_of(skeleton, state, i) != index)
      continue;
    if (i > index)
      maty__put_either(skeleton, "\n", ";");
    maty__put_line(skeleton, 2);
    maty__put_atom(skeleton, peer_of(skeleton, transition_at(skeleton, state, i)));
    maty__put(skeleton, " ->");
    MATY__TRY(put_followed(skeleton, transition_at(skeleton, state, i), 3));
  }
  maty__put_line(skeleton, 1);
  maty__put(skeleton, "end");
  return MATY_OK;
}

static maty_status put_clause(const maty__skeleton_t *skeleton, uint32_t state, uint32_t index) {
  const maty__transition_t *transition = transition_at(skeleton, state, index);
  bool asks = asks_sender(skeleton, state, index);
  maty__put_either(skeleton, "  def ", "");
  put_function(skeleton, state);
  maty__put(skeleton, "({");
  maty__put_atom(skeleton, label_of(skeleton, transition));
  for (uint32_t i = 0; i < transition->arity; i++) {
    maty__put(skeleton, ", ");
    maty__put_variable(skeleton, transition, i);
  }
  maty__put(skeleton, "}");
  if (asks)
    maty__put_either(skeleton, " = message", " = Message");
  maty__put_either(skeleton, ", state) do", ", State) ->");
  return asks ? put_senders(skeleton, state, index) : put_followed(skeleton, transition, 1);
}

static maty_status put_handler(const maty__skeleton_t *skeleton, uint32_t state) {
  uint32_t count = state_at(skeleton, state)->transition_count;
  for (uint32_t i = 0; i < count && skeleton->out->status == MATY_OK; i++) {
    if (clause_of(skeleton, state, i) != i)
      continue;
    /* A clause of Erlang ends only when it is known that another one follows. */
    if (i > 0)
      maty__put_either(skeleton, "\n  end\n\n", ";\n");
    for (uint32_t j = i; j < count; j++) {
      if (clause_of(skeleton, state, j) != i)
        continue;
      maty__begin_comment(skeleton);
      MATY__TRY(put_message(skeleton, state, j, "from"));
      maty__put(skeleton, "\n");
    }
    MATY__TRY(put_clause(skeleton, state, i));
  }
  end_function(skeleton);
  return MATY_OK;
}

static void put_branch(const maty__skeleton_t *skeleton, uint32_t state, uint32_t index) {
  const maty__transition_t *transition = transition_at(skeleton, state, index);
  maty__put(skeleton, "{");
  maty__put_atom(skeleton, peer_of(skeleton, transition));
  maty__put(skeleton, ", ");
  maty__put_atom(skeleton, label_of(skeleton, transition));
  maty__put(skeleton, "}");
}

static maty_status put_choice(const maty__skeleton_t *skeleton, uint32_t state) {
  uint32_t count = state_at(skeleton, state)->transition_count, best = 0;
  for (uint32_t i = 1; i < count; i++)
    if (skeleton->distance[target_of(skeleton, transition_at(skeleton, state, i))] <
        skeleton->distance[target_of(skeleton, transition_at(skeleton, state, best))])
      best = i;
  maty__put_line(skeleton, 1);
  maty__put(skeleton, "case choose([");
  put_branch(skeleton, state, best);
  for (uint32_t i = 0; i < count; i++) {
    if (i == best)
      continue;
    maty__put(skeleton, ", ");
    put_branch(skeleton, state, i);
  }
  maty__put_either(skeleton, "], state) do", "], State) of");
  for (uint32_t i = 0; i < count && skeleton->out->status == MATY_OK; i++) {
    uint32_t target = state;
    if (i > 0)
      maty__put_either(skeleton, "\n", ";");
    maty__put_line(skeleton, 2);
    put_branch(skeleton, state, i);
    maty__put(skeleton, " ->");
    MATY__TRY(put_sends(skeleton, &target, i, 3));
    put_return(skeleton, target, 3);
  }
  maty__put_line(skeleton, 1);
  maty__put(skeleton, "end");
  return MATY_OK;
}

static maty_status put_sender(const maty__skeleton_t *skeleton, uint32_t state) {
  uint32_t target = state;
  maty__put_either(skeleton, "  defp ", "");
  put_function(skeleton, state);
  maty__put_either(skeleton, "(state) do", "(State) ->");
  if (state_at(skeleton, state)->transition_count > 1) {
    MATY__TRY(put_choice(skeleton, state));
  } else {
    MATY__TRY(put_sends(skeleton, &target, 0, 1));
    put_return(skeleton, target, 1);
  }
  end_function(skeleton);
  return MATY_OK;
}

static maty_status put_module(maty__skeleton_t *skeleton) {
  MATY__TRY(prepare(skeleton));
  MATY__TRY(put_head(skeleton));
  for (uint32_t state = 0; state < skeleton->about.state_count; state++) {
    if (skeleton->function[state] == MATY__NONE)
      continue;
    maty__put(skeleton, "\n");
    MATY__TRY(state_at(skeleton, state)->phase == MATY_PHASE_RECEIVE ? put_handler(skeleton, state)
                                                                     : put_sender(skeleton, state));
    MATY__TRY(skeleton->out->status);
  }
  if (skeleton->chooses) {
    maty__put(skeleton, "\n");
    maty__begin_comment(skeleton);
    maty__put(skeleton,
              "Decides which of these messages is sent, where that is up to this role.\n");
    maty__put_either(skeleton, "  defp choose([first | _others], _state), do: first\n",
                     "choose([First | _Others], _State) -> First.\n");
  }
  maty__put_either(skeleton, "end\n", "");
  return skeleton->out->status;
}

/* "Shop.Seller" in Elixir; any atom in Erlang. */
static bool is_module(const char *module, maty_language language) {
  if (*module == '\0')
    return false;
  if (language == MATY_LANGUAGE_ERLANG)
    return strlen(module) <= MATY_MAX_NAME;
  for (const char *at = module; *at != '\0'; at++) {
    bool first = at == module || at[-1] == '.';
    bool letter = maty__is_upper(*at) || maty__is_lower(*at) || maty__is_digit(*at) || *at == '_';
    if (first ? !maty__is_upper(*at) : !(letter || (*at == '.' && at[1] != '\0')))
      return false;
  }
  return true;
}

maty_status maty_skeleton(const maty_image_t *image, uint32_t role, maty_language language,
                          const char *module, const char *file, const maty_allocator_t *allocator,
                          maty_writer_t writer) {
  if (image == NULL || module == NULL || allocator == NULL || language > MATY_LANGUAGE_ERLANG ||
      !is_module(module, language))
    return MATY_EINVAL;
  maty__arena_t arena;
  maty__out_t to;
  maty__arena_init(&arena, allocator);
  maty__out_init(&to, writer);
  maty__skeleton_t skeleton = {.image = image,
                               .role = role,
                               .language = language,
                               .module = module,
                               .file = file,
                               .arena = &arena,
                               .out = &to};
  maty_status status = maty_image_role(image, role, &skeleton.about);
  if (status == MATY_OK)
    status = put_module(&skeleton);
  maty__arena_free(&arena);
  return status;
}
