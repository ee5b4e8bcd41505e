/* test_verdicts.c - small protocols and what is said of them. Each was judged by
 * hand from the rules of its dialect (docs/checker.md) before it was tried. What
 * an error says word for word is the business of other tests. */
#include <criterion/criterion.h>
#include <string.h>

#include "support.h"

typedef struct verdict {
  const char *about;
  maty_fairness fairness;
  const char *text;
  const char *expected; /* the class of the first error, or "ok" */
} verdict_t;

static void expect_verdicts(maty_dialect dialect, const verdict_t *verdicts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const verdict_t *verdict = &verdicts[i];
    maty_module_t *module;
    maty_config_t config = maty_config_default();
    config.dialect = dialect;
    config.fairness = verdict->fairness;
    maty_status status =
        maty_module_check(&module, "test.scr", verdict->text, strlen(verdict->text), &config);
    cr_assert(status == MATY_OK || status == MATY_EREJECTED, "%s: %s", verdict->about,
              maty_status_text(status));
    const maty_diagnostic_t *first = NULL;
    for (size_t j = 0; j < maty_module_diagnostic_count(module) && first == NULL; j++)
      if (maty_module_diagnostic(module, j)->severity == MATY_SEVERITY_ERROR)
        first = maty_module_diagnostic(module, j);
    cr_expect_str_eq(first == NULL ? "ok" : maty_class_name(first->class_), verdict->expected,
                     "%s: expected %s, found %s: %s", verdict->about, verdict->expected,
                     first == NULL ? "ok" : maty_class_name(first->class_),
                     first == NULL ? "" : first->text);
    maty_module_free(module);
  }
}

