/*
 * Recursive descent to a stack program.
 *
 * Precedence as in Perl, high to low: ! and sign, * /, + -, < <= > >=, == !=,
 * ^, &&, ||, ?:.  Comparisons in a row are a chain (since Perl 5.32): 1 < A < 5.
 */
#include "lib/score/rule_meta.h"

#include <assert.h>
#include <math.h>

#include "lib/base/num.h"

#define DEPTH_MAX 100 /* of nesting; also bounds the stack of a program */
#define CODE_MAX 20000

enum op {
	OP_CONST,   /* push value */
	OP_RULE,    /* push hits[arg] */
	OP_GLOB,    /* push the sum over globs[arg] */
	OP_LOCAL,   /* push local_tests_only */
	OP_NOT,
	OP_NEG,
	OP_MUL,
	OP_DIV,
	OP_ADD,
	OP_SUB,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_EQ,
	OP_NE,
	OP_XOR,
	OP_AND, /* if the top is false jump to arg, else drop it */
	OP_OR,	/* if the top is true jump to arg, else drop it */
	OP_ELSE, /* drop the top; if it was false jump to arg */
	OP_JUMP,
};

/* Of comparisons in a row, a < b < c, which is a < b && b < c: arg is one or both. */
enum link {
	LINK_BACK = 1,	  /* below its operands lies whether those before hold */
	LINK_FORWARD = 2, /* its second operand stays on top, as the next one's first */
};

struct instruction {
	uint8_t op;
	unsigned arg;
	double value;
};

struct glob {
	struct gp_str pattern;
	unsigned *rules;
	size_t n;
};

struct gp_meta {
	GP_VEC(struct instruction) code;
	GP_VEC(struct glob) globs;
	GP_VEC(unsigned) needs;
};

struct parser {
	struct gp_rule_builder *b;
	struct gp_meta *m;
	struct gp_str rest;
	unsigned depth, stack, stack_max;
	const char *error;
};

static void fail(struct parser *p, const char *error)
{
	if (!p->error)
		p->error = error;
	p->rest = (struct gp_str){0};
}

static size_t emit(struct parser *p, enum op op, unsigned arg, double value)
{
	if (p->m->code.len >= CODE_MAX) {
		fail(p, "the expression is too long");
		return 0;
	}
	*gp_vec_push(p->b->arena, &p->m->code) =
		(struct instruction){.op = (uint8_t)op, .arg = arg, .value = value};
	return p->m->code.len - 1;
}

static void emit_push(struct parser *p, enum op op, unsigned arg, double value)
{
	emit(p, op, arg, value);
	if (++p->stack > p->stack_max)
		p->stack_max = p->stack;
}

static void patch(struct parser *p, size_t at)
{
	if (!p->error)
		p->m->code.items[at].arg = (unsigned)p->m->code.len;
}

static bool starts(struct parser *p, const char *token)
{
	p->rest = gp_str_trim(p->rest);
	return gp_str_starts(p->rest, gp_str(token));
}

static bool take(struct parser *p, const char *token)
{
	if (!starts(p, token))
		return false;
	p->rest = gp_str_sub(p->rest, strlen(token), SIZE_MAX);
	return true;
}

static struct gp_str take_while(struct parser *p, const char *extra)
{
	size_t n = 0;

	while (n < p->rest.len && (gp_is_alnum(p->rest.ptr[n]) || strchr(extra, p->rest.ptr[n])))
		n++;
	struct gp_str s = gp_str_sub(p->rest, 0, n);

	p->rest = gp_str_sub(p->rest, n, SIZE_MAX);
	return s;
}

static void parse_expression(struct parser *p);

static void parse_glob(struct parser *p)
{
	struct gp_str pattern;

	p->rest = gp_str_trim(p->rest);
	pattern = take_while(p, "_*?");
	if (pattern.len == 0 || !take(p, ")")) {
		fail(p, "rules_matching() wants a name with * and ?");
		return;
	}
	*gp_vec_push(p->b->arena, &p->m->globs) =
		(struct glob){.pattern = gp_arena_str(p->b->arena, pattern)};
	emit_push(p, OP_GLOB, (unsigned)p->m->globs.len - 1, 0);
}

