/*
 * Meta expressions, two ways.
 *
 * Made up: the bytes choose a tree, which is written as Perl would need it (with no
 * more parentheses than precedence asks for, or with some to spare), and which this
 * file evaluates by itself; the engine must come to the same value.  Free: the bytes
 * are the expression; it parses or it is reported, within parentheses it means the
 * same, and nothing else happens.
 */
#include <math.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/score/rule_scan.h"
#include "lib/score/rule_set.h"
#include "tests/fuzz/fuzz.h"

#define DEPTH_MAX 12
#define NODES_MAX 200

enum op { NUMBER, NAME, GLOB, LOCAL, NOT, MINUS, MUL, DIV, ADD, SUB, LT, LE, GT, GE, EQ, NE, XOR, AND, OR,
	  CHOICE, OPS };

/* How tightly each binds, the tighter the higher, and how it is written. */
static const struct {
	unsigned level;
	const char *sign;
} ops[OPS] = {
	[NUMBER] = {10, ""}, [NAME] = {10, ""}, [GLOB] = {10, ""}, [LOCAL] = {10, ""},
	[NOT] = {9, "!"}, [MINUS] = {9, "-"}, [MUL] = {8, "*"}, [DIV] = {8, "/"}, [ADD] = {7, "+"},
	[SUB] = {7, "-"}, [LT] = {6, "<"}, [LE] = {6, "<="}, [GT] = {6, ">"}, [GE] = {6, ">="},
	[EQ] = {5, "=="}, [NE] = {5, "!="}, [XOR] = {4, "^"}, [AND] = {3, "&&"}, [OR] = {2, "||"},
	[CHOICE] = {1, "?"},
};

/* What names stand for: facts, rules, and nothing at all. */
static const struct {
	const char *name;
	double value;
} names[] = {{"ONE", 1}, {"TWO", 2}, {"MANY", 7}, {"NONE", 0}, {"RULE_A", 1}, {"RULE_B", 3}, {"NOBODY", 0}};

static const char defined[] = "header RULE_A exists:X-A\nheader RULE_B exists:X-B\nheader ONE exists:X-C\n";

struct node {
	enum op op;
	unsigned which; /* number times ten, or index of a name */
	struct node *a, *b, *c;
};

struct maker {
	struct gp_arena *arena;
	const uint8_t *data;
	size_t size, nodes;
};

static unsigned next_byte(struct maker *m)
{
	if (m->size == 0)
		return 0;
	m->size--;
	return *m->data++;
}

static struct node *make(struct maker *m, unsigned depth)
{
	struct node *n = GP_ARENA_NEW(m->arena, struct node);

	n->op = (enum op)(next_byte(m) % OPS);
	if (n->op > LOCAL && (depth == DEPTH_MAX || m->nodes >= NODES_MAX || m->size == 0))
		n->op = NUMBER;
	m->nodes++;
	n->which = n->op <= NAME ? next_byte(m) % 64 : 0;
	if (n->op >= NOT)
		n->a = make(m, depth + 1);
	if (n->op >= MUL)
		n->b = make(m, depth + 1);
	if (n->op == CHOICE)
		n->c = make(m, depth + 1);
	return n;
}

static void print_op(struct maker *m, const struct node *n, struct gp_buf *out);

/* With parentheses where the operand binds less tightly than `level`, and now and then without need. */
static void print(struct maker *m, const struct node *n, unsigned level, struct gp_buf *out)
{
	bool is_inside = ops[n->op].level < level || next_byte(m) % 8 == 7;

	gp_buf_add_cstr(out, is_inside ? "(" : "");
	print_op(m, n, out);
	gp_buf_add_cstr(out, is_inside ? ")" : "");
}

static void print_op(struct maker *m, const struct node *n, struct gp_buf *out)
{
	unsigned level = ops[n->op].level;
	const char *space = next_byte(m) % 2 ? " " : "";

	if (n->op == NUMBER) {
		gp_buf_printf(out, n->which % 10 ? "%u.%u" : "%u", n->which / 10, n->which % 10);
	} else if (n->op == NAME) {
		gp_buf_add_cstr(out, names[n->which % GP_ARRAY_SIZE(names)].name);
	} else if (n->op == GLOB) {
		gp_buf_add_cstr(out, "rules_matching(RULE_*)");
	} else if (n->op == LOCAL) {
		gp_buf_add_cstr(out, "local_tests_only");
	} else if (n->op <= MINUS) {
		gp_buf_add_cstr(out, ops[n->op].sign);
		print(m, n->a, level, out);
	} else {
		/* From the left: what stands there may be of the same level.  A choice is the other way round. */
		print(m, n->a, n->op == CHOICE ? level + 1 : level, out);
		gp_buf_printf(out, "%s%s%s", space, ops[n->op].sign, space);
		print(m, n->b, n->op == CHOICE ? level : level + 1, out);
		if (n->op != CHOICE)
			return;
		gp_buf_printf(out, "%s:%s", space, space);
		print(m, n->c, level, out);
	}
}

