/*
 * $name expansion; see the header.
 */
#include "cli/postfix_expand.h"

#include "cli/postfix_text.h"
#include "lib/base/num.h"

/* Postfix gives up at 100 too. */
#define DEPTH_MAX 100
/* Expansions of one text: names that name each other twice grow exponentially. */
#define EXPANSIONS_MAX 10000

struct expansion {
	gp_postfix_lookup_fn *lookup;
	const void *arg;
	struct gp_diag *diag;
	unsigned depth, n;
};

static int expand(struct expansion *e, struct gp_str text, struct gp_buf *out);

static int fail(struct expansion *e, const char *why, struct gp_str at)
{
	gp_diag_set(e->diag, "%s at \"%.*s\"", why, GP_STR_FMT(gp_str_sub(at, 0, 40)));
	return GP_EINVAL;
}

static bool is_name_chr(char c)
{
	return gp_is_alnum(c) || c == '_';
}

static size_t name_len(struct gp_str s)
{
	size_t n = 0;

	while (n < s.len && is_name_chr(s.ptr[n]))
		n++;
	return n;
}

/* Comparisons. */

enum relation { EQ, NE, LE, GE, LT, GT, OPERATORS };

/* Longer ones first. */
static const char *const operators[OPERATORS] = {
	[EQ] = "==", [NE] = "!=", [LE] = "<=", [GE] = ">=", [LT] = "<", [GT] = ">"};

static bool is_true(enum relation op, int order)
{
	const bool truths[OPERATORS] = {[EQ] = order == 0, [NE] = order != 0, [LE] = order <= 0,
					[GE] = order >= 0, [LT] = order < 0,  [GT] = order > 0};

	return truths[op];
}