static void parse_name(struct parser *p)
{
	struct gp_str name = take_while(p, "_");

	if (gp_str_eq(name, GP_STR("rules_matching")) && take(p, "(")) {
		parse_glob(p);
	} else if (gp_str_eq(name, GP_STR("local_tests_only"))) {
		emit_push(p, OP_LOCAL, 0, 0);
	} else if (!gp_rule_name_is_valid(name)) {
		fail(p, "a rule name, a number or '(' is missing");
	} else {
		unsigned index = gp_rule_get(p->b, name)->index;

		*gp_vec_push(p->b->arena, &p->m->needs) = index;
		emit_push(p, OP_RULE, index, 0);
	}
}

static void parse_number(struct parser *p)
{
	struct gp_str text = take_while(p, ".");
	double value;

	if (text.len && text.ptr[text.len - 1] == '.')
		text.len--;
	if (gp_num_parse_double(text, &value)) {
		fail(p, "malformed number");
		return;
	}
	emit_push(p, OP_CONST, 0, value);
}

static void parse_unary(struct parser *p)
{
	if (++p->depth > DEPTH_MAX) {
		fail(p, "nested too deeply");
	} else if (!starts(p, "!=") && take(p, "!")) {
		parse_unary(p);
		emit(p, OP_NOT, 0, 0);
	} else if (take(p, "-")) {
		parse_unary(p);
		emit(p, OP_NEG, 0, 0);
	} else if (take(p, "+")) {
		parse_unary(p);
	} else if (take(p, "(")) {
		if (take(p, ")")) { /* `meta NAME ()`: set from outside only */
			emit_push(p, OP_CONST, 0, 0);
		} else {
			parse_expression(p);
			if (!take(p, ")"))
				fail(p, "')' is missing");
		}
	} else if (p->rest.len && (gp_is_digit(p->rest.ptr[0]) || p->rest.ptr[0] == '.')) {
		parse_number(p);
	} else {
		parse_name(p);
	}
	p->depth--;
}

#define LEVEL_EQUALITY 1
#define LEVEL_ORDER 2
#define BINARY_LEVELS 5

/* Binary operators by level, lowest precedence first; within a level longer tokens first. */
static const struct {
	unsigned level;
	char token[3];
	enum op op;
} binary[] = {
	{0, "^", OP_XOR},
	{LEVEL_EQUALITY, "==", OP_EQ}, {LEVEL_EQUALITY, "!=", OP_NE},
	{LEVEL_ORDER, "<=", OP_LE}, {LEVEL_ORDER, ">=", OP_GE},
	{LEVEL_ORDER, "<", OP_LT}, {LEVEL_ORDER, ">", OP_GT},
	{3, "+", OP_ADD}, {3, "-", OP_SUB},
	{4, "*", OP_MUL}, {4, "/", OP_DIV},
};

static bool take_operator(struct parser *p, unsigned level, enum op *ret)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(binary); i++) {
		if (binary[i].level != level || !take(p, binary[i].token))
			continue;
		*ret = binary[i].op;
		return true;
	}
	return false;
}

static void parse_binary(struct parser *p, unsigned level)
{
	bool can_link = level == LEVEL_EQUALITY || level == LEVEL_ORDER, is_linked = false, found;
	enum op op, next = OP_CONST;

	if (level == BINARY_LEVELS) {
		parse_unary(p);
		return;
	}
	parse_binary(p, level + 1);
	for (found = take_operator(p, level, &op); found && !p->error; op = next) {
		unsigned back = is_linked ? LINK_BACK : 0;

		parse_binary(p, level + 1);
		found = take_operator(p, level, &next);
		is_linked = can_link && found;
		emit(p, op, back | (is_linked ? LINK_FORWARD : 0), 0);
		p->stack -= back ? 2 : 1;
		p->stack += is_linked;
	}
}

/* A chain of && (or, one level up, ||): jumps to its end once decided. */
static void parse_chain(struct parser *p, bool is_or)
{
	if (is_or)
		parse_chain(p, false);
	else
		parse_binary(p, 0);
	while (!p->error && take(p, is_or ? "||" : "&&")) {
		size_t at = emit(p, is_or ? OP_OR : OP_AND, 0, 0);

		p->stack--;
		if (is_or)
			parse_chain(p, false);
		else
			parse_binary(p, 0);
		patch(p, at);
	}
}