static double integer(double d)
{
	return floor(fmin(fabs(d), 1e15));
}

static double value(const struct node *n)
{
	double a = n->a ? value(n->a) : 0, b = n->b ? value(n->b) : 0, c = n->c ? value(n->c) : 0;

	switch (n->op) {
	case NUMBER:
		return (double)(n->which / 10) + (double)(n->which % 10) / 10;
	case NAME:
		return names[n->which % GP_ARRAY_SIZE(names)].value;
	case GLOB:
		return 4;
	case LOCAL:
	case OPS:
		return 1;
	case NOT:
		return a == 0;
	case MINUS:
		return -a;
	case MUL:
		return a * b;
	case DIV:
		return b == 0 ? 0 : a / b;
	case ADD:
		return a + b;
	case SUB:
		return a - b;
	case LT:
		return a < b;
	case LE:
		return a <= b;
	case GT:
		return a > b;
	case GE:
		return a >= b;
	case EQ:
		return a == b;
	case NE:
		return a != b;
	case XOR:
		return (double)((uint64_t)integer(a) ^ (uint64_t)integer(b));
	case AND:
		return a == 0 ? a : b;
	case OR:
		return a != 0 ? a : b;
	case CHOICE:
		return a != 0 ? b : c;
	}
	return 0;
}

/* What a rule with that value hits. */
static double hit(double v)
{
	return v == 0 || (isfinite(v) && v > 0) ? v : 1;
}

/* The hits of `meta M expression`, or -1 if that is an error. */
static double run(struct gp_arena *a, struct gp_str expression)
{
	const char *text = gp_arena_printf(a, "%smeta M %.*s\n", defined, GP_STR_FMT(expression));
	struct gp_rule_input in = {.bayes = -1};
	struct gp_rule_report report;
	struct gp_symbols symbols;
	struct gp_rule_set *set;
	struct gp_rule_scan *s;
	double hits;

	gp_rule_report_init(&report);
	gp_rule_set_load_text("f.cf", gp_str(text), NULL, &report, &set);
	in.message = gp_message_parse(a, NULL, GP_STR("Subject: s\n\nx\n"));
	s = gp_rule_scan_begin(set, &in, a);
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (names[i].value != 0)
			(void)gp_rule_scan_set(s, names[i].name, names[i].value);
	gp_symbols_init(&symbols, a);
	gp_rule_scan_finish(s, &symbols);
	hits = report.errors ? -1 : gp_rule_scan_hits(s, "M");
	FUZZ_CHECK(report.errors || hits >= 0);
	FUZZ_CHECK(isfinite(gp_symbols_sum(&symbols)));
	gp_rule_report_done(&report);
	gp_rule_set_unref(set);
	return hits;
}

static void made_up(struct gp_arena *a, const uint8_t *data, size_t size)
{
	struct maker m = {.arena = a, .data = data, .size = size};
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct node *tree = make(&m, 0);

	print(&m, tree, 0, &text);
	double expected = hit(value(tree)), got = run(a, gp_buf_str(&text));

	if (expected != got)
		fprintf(stderr, "%s: %g, not %g\n", gp_buf_cstr(&text), got, expected);
	FUZZ_CHECK(expected == got);
}

/* One line without what the outer language takes away. */
static bool is_plain(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (strchr("\n#\\", s.ptr[i])) /* NUL too */
			return false;
	return gp_str_trim(s).len > 0 && s.len < 2000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_str rest = size ? gp_str_n(data + 1, size - 1) : GP_STR("");

	if (size && data[0] == '=' && is_plain(rest)) {
		double plain = run(a, rest);

		if (plain >= 0)
			FUZZ_CHECK(plain == run(a, gp_str(gp_arena_printf(a, "(%.*s)",
									  GP_STR_FMT(rest)))));
	} else if (size) {
		made_up(a, data, size);
	}
	gp_arena_free(a);
	return 0;
}