static int order_of(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_texts(struct gp_str a, struct gp_str b)
{
	uint64_t left = 0, right = 0;
	int r;

	if (gp_num_parse_uint(a, 10, &left) == GP_OK && gp_num_parse_uint(b, 10, &right) == GP_OK)
		return order_of(left, right);
	r = memcmp(a.ptr ? a.ptr : "", b.ptr ? b.ptr : "", GP_MIN(a.len, b.len));
	return r ? r : order_of(a.len, b.len);
}

/* "3", "3.6", "3.6.1": one number that orders them. */
static bool parse_level(struct gp_str s, uint64_t *ret)
{
	uint64_t level = 0, part = 0;
	unsigned n = 0;

	for (; n < 3 && s.len > 0; n++) {
		size_t end = gp_str_find_chr(s, '.', 0);

		if (gp_num_parse_uint(gp_str_sub(s, 0, end), 10, &part) || part >= 1 << 20 ||
		    end + 1 == s.len)
			return false;
		level = level << 20 | part;
		s = gp_str_sub(s, end + 1, s.len);
	}
	*ret = level << 20 * (3 - n);
	return n > 0 && s.len == 0;
}

static int compare_levels(struct expansion *e, struct gp_str a, struct gp_str b, int *ret)
{
	uint64_t left = 0, right = 0;

	if (!parse_level(a, &left))
		return fail(e, "no compatibility level", a);
	if (!parse_level(b, &right))
		return fail(e, "no compatibility level", b);
	*ret = order_of(left, right);
	return GP_OK;
}

/* "{text}" off the rest, and the blanks behind it. */
static int take_braced(struct expansion *e, struct gp_str *rest, struct gp_str *ret)
{
	struct gp_str s = gp_postfix_skip_space(*rest);
	size_t len;

	if (s.len == 0 || s.ptr[0] != '{')
		return fail(e, "\"{text}\" is missing", s);
	len = gp_postfix_balanced(s, '{', '}');
	if (len == 0)
		return fail(e, "braces are not closed", s);
	*ret = gp_str_sub(s, 1, len - 2);
	*rest = gp_postfix_skip_space(gp_str_sub(s, len, s.len));
	return GP_OK;
}

static int take_operator(struct expansion *e, struct gp_str *rest, enum relation *ret_op,
			 bool *ret_is_level)
{
	const struct gp_str level = GP_STR("level");

	for (enum relation op = EQ; op < OPERATORS; op++) {
		struct gp_str name = gp_str(operators[op]);

		if (!gp_str_starts(*rest, name))
			continue;
		*rest = gp_str_sub(*rest, name.len, rest->len);
		*ret_is_level = gp_str_starts(*rest, level);
		if (*ret_is_level)
			*rest = gp_str_sub(*rest, level.len, rest->len);
		*ret_op = op;
		return GP_OK;
	}
	return fail(e, "no operator (==, !=, <, <=, >, >=)", *rest);
}

/* "{left} == {right}" off the rest. */
static int take_comparison(struct expansion *e, struct gp_str *rest, bool *ret)
{
	GP_BUF_AUTO a = GP_BUF_INIT(GP_POSTFIX_VALUE_MAX);
	GP_BUF_AUTO b = GP_BUF_INIT(GP_POSTFIX_VALUE_MAX);
	struct gp_str left, right = GP_STR("");
	enum relation op = EQ;
	bool is_level = false;
	int order = 0, r;

	r = take_braced(e, rest, &left);
	if (r == GP_OK)
		r = take_operator(e, rest, &op, &is_level);
	if (r == GP_OK)
		r = take_braced(e, rest, &right);
	if (r == GP_OK)
		r = expand(e, left, &a);
	if (r == GP_OK)
		r = expand(e, right, &b);
	if (r == GP_OK && is_level)
		r = compare_levels(e, gp_buf_str(&a), gp_buf_str(&b), &order);
	else if (r == GP_OK)
		order = compare_texts(gp_buf_str(&a), gp_buf_str(&b));
	*ret = is_true(op, order);
	return r;
}

/* Expressions. */

/* "text", which is all that is left, or "{text}" off the rest. */
static int take_text(struct expansion *e, struct gp_str *rest, struct gp_str *ret)
{
	struct gp_str s = gp_postfix_skip_space(*rest);

	if (s.len > 0 && s.ptr[0] == '{')
		return take_braced(e, rest, ret);
	*ret = *rest;
	*rest = GP_STR("");
	return GP_OK;
}

/* "?text", ":text", "?{text}:{text}": what follows the condition. */
static int choose(struct expansion *e, struct gp_str rest, bool is_so, struct gp_buf *out)
{
	struct gp_str yes = GP_STR(""), no = GP_STR("");
	int r = GP_OK;

	if (rest.ptr[0] == '?') {
		rest = gp_str_sub(rest, 1, rest.len);
		r = take_text(e, &rest, &yes);
		if (r == GP_OK && rest.len > 0 && rest.ptr[0] != ':')
			return fail(e, "\":\" is missing", rest);
	}
	if (r == GP_OK && rest.len > 0) {
		rest = gp_str_sub(rest, 1, rest.len);
		r = take_text(e, &rest, &no);
	}
	if (r == GP_OK && rest.len > 0)
		return fail(e, "something follows", rest);
	return r == GP_OK ? expand(e, is_so ? yes : no, out) : r;
}

static int compare(struct expansion *e, struct gp_str s, struct gp_buf *out)
{
	bool is_so = false;
	int r = take_comparison(e, &s, &is_so);

	if (r)
		return r;
	if (s.len > 0 && s.ptr[0] != '?' && s.ptr[0] != ':')
		return fail(e, "\"?\" or \":\" is missing", s);
	if (s.len > 0)
		return choose(e, s, is_so, out);
	gp_buf_add_cstr(out, is_so ? "true" : "");
	return GP_OK;
}

/* What stands within "${…}". */
static int evaluate(struct expansion *e, struct gp_str s, struct gp_buf *out)
{
	const char *value;
	size_t n;

	s = gp_postfix_skip_space(s);
	if (s.len > 0 && s.ptr[0] == '{')
		return compare(e, s, out);
	n = name_len(s);
	value = e->lookup(e->arg, gp_str_sub(s, 0, n));
	s = gp_postfix_skip_space(gp_str_sub(s, n, s.len));
	if (s.len > 0 && s.ptr[0] != '?' && s.ptr[0] != ':')
		return fail(e, "no name", s);
	if (s.len > 0)
		return choose(e, s, value && *value, out);
	return value ? expand(e, gp_str(value), out) : GP_OK;
}

/* What follows a "$", and its length. */
static int expand_one(struct expansion *e, struct gp_str s, struct gp_buf *out, size_t *ret_len)
{
	bool is_round = s.len > 0 && s.ptr[0] == '(';
	size_t n = name_len(s);

	*ret_len = n;
	if (s.len > 0 && s.ptr[0] == '$') {
		gp_buf_add_chr(out, '$');
		*ret_len = 1;
		return GP_OK;
	}
	if (n > 0)
		return evaluate(e, gp_str_sub(s, 0, n), out);
	if (!is_round && (s.len == 0 || s.ptr[0] != '{'))
		return fail(e, "\"$\" without a name", s);
	n = gp_postfix_balanced(s, is_round ? '(' : '{', is_round ? ')' : '}');
	if (n == 0)
		return fail(e, "what \"$\" begins is not closed", s);
	*ret_len = n;
	if (n == 2)
		return fail(e, "no name", s);
	return evaluate(e, gp_str_sub(s, 1, n - 2), out);
}

static int expand(struct expansion *e, struct gp_str text, struct gp_buf *out)
{
	int r = GP_OK;

	if (e->depth >= DEPTH_MAX || e->n++ >= EXPANSIONS_MAX)
		return fail(e, "names that contain themselves", text);
	e->depth++;
	for (size_t i = 0; i < text.len && r == GP_OK; i++) {
		size_t len = 0;

		if (text.ptr[i] != '$') {
			gp_buf_add_chr(out, text.ptr[i]);
			continue;
		}
		r = expand_one(e, gp_str_sub(text, i + 1, text.len), out, &len);
		i += len;
	}
	e->depth--;
	return r;
}

int gp_postfix_expand(struct gp_str text, gp_postfix_lookup_fn *lookup, const void *arg,
		      struct gp_buf *out, struct gp_diag *diag)
{
	struct expansion e = {.lookup = lookup, .arg = arg, .diag = diag};

	return expand(&e, text, out);
}