static void parse_expression(struct parser *p)
{
	size_t to_else, to_end;

	if (++p->depth > DEPTH_MAX) {
		fail(p, "nested too deeply");
		return;
	}
	parse_chain(p, true);
	if (!p->error && take(p, "?")) {
		to_else = emit(p, OP_ELSE, 0, 0);
		p->stack--;
		parse_expression(p);
		if (!take(p, ":"))
			fail(p, "':' is missing");
		to_end = emit(p, OP_JUMP, 0, 0);
		p->stack--;
		patch(p, to_else);
		parse_expression(p);
		patch(p, to_end);
	}
	p->depth--;
}

int gp_meta_parse(struct gp_rule_builder *b, struct gp_str text, struct gp_meta **ret,
		  struct gp_diag *diag)
{
	struct gp_meta *m = GP_ARENA_NEW(b->arena, struct gp_meta);
	struct parser p = {.b = b, .m = m, .rest = text};

	parse_expression(&p);
	if (!p.error && gp_str_trim(p.rest).len) {
		gp_diag_set(diag, "\"%.*s\" is not understood",
			    GP_STR_FMT(gp_str_sub(gp_str_trim(p.rest), 0, 40)));
		return GP_EINVAL;
	}
	if (!p.error && p.stack_max > DEPTH_MAX)
		p.error = "nested too deeply";
	if (p.error) {
		gp_diag_set(diag, "%s", p.error);
		return GP_EINVAL;
	}
	*ret = m;
	return GP_OK;
}

void gp_meta_expand_globs(struct gp_rule_set *set, const struct gp_rule *rule, struct gp_meta *m)
{
	for (size_t g = 0; g < m->globs.len; g++) {
		struct glob *glob = &m->globs.items[g];

		glob->rules = GP_ARENA_NEW_N(set->arena, set->rules.len, unsigned);
		for (size_t i = 0; i < set->rules.len; i++) {
			const struct gp_rule *r = set->rules.items[i];

			if (r == rule || r->type == GP_RULE_FACT ||
			    !gp_str_glob(glob->pattern, gp_str(r->name)))
				continue;
			glob->rules[glob->n++] = r->index;
			*gp_vec_push(set->arena, &m->needs) = r->index;
		}
	}
}

size_t gp_meta_needs(const struct gp_meta *m, const unsigned **ret)
{
	*ret = m->needs.items;
	return m->needs.len;
}

static double glob_sum(const struct glob *g, const double *hits)
{
	double sum = 0;

	for (size_t i = 0; i < g->n; i++)
		sum += hits[g->rules[i]];
	return sum;
}

static double apply(enum op op, double a, double b)
{
	switch (op) {
	case OP_MUL:
		return a * b;
	case OP_DIV:
		return b == 0 ? 0 : a / b;
	case OP_ADD:
		return a + b;
	case OP_SUB:
		return a - b;
	case OP_LT:
		return a < b;
	case OP_LE:
		return a <= b;
	case OP_GT:
		return a > b;
	case OP_GE:
		return a >= b;
	case OP_EQ:
		return a == b;
	case OP_NE:
		return a != b;
	case OP_XOR: /* Perl's: of the integers */
		return (double)((uint64_t)fmin(fabs(a), 1e15) ^ (uint64_t)fmin(fabs(b), 1e15));
	case OP_CONST:
	case OP_RULE:
	case OP_GLOB:
	case OP_LOCAL:
	case OP_NOT:
	case OP_NEG:
	case OP_AND:
	case OP_OR:
	case OP_ELSE:
	case OP_JUMP:
		break;
	}
	assert(false && "not a binary operator");
	return 0;
}

/* Puts the result in place of the operands; the new height of the stack. */
static unsigned binary_step(const struct instruction *in, double *stack, unsigned n)
{
	double last = stack[n - 1], value = apply((enum op)in->op, stack[n - 2], last);

	n -= 2;
	if (in->arg & LINK_BACK)
		value = stack[--n] != 0 && value != 0;
	stack[n++] = value;
	if (in->arg & LINK_FORWARD)
		stack[n++] = last;
	return n;
}