static const verdict_t in_scribble[] = {
    {"role enabling third party", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; x() from C to B; "
     "} or { n() from A to B; x() from C to B; } }\n",
     "role-not-enabled"},
    {"enabling before choice", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; } or { n() from A "
     "to B; } x() from C to B; }\n",
     "ok"},
    {"consistent subject", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; k() from B to C; "
     "} or { n() from A to B; k() from A to C; } }\n",
     "choice-subject"},
    {"subject first sender differs", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { m() from B to A; } or { n() from A to B; } "
     "}\n",
     "role-not-enabled"},
    {"subject sends nothing first", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from B to C; x() from C to A; "
     "} or { n() from B to C; y() from C to A; } }\n",
     "role-not-enabled"},
    {"unreachable after continue", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { m() from A to B; continue X; n() from A to B; } "
     "}\n",
     "unreachable"},
    {"unreachable after rec", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { m() from A to B; continue X; } n() from A to B; "
     "}\n",
     "unreachable"},
    {"unguarded simple", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { continue X; } }\n",
     "unused-role"},
    {"unguarded choice pruned", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { choice at A { continue X; } or { m() from A to "
     "B; } } }\n",
     "ok"},
    {"tail do", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; do P(B, A); }\n",
     "ok"},
    {"nontail do", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { m() from A to B; do P(A, B); n() from A to "
     "B; } or { k() from A to B; } }\n",
     "unreachable"},
    {"nontail do of other", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; do Q(B, A); n() from A to B; }\n"
     "aux global protocol Q(role X, role Y) { q() from X to Y; }\n",
     "ok"},
    {"mutual recursion", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; do Q(A, B); }\n"
     "global protocol Q(role A, role B) { choice at A { k() from A to B; do P(A, B); } or { l() "
     "from A to B; } }\n",
     "ok"},
    {"mutual nontail", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; do Q(A, B); z() from A to B; }\n"
     "aux global protocol Q(role A, role B) { choice at A { k() from A to B; do P(A, B); } or { "
     "l() from A to B; } }\n",
     "unreachable"},
    {"aux unimplementable uncalled", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n"
     "aux global protocol Q(role A, role B, role C) { choice at A { k() from A to B; l() from B to "
     "C; } or { l() from A to B; } }\n",
     "ok"},
    {"params type", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "type <java> \"java.lang.Integer\" from \"rt.jar\" as Int;\n"
     "global protocol P(role A, role B) { do Q<Int>(A, B); }\n"
     "aux global protocol Q<type T>(role A, role B) { m(T) from A to B; }\n",
     "ok"},
    {"params wrong kind", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "sig <java> \"S\" from \"S.java\" as S;\n"
     "global protocol P(role A, role B) { do Q<S>(A, B); }\n"
     "aux global protocol Q<type T>(role A, role B) { m(T) from A to B; }\n",
     "arity"},
    {"sig message", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "sig <java> \"S\" from \"S.java\" as S;\n"
     "global protocol P(role A, role B) { S from A to B; }\n",
     "ok"},
    {"sig undeclared", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { S from A to B; }\n",
     "unbound-type"},
    {"sig param", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "sig <java> \"S\" from \"S.java\" as S;\n"
     "global protocol P(role A, role B) { do Q<S>(A, B); }\n"
     "aux global protocol Q<sig T>(role A, role B) { T from A to B; }\n",
     "ok"},
    {"sig param inline message", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { do Q<m()>(A, B); }\n"
     "aux global protocol Q<sig T>(role A, role B) { T from A to B; }\n",
     "ok"},
    {"own module qualified", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; do test.P(A, B); }\n",
     "ok"},
    {"dup protocol", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n"
     "global protocol P(role A, role B) { m() from A to B; }\n",
     "dup-protocol"},
    {"dup role", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role A) { m() from A to A; }\n",
     "dup-role"},
    {"dup type", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "type <java> \"a\" from \"a\" as T;\n"
     "type <java> \"b\" from \"b\" as T;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n",
     "dup-type"},
    {"dup type sig", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "type <java> \"a\" from \"a\" as T;\n"
     "sig <java> \"b\" from \"b\" as T;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n",
     "dup-type"},
    {"dup param", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P<type T, type T>(role A, role B) { m(T) from A to B; }\n",
     "dup-type"},
    {"do same role twice", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { do Q(A, A); x() from A to B; }\n"
     "aux global protocol Q(role A, role B) { m() from A to B; }\n",
     "dup-role"},
    {"arity", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { do Q(A, B); }\n"
     "aux global protocol Q(role A, role B, role C) { m() from A to B; n() from B to C; }\n",
     "arity"},
    {"self", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to A; n() from A to B; }\n",
     "self-message"},
    {"self multicast", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B, A; }\n",
     "self-message"},
    {"multicast twice", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B, B; }\n",
     "dup-role"},
    {"unused", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { m() from A to B; }\n",
     "unused-role"},
    {"unused via do", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { do Q(A, B, C); }\n"
     "aux global protocol Q(role A, role B, role C) { m() from A to B; }\n",
     "unused-role"},
    {"bound-1 deadlock", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { m() from A to B; } or { m() from A to B; "
     "n() from B to A; } }\n",
     "unfinished"},
    {"same label same payload other sender", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { m() from A to B; x() from B to A; } or { "
     "m() from A to B; y() from B to A; } }\n",
     "reception"},
    {"payload disagree", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "type <java> \"a\" from \"a\" as T;\n"
     "global protocol P(role A, role B) { choice at A { m(T) from A to B; } or { m() from A to B; "
     "} }\n",
     "nondet-payload"},
    {"unfinished", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; n() from B to C; "
     "} or { k() from A to B; } }\n",
     "unfinished"},
    {"role progress", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec X { choice at A { m() from A to B; continue "
     "X; } or { k() from A to B; n() from B to C; } } }\n",
     "role-progress"},
    {"role progress fair", MATY_FAIRNESS_FAIR,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec X { choice at A { m() from A to B; continue "
     "X; } or { k() from A to B; n() from B to C; } } }\n",
     "ok"},
    {"contextual roles", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role from, role to, role at) { m() from from to to; n() from to to at; "
     "choice at at { x() from at to from; x() from at to to; } or { y() from at to from; y() from "
     "at to to; } }\n",
     "ok"},
    {"label keywords", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice() from A to B; rec() from A to B; do() from A to "
     "B; continue() from A to B; from() from A to B; 1() from A to B; protocol() from A to B; or() "
     "from A to B; global() from A to B; type() from A to B; sig() from A to B; nested() from A to "
     "B; role() from A to B; connect() from A to B; wrap() from A to B;}\n",
     "ok"},
    {"empty label", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { () from A to B; }\n",
     "ok"},
    {"empty label payload", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "type <java> \"a\" from \"a\" as T;\n"
     "global protocol P(role A, role B) { (T) from A to B; }\n",
     "ok"},
    {"comments", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "/* a */ // b\n"
     "(* c (* d *) e *) (*) f\n"
     "global protocol P(role A, role B) { m() /* from */ from A to B; } // end\n",
     "ok"},
    {"comment before module", MATY_FAIRNESS_DEFAULT,
     "// module test;\n"
     "/* x */\n"
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"module missing", MATY_FAIRNESS_DEFAULT,
     "global protocol P(role A, role B) { m() from A to B; }\n", "syntax"},
    {"module differs", MATY_FAIRNESS_DEFAULT,
     "module q;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n",
     "syntax"},
    {"module dotted", MATY_FAIRNESS_DEFAULT,
     "module a.b.test;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"empty protocol", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { }\n",
     "unused-role"},
    {"one role", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A) { }\n",
     "unused-role"},
    {"empty or", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { m() from A to B; } or { } }\n",
     "ok"},
    {"nested rec same name", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { m() from A to B; rec X { choice at A { n() from "
     "A to B; continue X; } or { k() from A to B; } } } }\n",
     "ok"},
    {"rec without continue", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { m() from A to B; } n() from A to B; }\n",
     "ok"},
    {"rec reuse after", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { choice at A { m() from A to B; continue X; } or "
     "{ e() from A to B; } } rec X { n() from A to B; continue X; } }\n",
     "ok"},
    {"unbound rec", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; continue X; }\n",
     "unbound-recvar"},
    {"continue across do", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { m() from A to B; do Q(A, B); } }\n"
     "aux global protocol Q(role A, role B) { m() from A to B; continue X; }\n",
     "unbound-recvar"},
    {"single choice", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { m() from A to B; } }\n",
     "ok"},
    {"two loops beside", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D) { rec X { m() from A to B; continue X; } "
     "rec Y { n() from C to D; continue Y; } }\n",
     "ok"},
    {"two same do", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { do Q(A, B); } or { do Q(A, B); } }\n"
     "aux global protocol Q(role A, role B) { m() from A to B; n() from B to A; }\n",
     "ok"},
    {"protocol before type", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n"
     "type <java> \"a\" from \"a\" as T;\n",
     "syntax"},
    {"undeclared payload", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m(T) from A to B; }\n",
     "unbound-type"},
    {"data decl", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "global protocol P(role A, role B) { m(T) from A to B; }\n",
     "ok"},
    {"explicit", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "explicit global protocol P(role A, role B) { connect A to B; m() from A to B; disconnect A "
     "and B; }\n",
     "unsupported"},
    {"connect only", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { connect A to B; m() from A to B; }\n",
     "unsupported"},
    {"wrap", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "explicit global protocol P(role A, role B) { connect A to B; wrap A to B; m() from A to B; "
     "}\n",
     "unsupported"},
    {"delegation", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m(Q@A) from A to B; }\n"
     "global protocol Q(role A, role B) { m() from A to B; }\n",
     "unsupported"},
    {"nested prot in scr", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { nested protocol N(role X; new role Y) { m() from X to Y; "
     "} m() from A to B; }\n",
     "syntax"},
    {"local protocol", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n"
     "local protocol L at A(role A, role B) { m() to B; }\n",
     "syntax"},
    {"deadlock twoparty", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { m() from A to B; } or { n() from B to A; } "
     "}\n",
     "role-not-enabled"},
    {"orphan", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { m() from A to B; } or { m() from A to B; "
     "n() from A to B; } }\n",
     "unfinished"},
    {"3rd party tail after loop", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec X { choice at A { m() from A to B; m() from "
     "B to C; continue X; } or { n() from A to B; n() from B to C; } } }\n",
     "ok"},
    {"merge choice parallel payload", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "data <java> \"b\" from \"b\" as U;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; k(T) from B to C; "
     "} or { n() from A to B; k(U) from B to C; } }\n",
     "nondet-payload"},
    {"same label diff payload sequential", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "data <java> \"b\" from \"b\" as U;\n"
     "global protocol P(role A, role B) { k(T) from A to B; k(U) from A to B; }\n",
     "ok"},
    {"eventual reception unfair", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec X { choice at A { m() from A to B; continue "
     "X; } or { n() from A to B; k() from A to C; continue X; } } }\n",
     "role-progress"},
    {"do undefined", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { do Q(A, B); }\n",
     "unbound-protocol"},
    {"do unbound role", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to C; n() from A to B; }\n",
     "unbound-role"},
    {"choice unbound role", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at C { m() from A to B; } or { n() from A to B; } "
     "}\n",
     "unbound-role"},
    {"annotations", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; @\"note\" }\n",
     "ok"},
    {"nested choice subject not enabled", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; choice at C { x() "
     "from C to B; } or { y() from C to B; } } or { n() from A to B; z() from A to C; } }\n",
     "choice-subject"},
    {"same role names in callee", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { do Q(B, A); }\n"
     "aux global protocol Q(role A, role B) { m() from A to B; n() from B to A; }\n",
     "ok"},
    {"swap recursion", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; do P(B, A); }\n",
     "ok"},
    {"swap recursion three", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { m() from A to B; do P(B, C, A); }\n",
     "ok"},
    {"role used only in one branch", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; m() from A to C; "
     "} or { n() from A to B; } }\n",
     "unfinished"},
    {"third told by subject", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; m() from A to C; "
     "} or { n() from A to B; n() from A to C; } }\n",
     "ok"},
    {"first to different receivers", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; m() from B to C; "
     "} or { n() from A to B; n() from B to C; } }\n",
     "ok"},
    {"first to different receivers 2", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; m2() from A to C; "
     "} or { n() from A to C; n2() from A to B; } }\n",
     "ok"},
    {"different label order race", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { m() from A to B; x() from B to C; "
     "y() from A to C; } or { n() from A to B; y() from A to C; x() from B to C; } }\n",
     "choice-subject"},
    {"choice in recursion exit tells all", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec L { choice at A { a() from A to B; a() from "
     "A to C; continue L; } or { b() from A to B; b() from A to C; } } }\n",
     "ok"},
    {"nested choice same subject", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { choice at A { a() from A to B; } or { b() "
     "from A to B; } } or { c() from A to B; } }\n",
     "ok"},
    {"choice subject first message from other but enabled", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { x() from B to C; m() from A to B; "
     "} or { x() from B to C; n() from A to B; } }\n",
     "role-not-enabled"},
    {"message between after loop with inner end", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { choice at A { a() from A to B; continue X; } or "
     "{ b() from A to B; } } c() from B to A; }\n",
     "ok"},
    {"loop continue in nontail choice", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { choice at A { a() from A to B; continue X; } or "
     "{ b() from A to B; } c() from B to A; } }\n",
     "unreachable"},
    {"do self in choice nontail", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice at A { a() from A to B; do P(A, B); } or { b() "
     "from A to B; } c() from B to A; }\n",
     "unreachable"},
    {"rec within rec continue outer", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { a() from A to B; rec Y { choice at A { b() from "
     "A to B; continue Y; } or { c() from A to B; continue X; } } } }\n",
     "ok"},
    {"infinite no exit three", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec X { a() from A to B; b() from B to C; c() "
     "from C to A; continue X; } }\n",
     "ok"},
    {"infinite send no reply", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { a() from A to B; continue X; } }\n",
     "ok"},
    {"starving branch role", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec X { choice at A { a() from A to B; continue "
     "X; } or { b() from A to C; b2() from A to B; continue X; } } }\n",
     "role-progress"},
    {"starving branch role fair", MATY_FAIRNESS_FAIR,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec X { choice at A { a() from A to B; continue "
     "X; } or { b() from A to C; b2() from A to B; continue X; } } }\n",
     "ok"},
    {"never terminates terminal", MATY_FAIRNESS_FAIR,
     "module test;\n"
     "global protocol P(role A, role B, role C) { choice at A { a() from A to B; rec X { t() from "
     "A to B; continue X; } } or { b() from A to B; c() from B to C; } }\n",
     "role-progress"},
    {"sig with payload same label other payload", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "data <java> \"b\" from \"b\" as U;\n"
     "global protocol P(role A, role B) { choice at A { m(T) from A to B; x() from A to B; } or { "
     "m(U) from A to B; x() from A to B; } }\n",
     "nondet-payload"},
    {"two payload", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "global protocol P(role A, role B) { m(T, T) from A to B; }\n",
     "ok"},
    {"type used as sig", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "global protocol P(role A, role B) { T from A to B; }\n",
     "unbound-type"},
    {"sig used as payload", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "sig <java> \"a\" from \"a\" as S;\n"
     "global protocol P(role A, role B) { m(S) from A to B; }\n",
     "unbound-type"},
    {"params arity less", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "global protocol P(role A, role B) { do Q(A, B); }\n"
     "aux global protocol Q<type X>(role A, role B) { m(X) from A to B; }\n",
     "arity"},
    {"param shadows type", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "global protocol P(role A, role B) { do Q<T>(A, B); }\n"
     "aux global protocol Q<type T>(role A, role B) { m(T) from A to B; }\n",
     "ok"},
    {"root with params", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P<type T>(role A, role B) { m(T) from A to B; }\n",
     "ok"},
    {"type order mixed", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "sig <java> \"a\" from \"a\" as S;\n"
     "data <java> \"a\" from \"a\" as T;\n"
     "type <java> \"a\" from \"a\" as U;\n"
     "global protocol P(role A, role B) { m(T, U) from A to B; S from A to B; }\n",
     "ok"},
    {"module twice", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; }\n",
     "dup-module"},
    {"missing semicolon", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B n() from A to B; }\n",
     "syntax"},
    {"missing global", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"aux alone", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "aux global protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"comment quirks", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { //* m() from A to B;\n"
     " n() from A to B; //*/\n"
     " }\n",
     "ok"},
    {"slash star in line comment", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "// /* unterminated\n"
     "global protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"line comment in block", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "/* // */ global protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"string in comment", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "/* \" */ global protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"choice without at", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { choice { m() from A to B; } }\n",
     "syntax"},
    {"or without choice", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; or { n() from A to B; } }\n",
     "syntax"},
    {"rec no name", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec { m() from A to B; } }\n",
     "syntax"},
    {"par", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { par { m() from A to B; } and { n() from B to A; } }\n",
     "syntax"},
    {"interruptible", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { interruptible { m() from A to B; } with { n() by A; } "
     "}\n",
     "syntax"},
    {"role same name as protocol", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role P, role B) { P() from P to B; }\n",
     "ok"},
    {"rec same name as role", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec A { A() from A to B; continue A; } }\n",
     "ok"},
    {"inner do deep unused", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { do Q(A, B, C); }\n"
     "aux global protocol Q(role X, role Y, role Z) { do R(X, Y); do R(Y, Z); }\n"
     "aux global protocol R(role X, role Y) { m() from X to Y; }\n",
     "ok"},
    {"non-aux unused role in callee", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { do Q(A, B, C); m() from B to C; }\n"
     "global protocol Q(role X, role Y, role Z) { m() from X to Y; }\n",
     "unused-role"},
    {"do in loop", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { rec X { do Q(A, B); continue X; } }\n"
     "aux global protocol Q(role X, role Y) { m() from X to Y; }\n",
     "ok"},
    {"do that loops, then statements", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { do Q(A, B); m() from A to B; }\n"
     "aux global protocol Q(role X, role Y) { m() from X to Y; do Q(X, Y); }\n",
     "unreachable"},
    {"crossing sends bound", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B) { m() from A to B; n() from B to A; m() from A to B; }\n",
     "ok"},
    {"parallel independent", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D) { m() from A to B; n() from C to D; }\n",
     "ok"},
    {"independent choice others", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D) { choice at A { m() from A to B; } or { "
     "n() from A to B; } choice at C { m() from C to D; } or { n() from C to D; o() from D to A; } "
     "}\n",
     "unfinished"},
    {"multi beside loops three", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D, role E, role F) { rec X { m() from A to B; "
     "continue X; } rec Y { n() from C to D; continue Y; } rec Z { o() from E to F; continue Z; } "
     "}\n",
     "ok"},
    {"beside loops then finite", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D, role E, role F) { rec X { m() from A to B; "
     "continue X; } rec Y { n() from C to D; continue Y; } o() from E to F; }\n",
     "ok"},
    {"beside loop with shared role", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C) { rec X { m() from A to B; continue X; } rec Y { "
     "n() from B to C; continue Y; } }\n",
     "unreachable"},
    {"beside in a choice", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D) { choice at A { rec X { m() from A to B; "
     "continue X; } rec Y { n() from C to D; continue Y; } } or { k() from A to B; } }\n",
     "role-not-enabled"},
    {"prefix then beside", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D) { a() from A to C; rec X { m() from A to "
     "B; continue X; } rec Y { n() from C to D; continue Y; } }\n",
     "ok"},
    {"beside via do", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D) { do L(A, B); do L(C, D); }\n"
     "aux global protocol L(role X, role Y) { m() from X to Y; do L(X, Y); }\n",
     "ok"},
    {"beside with choice exit unfair", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D) { rec X { choice at A { m() from A to B; "
     "continue X; } or { e() from A to B; } } rec Y { n() from C to D; continue Y; } }\n",
     "ok"},
    {"beside with deadlock-free req-resp", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D) { rec X { m() from A to B; r() from B to "
     "A; continue X; } rec Y { n() from C to D; r() from D to C; continue Y; } }\n",
     "ok"},
    {"beside error role progress", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "global protocol P(role A, role B, role C, role D, role E) { rec X { m() from A to B; "
     "continue X; } rec Y { choice at C { n() from C to D; continue Y; } or { k() from C to E; "
     "k2() from C to D; continue Y; } } }\n",
     "role-progress"},
};

static const verdict_t in_nuscr[] = {
    {"do twice same tail", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { do Q(A, B); do Q(A, B); }\n"
     "protocol Q(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"empty both", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { } or { } m() from A to B; }\n", "dup-label"},
    {"do one do other label same", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { do Q(A, B); } or { m() from A to B; k() from A to "
     "B; } }\n"
     "protocol Q(role A, role B) { m() from A to B; }\n",
     "dup-label"},
    {"rec branch jumps to same", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { m() from A to B; choice at A { continue X; } or { "
     "continue X; } } }\n",
     "dup-label"},
    {"choice of continue and msg", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { m() from A to B; choice at A { continue X; } or { k() "
     "from A to B; } } }\n",
     "ok"},
    {"choice of continue and same msg", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { m() from A to B; choice at A { continue X; } or { m() "
     "from A to B; } } }\n",
     "dup-label"},
    {"loop after loop jump merge ok", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { choice at A { m() from A to B; continue X; } or { n() "
     "from A to B; continue X; } } }\n",
     "ok"},
    {"rec rec", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { rec Y { choice at A { m() from A to B; continue X; } or "
     "{ n() from A to B; continue Y; } } } }\n",
     "ok"},
    {"basic", MATY_FAIRNESS_DEFAULT, "global protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"no keyword protocol", MATY_FAIRNESS_DEFAULT,
     "global P(role A, role B) { m() from A to B; }\n", "ok"},
    {"only protocol", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { m(int) from A to B; }\n",
     "ok"},
    {"bare label", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { m from A to B; }\n", "ok"},
    {"named payload", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(x: int, y: string) from A to B; }\n", "ok"},
    {"numbers labels", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { 1() from A to B; } or { 2() from A to B; } }\n",
     "ok"},
    {"dup labels", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; x() from A to B; } or { m() from "
     "A to B; y() from A to B;} }\n",
     "dup-label"},
    {"one receiver", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; m() from A to C; } or { "
     "n() from A to C; n() from A to B;} }\n",
     "choice-subject"},
    {"sender", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; } or { n() from B to A;} }\n",
     "choice-sender"},
    {"subject", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from B to A; } or { n() from B to A;} }\n",
     "choice-subject"},
    {"unused role", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { m() from A to B; }\n", "ok"},
    {"empty", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { }\n", "ok"},
    {"unguarded", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { rec X { continue X; } }\n",
     "unguarded"},
    {"unguarded in choice", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { choice at A { continue X; } or { m() from A to B; } } "
     "}\n",
     "unguarded"},
    {"unbound rec", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to B; continue X; }\n", "unbound-recvar"},
    {"full merge", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; x() from B to C; } or { "
     "n() from A to B; y() from B to C; } }\n",
     "ok"},
    {"merge same", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; x() from B to C; } or { "
     "n() from A to B; x() from B to C; } }\n",
     "ok"},
    {"merge payload differ", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; x(int) from B to C; } or "
     "{ n() from A to B; x(string) from B to C; } }\n",
     "nondet-payload"},
    {"merge end", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; x() from B to C; } or { "
     "n() from A to B; } }\n",
     "unfinished"},
    {"merge sends differ", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; x() from C to B; } or { "
     "n() from A to B; y() from C to B; } }\n",
     "send-validity"},
    {"merge sends same", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; x() from C to B; } or { "
     "n() from A to B; x() from C to B; } }\n",
     "ok"},
    {"empty branch", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; } or { } }\n", "unfinished"},
    {"progress not checked", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { rec X { choice at A { m() from A to B; continue X; } or "
     "{ n() from A to B; x() from B to C; } } }\n",
     "ok"},
    {"never hears, loops", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; rec X { t() from A to B; "
     "continue X; } } or { n() from A to B; x() from B to C; } }\n",
     "role-progress"},
    {"after choice", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; } or { n() from A to B; } z() "
     "from B to A; }\n",
     "ok"},
    {"after rec", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { choice at A { m() from A to B; continue X; } or { n() "
     "from A to B; } } z() from B to A; }\n",
     "ok"},
    {"after continue", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { m() from A to B; continue X; z() from B to A; } }\n",
     "unreachable"},
    {"nested without pragma", MATY_FAIRNESS_DEFAULT,
     "nested protocol N(role X; new role Y) { m() from X to Y; }\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "syntax"},
    {"nested with pragma", MATY_FAIRNESS_DEFAULT,
     "(*# NestedProtocols #*)\n"
     "nested protocol N(role X; new role Y) { m() from X to Y; }\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"calls", MATY_FAIRNESS_DEFAULT,
     "(*# NestedProtocols #*)\n"
     "nested protocol N(role X; new role Y) { m() from X to Y; }\n"
     "protocol P(role A, role B) { m() from A to B; A calls N(A); }\n",
     "ok"},
    {"nested bad inside", MATY_FAIRNESS_DEFAULT,
     "(*# NestedProtocols #*)\n"
     "nested protocol N(role X; new role Y) { m() from X to X; }\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "self-message"},
    {"refinement w/o pragma", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(x: int{x > 0}) from A to B; }\n", "syntax"},
    {"refinement", MATY_FAIRNESS_DEFAULT,
     "(*# RefinementTypes #*)\n"
     "protocol P(role A, role B) { m(x: int{x > 0 && x <> 5}) from A to B; }\n",
     "unsupported"},
    {"refinement rec", MATY_FAIRNESS_DEFAULT,
     "(*# RefinementTypes #*)\n"
     "protocol P(role A, role B) { rec X [n<A, B>: int{n >= 0} = 0] { m(x: int) from A to B; "
     "continue X [n + 1]; } }\n",
     "unsupported"},
    {"refinement rec paren", MATY_FAIRNESS_DEFAULT,
     "(*# RefinementTypes #*)\n"
     "protocol P(role A, role B) { rec X [n<A>: (int) = 0] { m(x: int) from A to B; continue X [n "
     "+ 1]; } }\n",
     "unsupported"},
    {"unknown pragma", MATY_FAIRNESS_DEFAULT,
     "(*# Foo #*)\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "syntax"},
    {"pragma value", MATY_FAIRNESS_DEFAULT,
     "(*# PrintUsage, ShowPragmas: yes #*)\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"pragma late", MATY_FAIRNESS_DEFAULT,
     "module test;\n"
     "(*# PrintUsage #*)\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "syntax"},
    {"delegation", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(Q@X) from A to B; }\n"
     "protocol Q(role X, role Y) { m() from X to Y; }\n",
     "unsupported"},
    {"within", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to B within [0;5]; }\n", "unsupported"},
    {"within dot", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to B within (0;5); }\n", "unsupported"},
    {"reliable", MATY_FAIRNESS_DEFAULT,
     "protocol P(reliable role A, role B) { m() from A to B; }\n", "unsupported"},
    {"crash label", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; } or { crash() from A to B; } "
     "}\n",
     "ok"},
    {"dup protocol", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to B; }\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "dup-protocol"},
    {"dup role", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role A) { m() from A to A; }\n",
     "dup-role"},
    {"do", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to B; do Q(B, A); }\n"
     "protocol Q(role X, role Y) { n() from X to Y; }\n",
     "ok"},
    {"do self loop", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to B; do P(A, B); }\n", "ok"},
    {"do unguarded", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { do P(A, B); }\n",
     "unguarded"},
    {"do arity", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { do Q(A); }\n"
     "protocol Q(role X, role Y) { n() from X to Y; }\n",
     "arity"},
    {"connect", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { connect A to B; m() from A to B; }\n", "syntax"},
    {"explicit", MATY_FAIRNESS_DEFAULT,
     "explicit global protocol P(role A, role B) { m() from A to B; }\n", "syntax"},
    {"aux", MATY_FAIRNESS_DEFAULT,
     "aux global protocol Q(role A, role B, role C) { m() from A to B; }\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"multicast", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { m() from A to B, C; }\n", "ok"},
    {"type decl", MATY_FAIRNESS_DEFAULT,
     "type <ocaml> \"int\" from \"x\" as myint;\n"
     "protocol P(role A, role B) { m(myint) from A to B; }\n",
     "ok"},
    {"comments all", MATY_FAIRNESS_DEFAULT,
     "(*) line\n"
     "(* a (* b *) c *) // x\n"
     "/* y */\n"
     "protocol P(role A, role B) { m() from A to B; (*) z\n"
     "}\n",
     "ok"},
    {"comment toggles", MATY_FAIRNESS_DEFAULT,
     "//*\n"
     "protocol P(role A, role B) { m() from A to B; }\n"
     "//*/\n",
     "ok"},
    {"unterminated comment", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to B; } (* x\n", "syntax"},
    {"nested rec same", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { m() from A to B; rec X { n() from B to A; choice at A { "
     "k() from A to B; continue X; } or { l() from A to B; } } } }\n",
     "dup-label"},
    {"two loops", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C, role D) { rec X { m() from A to B; continue X; } rec Y { "
     "n() from C to D; continue Y; } }\n",
     "unreachable"},
    {"ann", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) @\"x\" { m() from A to B; @\"y\" do Q(A, B); @\"z\" }\n"
     "protocol Q(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"name unclosed", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { m() from A to B\n",
     "syntax"},
    {"do in choice both same", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { do Q(A, B); } or { do Q(A, B); } }\n"
     "protocol Q(role A, role B) { m() from A to B; }\n",
     "dup-label"},
    {"do in choice", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { do Q(A, B); } or { do R(A, B); } }\n"
     "protocol Q(role A, role B) { m() from A to B; }\n"
     "protocol R(role A, role B) { k() from A to B; }\n",
     "ok"},
    {"nested choice labels", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { choice at A { m() from A to B; } or { k() from A "
     "to B; } } or { m() from A to B; x() from A to B; } }\n",
     "dup-label"},
    {"choice one branch", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; } }\n", "ok"},
    {"rec in choice first", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { rec X { m() from A to B; continue X; } } or { n() "
     "from A to B; } }\n",
     "ok"},
    {"quote names", MATY_FAIRNESS_DEFAULT,
     "protocol P'(role A', role B_1) { m'() from A' to B_1; }\n", "ok"},
    {"leading digits", MATY_FAIRNESS_DEFAULT,
     "protocol P(role 1A, role B) { 2m() from 1A to B; }\n", "ok"},
    {"in-body nested", MATY_FAIRNESS_DEFAULT,
     "(*# NestedProtocols #*)\n"
     "protocol P(role A, role B) { nested protocol N(role X; new role Y) { m() from X to Y; } m() "
     "from A to B; }\n",
     "ok"},
    {"nested no new", MATY_FAIRNESS_DEFAULT,
     "(*# NestedProtocols #*)\n"
     "nested protocol N(role X, role Y) { m() from X to Y; }\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "ok"},
    {"nested only dup new", MATY_FAIRNESS_DEFAULT,
     "(*# NestedProtocols #*)\n"
     "nested protocol N(role X; new role X) { m() from X to X; }\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "dup-role"},
    {"calls unknown", MATY_FAIRNESS_DEFAULT,
     "(*# NestedProtocols #*)\n"
     "protocol P(role A, role B) { m() from A to B; A calls N(A); }\n",
     "unbound-protocol"},
    {"double continue choice", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { rec X { choice at A { a() from A to B; b() from B to C; "
     "continue X; } or { c() from A to B; d() from B to C; } } }\n",
     "ok"},
    {"expr len", MATY_FAIRNESS_DEFAULT,
     "(*# RefinementTypes #*)\n"
     "protocol P(role A, role B) { m(x: string{len(x) > 3 || not (x = x)}) from A to B; }\n",
     "unsupported"},
    {"refinement neg", MATY_FAIRNESS_DEFAULT,
     "(*# RefinementTypes #*)\n"
     "protocol P(role A, role B) { m(x: int{-x < 3 - 2 && x >= 1}) from A to B; }\n",
     "unsupported"},
    {"refine string literal bool", MATY_FAIRNESS_DEFAULT,
     "(*# RefinementTypes #*)\n"
     "protocol P(role A, role B) { m(x: bool{x = true}, y: string{y = \"a\"}) from A to B; }\n",
     "unsupported"},
    {"SenderValidateRefinements", MATY_FAIRNESS_DEFAULT,
     "(*# RefinementTypes, SenderValidateRefinements #*)\n"
     "protocol P(role A, role B) { m(x: int) from A to B; }\n",
     "unsupported"},
    {"multiple errors", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to A; n() from A to Z; }\n", "self-message"},
};

static const verdict_t in_maty[] = {
    {"beside in maty", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C, role D) { rec X { m() from A to B; continue X; } rec Y { "
     "n() from C to D; continue Y; } }\n",
     "unreachable"},
    {"module line dup", MATY_FAIRNESS_DEFAULT,
     "module a; module b;\n"
     "protocol P(role A, role B) { m() from A to B; }\n",
     "dup-module"},
    {"bare signature or label", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m from A to B; }\n", "ok"},
    {"lower type undeclared", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(foo) from A to B; }\n", "unbound-type"},
    {"capital", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { m(Foo) from A to B; }\n",
     "ok"},
    {"type rec", MATY_FAIRNESS_DEFAULT,
     "type t = t;\n"
     "protocol P(role A, role B) { m(t) from A to B; }\n",
     "unguarded"},
    {"type rec list", MATY_FAIRNESS_DEFAULT,
     "type t = {integer, list(t)};\n"
     "protocol P(role A, role B) { m(t) from A to B; }\n",
     "unguarded"},
    {"range rev", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { m(9..1) from A to B; }\n",
     "syntax"},
    {"neg range", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { m(-5..5) from A to B; }\n",
     "ok"},
    {"huge integer", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(99999999999999999999999999999) from A to B; }\n", "limit"},
    {"union map", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(%{a: integer | :none, b: list({string, any})}) from A to B; "
     "}\n",
     "ok"},
    {"map dup key", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(%{a: integer, a: integer}) from A to B; }\n", "dup-label"},
    {"fields dup", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(x: integer, x: integer) from A to B; }\n", "dup-label"},
    {"atoms quoted", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m(:ok | :error) from A to B; }\n", "ok"},
    {"dup type name builtin", MATY_FAIRNESS_DEFAULT,
     "type integer = string;\n"
     "protocol P(role A, role B) { m(integer) from A to B; }\n",
     "dup-type"},
    {"sender driven", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; k() from B to C; } or { "
     "n() from A to C; l() from C to B; } }\n",
     "ok"},
    {"determinised", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; x() from A to B; } or { m() from "
     "A to B; y() from A to B; } }\n",
     "ok"},
    {"field names differ", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m(x: integer) from A to B; x() from A to B; } or "
     "{ m(y: integer) from A to B; y() from A to B; } }\n",
     "nondet-payload"},
    {"mixed", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; x() from B to C; } or { "
     "n() from A to B; y() from C to B; } }\n",
     "mixed-choice"},
    {"loop wait", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; rec X { t() from A to B; "
     "continue X; } } or { n() from A to B; x() from B to C; } }\n",
     "role-progress"},
    {"role end loop", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { rec X { choice at A { m() from A to B; continue X; } or "
     "{ n() from A to B; x() from B to C; } } }\n",
     "ok"},
    {"unfair", MATY_FAIRNESS_UNFAIR,
     "protocol P(role A, role B, role C) { rec X { choice at A { m() from A to B; continue X; } or "
     "{ n() from A to B; x() from B to C; } } }\n",
     "role-progress"},
    {"receive validity", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B, role C) { choice at A { m() from A to B; m() from A to C; k() "
     "from B to C; } or { n() from A to B; k() from B to C; m() from A to C; } }\n",
     "receive-validity"},
    {"empty choice both", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { } or { } m() from A to B; }\n", "ok"},
    {"empty block rec", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { rec X { } m() from A to B; }\n", "ok"},
    {"empty branch continues same sender", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; } or { } n() from A to B; }\n",
     "ok"},
    {"empty branch other sender", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { choice at A { m() from A to B; } or { } n() from B to A; }\n",
     "choice-sender"},
    {"timed", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to B within [0;5]; }\n", "unsupported"},
    {"crash", MATY_FAIRNESS_DEFAULT, "protocol P(reliable role A, role B) { m() from A to B; }\n",
     "unsupported"},
    {"no protocol but type", MATY_FAIRNESS_DEFAULT, "type t = integer;\n", "ok"},
    {"several errors", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { m() from A to A; n() from A to Z; }\n"
     "protocol Q(role A, role B { m() from A to B; }\n"
     "protocol R(role A, role B) { m() from A to B }\n"
     "protocol S(role A, role B) { m() from A to B; }\n",
     "self-message"},
    {"nested in body", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { nested protocol N(role X; new role Y) { m() from X to Y; } m() "
     "from A to B; }\n",
     "ok"},
    {"calls", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) { nested protocol N(role X; new role Y) { m() from X to Y; } m() "
     "from A to B; A calls N(A); }\n",
     "ok"},
    {"crlf", MATY_FAIRNESS_DEFAULT,
     "protocol P(role A, role B) {\n"
     "\n"
     " m() from A to B;\n"
     "}\n",
     "ok"},
    {"labels numeric", MATY_FAIRNESS_DEFAULT, "protocol P(role A, role B) { 200() from A to B; }\n",
     "ok"},
};

Test(verdicts, scribble) {
  expect_verdicts(MATY_DIALECT_SCRIBBLE, in_scribble, sizeof in_scribble / sizeof *in_scribble);
}

Test(verdicts, nuscr) {
  expect_verdicts(MATY_DIALECT_NUSCR, in_nuscr, sizeof in_nuscr / sizeof *in_nuscr);
}

Test(verdicts, maty) {
  expect_verdicts(MATY_DIALECT_MATY, in_maty, sizeof in_maty / sizeof *in_maty);
}