/* The value of a part of the program that is an expression by itself. */
static double eval(const struct gp_meta *m, struct gp_meta_part part, const double *hits,
		   bool has_network)
{
	GP_UNZEROED double stack[DEPTH_MAX + 1];
	unsigned n = 0;

	for (size_t pc = part.from; pc < part.to; pc++) {
		const struct instruction *in = &m->code.items[pc];

		switch ((enum op)in->op) {
		case OP_CONST:
			stack[n++] = in->value;
			break;
		case OP_RULE:
			stack[n++] = hits[in->arg];
			break;
		case OP_GLOB:
			stack[n++] = glob_sum(&m->globs.items[in->arg], hits);
			break;
		case OP_LOCAL:
			stack[n++] = !has_network;
			break;
		case OP_NOT:
			stack[n - 1] = stack[n - 1] == 0;
			break;
		case OP_NEG:
			stack[n - 1] = -stack[n - 1];
			break;
		case OP_AND:
		case OP_OR:
			if ((stack[n - 1] != 0) == (in->op == OP_OR))
				pc = in->arg - 1;
			else
				n--;
			break;
		case OP_ELSE:
			if (stack[--n] == 0)
				pc = in->arg - 1;
			break;
		case OP_JUMP:
			pc = in->arg - 1;
			break;
		case OP_MUL:
		case OP_DIV:
		case OP_ADD:
		case OP_SUB:
		case OP_LT:
		case OP_LE:
		case OP_GT:
		case OP_GE:
		case OP_EQ:
		case OP_NE:
		case OP_XOR:
			n = binary_step(in, stack, n);
			break;
		}
	}
	assert(n == 1);
	return stack[0];
}

static struct gp_meta_part whole(const struct gp_meta *m)
{
	return (struct gp_meta_part){0, (unsigned)m->code.len};
}

double gp_meta_eval(const struct gp_meta *m, const double *hits, bool has_network)
{
	return eval(m, whole(m), hits, has_network);
}

bool gp_meta_part_holds(const struct gp_meta *m, struct gp_meta_part part, const double *hits,
			bool has_network)
{
	return eval(m, part, hits, has_network) != 0;
}

/*
 * The outermost operator of an expression stands last or jumps to its end, and
 * of all that jump there it is the first: the others are within its operands.
 */
static size_t outermost_jump(const struct gp_meta *m, struct gp_meta_part part)
{
	for (size_t pc = part.from; pc < part.to; pc++) {
		const struct instruction *in = &m->code.items[pc];

		if ((in->op == OP_AND || in->op == OP_OR || in->op == OP_JUMP) && in->arg == part.to)
			return pc;
	}
	return part.to;
}

static size_t split(const struct gp_meta *m, struct gp_meta_part part, struct gp_meta_part *ret,
		    size_t n, size_t max)
{
	size_t pc = outermost_jump(m, part);

	if (pc == part.to || m->code.items[pc].op != OP_AND) {
		if (n < max)
			ret[n++] = part;
		return n;
	}
	n = split(m, (struct gp_meta_part){part.from, (unsigned)pc}, ret, n, max);
	return split(m, (struct gp_meta_part){(unsigned)pc + 1, part.to}, ret, n, max);
}

size_t gp_meta_split(const struct gp_meta *m, struct gp_meta_part *ret, size_t max)
{
	return split(m, whole(m), ret, 0, max);
}

void gp_meta_part_needs(const struct gp_meta *m, struct gp_meta_part part,
			void (*fn)(void *arg, unsigned rule), void *arg)
{
	for (size_t pc = part.from; pc < part.to; pc++) {
		const struct instruction *in = &m->code.items[pc];
		const struct glob *g;

		if (in->op == OP_RULE)
			fn(arg, in->arg);
		if (in->op != OP_GLOB)
			continue;
		g = &m->globs.items[in->arg];
		for (size_t i = 0; i < g->n; i++)
			fn(arg, g->rules[i]);
	}
}
