/*
 * Recursive descent over PCRE2's syntax.  What would change the meaning of the
 * rest and is not known here gives up on the whole pattern.
 */
#include "lib/score/rule_tree.h"

#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_quantifier.h"

#define DEPTH_MAX 60
#define PATTERN_MAX (64u << 10)
#define NODES_MAX 60000

struct parser {
	struct gp_arena *arena;
	struct gp_str s;
	size_t at;
	unsigned depth, nodes;
	bool is_extended, is_caseless;
	bool is_mixed; /* caseless in parts; then all of it counts as that */
	bool gave_up;
	bool is_front; /* nothing that takes a byte stands before this */
	bool knows_lines; /* ^ is a byte, not nothing */
	unsigned line_starts; /* seen so far */
	struct gp_map subroutines; /* name → tree */
};

static int hex_digit(char c)
{
	if (gp_is_digit(c))
		return c - '0';
	c = gp_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool more(const struct parser *p)
{
	return p->at < p->s.len && !p->gave_up;
}

static char peek(const struct parser *p)
{
	return p->at < p->s.len ? p->s.ptr[p->at] : 0;
}

static bool starts(const struct parser *p, const char *text)
{
	return gp_str_starts(gp_str_sub(p->s, p->at, SIZE_MAX), gp_str(text));
}

static struct gp_tree *node(struct parser *p, enum gp_tree_kind kind)
{
	struct gp_tree *t = GP_ARENA_NEW(p->arena, struct gp_tree);

	t->kind = kind;
	p->gave_up |= ++p->nodes > NODES_MAX;
	return t;
}

static struct gp_tree *node_set(struct parser *p, const struct gp_byte_set *set)
{
	struct gp_tree *t = node(p, GP_TREE_SET);

	t->set = *set;
	t->width = t->longest = 1;
	return t;
}

static unsigned longest(uint64_t bytes)
{
	return bytes > GP_TREE_WIDTH_MAX ? GP_TREE_INF : (unsigned)bytes;
}

static struct gp_tree *node_byte(struct parser *p, unsigned char c)
{
	struct gp_byte_set set = {0};

	gp_byte_set_add(&set, c);
	if (p->is_caseless)
		gp_byte_set_fold(&set);
	return node_set(p, &set);
}

static struct gp_tree *node_repeat(struct parser *p, struct gp_tree *kid, unsigned min,
				   unsigned max)
{
	struct gp_tree *t = node(p, GP_TREE_REPEAT);
	uint64_t width = (uint64_t)kid->width * min;

	t->min = min;
	t->max = max;
	t->width = (unsigned)GP_MIN(width, (uint64_t)GP_TREE_WIDTH_MAX);
	t->longest = longest((uint64_t)kid->longest * max);
	*gp_vec_push(p->arena, &t->kids) = kid;
	return t;
}

static struct gp_tree *node_anything(struct parser *p)
{
	return node_repeat(p, node_set(p, &gp_byte_set_all), 0, GP_TREE_INF);
}

/* ^ or \A: behind a line end, as far as is known. */
static struct gp_tree *node_line_start(struct parser *p)
{
	struct gp_byte_set set = {0};

	if (!p->is_front || !p->knows_lines)
		return node(p, GP_TREE_EMPTY);
	p->line_starts++;
	gp_byte_set_add(&set, '\n');
	return node_set(p, &set);
}

/* \xHH or \x{HH}, behind the x. */
static unsigned char take_hex(struct parser *p)
{
	bool is_braced = peek(p) == '{';
	unsigned value = 0, digits = 0;

	p->at += is_braced;
	for (; digits < 2 && hex_digit(peek(p)) >= 0; digits++)
		value = value * 16 + (unsigned)hex_digit(p->s.ptr[p->at++]);
	if (is_braced) {
		p->gave_up |= peek(p) != '}' || !digits;
		p->at++;
	}
	return (unsigned char)value;
}

/* Octal digits, at most three in all with the 0 that was read; behind it. */
static unsigned char take_octal(struct parser *p)
{
	unsigned value = 0;

	for (unsigned i = 0; i < 2 && peek(p) >= '0' && peek(p) <= '7'; i++)
		value = value * 8 + (unsigned)(p->s.ptr[p->at++] - '0');
	return (unsigned char)value;
}

/* One of the control characters with a letter of their own; -1. */
static int control(char c)
{
	static const char letters[] = "nrtfea", bytes[] = "\n\r\t\f\033\a";
	const char *at = c ? strchr(letters, c) : NULL;

	return at ? bytes[at - letters] : -1;
}

static struct gp_tree *parse_escape(struct parser *p)
{
	struct gp_byte_set set;
	char c;

	p->at++;
	if (!more(p)) {
		p->gave_up = true;
		return node(p, GP_TREE_EMPTY);
	}
	c = p->s.ptr[p->at++];
	if (c == 'x')
		return node_byte(p, take_hex(p));
	if (c == '0')
		return node_byte(p, take_octal(p));
	if (control(c) >= 0)
		return node_byte(p, (unsigned char)control(c));
	if (c == 'A')
		return node_line_start(p);
	if (c && strchr("bBzZGK", c))
		return node(p, GP_TREE_EMPTY);
	if (!gp_is_alnum(c))
		return node_byte(p, (unsigned char)c);
	if (c == 'N' && peek(p) == '{')
		p->gave_up = true;
	if (gp_byte_set_shorthand(&set, c))
		return node_set(p, &set);
	while (gp_is_digit(c) && gp_is_digit(peek(p)))
		p->at++; /* octal, or a back reference */
	if (c != 'R' && !gp_is_digit(c))
		p->gave_up = true; /* \Q, \E, \k, \g, \p, \o … */
	return node_anything(p);
}

/* [:alpha:] and the like, at "[:"; false: it is none. */
static bool posix_class(struct parser *p, struct gp_byte_set *ret)
{
	size_t end = gp_str_find(p->s, GP_STR(":]"), p->at + 2);
	struct gp_str name = gp_str_sub(p->s, p->at + 2, end - p->at - 2);
	bool is_inverse = gp_str_starts(name, GP_STR("^"));

	if (end >= p->s.len)
		return false;
	name = gp_str_sub(name, is_inverse, SIZE_MAX);
	for (size_t i = 0; i < name.len; i++)
		if (!gp_is_alpha(name.ptr[i]))
			return false;
	p->at = end + 2;
	p->gave_up |= !gp_byte_set_named(ret, name); /* not "anything": it may stand in [^…] */
	if (is_inverse)
		gp_byte_set_invert(ret);
	return true;
}

/* The next of a class: one character (true) or several at once. */
static bool class_item(struct parser *p, unsigned char *ret_char, struct gp_byte_set *ret_set)
{
	char c;

	if (starts(p, "[:") && posix_class(p, ret_set))
		return false;
	p->gave_up |= starts(p, "[.") || starts(p, "[=");
	c = p->s.ptr[p->at++];
	*ret_char = (unsigned char)c;
	if (c != '\\' || !more(p))
		return true;
	c = p->s.ptr[p->at++];
	*ret_char = (unsigned char)c;
	if (c == 'x')
		*ret_char = take_hex(p);
	else if (c == '0')
		*ret_char = take_octal(p);
	else if (c == 'b')
		*ret_char = 8;
	else if (control(c) >= 0)
		*ret_char = (unsigned char)control(c);
	else if (c != 'N' && gp_byte_set_shorthand(ret_set, c))
		return false;
	else
		p->gave_up |= gp_is_alnum(c);
	return true;
}

/* A character, a range, or a class within the class. */
static void class_member(struct parser *p, struct gp_byte_set *set)
{
	struct gp_byte_set several;
	unsigned char from, to;

	if (!class_item(p, &from, &several)) {
		gp_byte_set_join(set, &several);
		return;
	}
	to = from;
	if (peek(p) == '-' && p->at + 1 < p->s.len && p->s.ptr[p->at + 1] != ']') {
		p->at++;
		if (!class_item(p, &to, &several)) { /* [a-\d]: three members */
			gp_byte_set_join(set, &several);
			gp_byte_set_add(set, '-');
			to = from;
		}
	}
	for (unsigned c = from; c <= to; c++)
		gp_byte_set_add(set, (unsigned char)c);
}

static struct gp_tree *parse_class(struct parser *p)
{
	struct gp_byte_set set = {0};
	bool is_inverse;
	size_t start;

	p->at++;
	is_inverse = peek(p) == '^';
	p->at += is_inverse;
	start = p->at;
	while (more(p) && (p->s.ptr[p->at] != ']' || p->at == start))
		class_member(p, &set);
	p->gave_up |= p->at >= p->s.len;
	p->at++;
	if (p->is_caseless && !p->is_mixed)
		gp_byte_set_fold(&set);
	if (is_inverse)
		gp_byte_set_invert(&set);
	if (p->is_mixed) /* [^a] may mean one case or both */
		gp_byte_set_fold(&set);
	return node_set(p, &set);
}

static struct gp_tree *parse_alternatives(struct parser *p);

/* "(?" and what follows, up to where the group's content begins.  is_transparent: the content
 * counts; else it is zero-width.  False: a group without content, "(?i)". */
static bool group_head(struct parser *p, bool *is_transparent)
{
	*is_transparent = true;
	if (peek(p) == '*') { /* (*VERB) */
		p->gave_up = true;
		return true;
	}
	if (peek(p) != '?')
		return true;
	p->at++;
	if (starts(p, "=") || starts(p, "!") || starts(p, "<=") || starts(p, "<!")) {
		p->at += peek(p) == '<' ? 2 : 1;
		*is_transparent = false;
		return true;
	}
	if (starts(p, "(DEFINE)")) {
		p->at += strlen("(DEFINE)");
		*is_transparent = false;
		return true;
	}
	if (peek(p) == '>' || peek(p) == ':' || peek(p) == '|') {
		p->at++;
		return true;
	}
	if (peek(p) == '<' || peek(p) == '\'' || starts(p, "P<")) { /* a name */
		p->at = gp_str_find_chr(p->s, peek(p) == '\'' ? '\'' : '>', p->at + 1) + 1;
		return true;
	}
	while (more(p) && peek(p) && strchr("imsn^-", peek(p))) {
		p->gave_up |= p->is_extended && peek(p) == '^'; /* turns that off */
		p->at++;
	}
	if (peek(p) == ':') {
		p->at++;
		return true;
	}
	p->gave_up |= peek(p) != ')'; /* (?x), (?1), (?#…) … */
	return false;
}

/* (?&NAME), at the '?': its definition, wherever that stands. */
static struct gp_tree *parse_call(struct parser *p)
{
	size_t end = gp_str_find_chr(p->s, ')', p->at), back;
	struct gp_str name = gp_str_sub(p->s, p->at + 2, end - p->at - 2);
	struct gp_tree *t = gp_map_get(&p->subroutines, name);
	GP_BUF_AUTO head = GP_BUF_INIT(1024);

	p->at = back = end + 1;
	if (t)
		return t;
	gp_buf_printf(&head, "(?<%.*s>", GP_STR_FMT(name));
	p->at = gp_str_find(p->s, gp_buf_str(&head), 0) + head.len;
	p->gave_up |= p->at >= p->s.len || gp_buf_error(&head);
	p->is_front = false; /* it may be called from elsewhere too */
	t = parse_alternatives(p);
	gp_map_set(&p->subroutines, name, t);
	p->at = back;
	return t;
}

static struct gp_tree *parse_group(struct parser *p)
{
	bool is_transparent, was_front = p->is_front;
	struct gp_tree *t;

	p->at++;
	if (starts(p, "?&"))
		return parse_call(p);
	if (!group_head(p, &is_transparent)) {
		p->at++;
		return node(p, GP_TREE_EMPTY);
	}
	p->is_front = was_front && is_transparent;
	t = parse_alternatives(p);
	p->gave_up |= peek(p) != ')';
	p->at++;
	p->is_front = was_front;
	return is_transparent ? t : node(p, GP_TREE_EMPTY);
}

static struct gp_tree *parse_atom(struct parser *p)
{
	char c = peek(p);

	if (c == '\\')
		return parse_escape(p);
	if (c == '[')
		return parse_class(p);
	if (c == '(')
		return parse_group(p);
	p->at++;
	if (c == '^')
		return node_line_start(p);
	if (c == '$')
		return node(p, GP_TREE_EMPTY);
	return c == '.' ? node_set(p, &gp_byte_set_all) : node_byte(p, (unsigned char)c);
}

static bool take_quantifier(struct parser *p, unsigned *ret_min, unsigned *ret_max)
{
	struct gp_quantifier q = gp_quantifier_read(p->s, p->at);

	p->gave_up |= q.is_odd;
	p->at += q.len;
	*ret_min = q.min;
	*ret_max = q.max;
	return q.len > 0;
}

/* White space and comments of /x; quantifiers may follow them, so they are skipped there too. */
static void skip_extended(struct parser *p)
{
	while (p->is_extended && more(p) && (gp_is_space(peek(p)) || peek(p) == '#')) {
		if (peek(p) == '#')
			p->at = gp_str_find_chr(p->s, '\n', p->at);
		p->at++;
	}
}

static void append(struct parser *p, struct gp_tree *t, struct gp_tree *kid)
{
	if (kid->kind == GP_TREE_CAT || kid->kind == GP_TREE_EMPTY) {
		for (size_t i = 0; i < kid->kids.len; i++)
			append(p, t, kid->kids.items[i]);
		return;
	}
	*gp_vec_push(p->arena, &t->kids) = kid;
	t->width = GP_MIN(t->width + kid->width, (unsigned)GP_TREE_WIDTH_MAX);
	t->longest = longest((uint64_t)t->longest + kid->longest);
}

/* An atom and its quantifiers.  A ^ in what is repeated is nothing: not every copy follows one. */
static struct gp_tree *parse_repeated(struct parser *p)
{
	size_t start = p->at;
	unsigned seen = p->line_starts, min, max;
	struct gp_tree *kid = parse_atom(p);

	for (skip_extended(p); take_quantifier(p, &min, &max); skip_extended(p)) {
		if (p->line_starts > seen) {
			p->line_starts = seen;
			p->is_front = false;
			p->at = start;
			return parse_repeated(p);
		}
		kid = node_repeat(p, kid, min, max);
	}
	return kid;
}

static struct gp_tree *parse_sequence(struct parser *p)
{
	struct gp_tree *t = node(p, GP_TREE_CAT);

	for (skip_extended(p); more(p) && peek(p) != '|' && peek(p) != ')'; skip_extended(p)) {
		append(p, t, parse_repeated(p));
		p->is_front = p->is_front && t->longest == 0;
	}
	return t->kids.len == 1 ? t->kids.items[0] : t;
}

/* The sets of a part that is nothing but one set behind the other; their number, 0: it is not, or
 * has more than max. */
static unsigned plain_sets(const struct gp_tree *t, const struct gp_byte_set **ret, unsigned max)
{
	if (t->kind == GP_TREE_SET) {
		ret[0] = &t->set;
		return 1;
	}
	if (t->kind != GP_TREE_CAT || t->kids.len > max)
		return 0;
	for (unsigned i = 0; i < t->kids.len; i++) {
		if (t->kids.items[i]->kind != GP_TREE_SET)
			return 0;
		ret[i] = &t->kids.items[i]->set;
	}
	return (unsigned)t->kids.len;
}

/*
 * One letter in many forms, `[a@]|\xc3[\xa0-\xa5]|\xce\xb1|…`: of the forms
 * beyond ASCII those of the same length become one, byte by byte.  Lets some
 * characters through that are none of them, and makes ten positions of hundreds.
 */
static void add_alternative(struct parser *p, struct gp_tree *t, struct gp_tree *kid)
{
	const struct gp_byte_set *fresh[4], *old[4];
	unsigned n = plain_sets(kid, fresh, 4);

	t->width = t->kids.len ? GP_MIN(t->width, kid->width) : kid->width;
	t->longest = GP_MAX(t->longest, kid->longest);
	for (size_t i = 0; n && i < t->kids.len; i++) {
		struct gp_tree *other = t->kids.items[i];

		if (plain_sets(other, old, 4) != n ||
		    (n > 1 && ((fresh[0]->bits[0] | fresh[0]->bits[1]) ||
			       (old[0]->bits[0] | old[0]->bits[1]))))
			continue;
		t->kids.items[i] = node(p, GP_TREE_CAT);
		for (unsigned k = 0; k < n; k++) {
			struct gp_byte_set both = *old[k];

			gp_byte_set_join(&both, fresh[k]);
			append(p, t->kids.items[i], node_set(p, &both));
		}
		if (n == 1)
			t->kids.items[i] = t->kids.items[i]->kids.items[0];
		return;
	}
	*gp_vec_push(p->arena, &t->kids) = kid;
}

static struct gp_tree *parse_alternatives(struct parser *p)
{
	struct gp_tree *t = node(p, GP_TREE_ALT);
	bool is_more = true, was_front = p->is_front;

	p->gave_up |= ++p->depth > DEPTH_MAX;
	while (is_more && !p->gave_up) {
		struct gp_tree *kid;

		p->is_front = was_front;
		kid = parse_sequence(p);

		add_alternative(p, t, kid);
		is_more = more(p) && peek(p) == '|';
		p->at += is_more;
	}
	p->depth--;
	return t->kids.len == 1 ? t->kids.items[0] : t;
}

/* Whether some group turns /i on or off. */
static bool is_mixed(struct gp_str s)
{
	for (size_t at = gp_str_find(s, GP_STR("(?"), 0); at < s.len;
	     at = gp_str_find(s, GP_STR("(?"), at + 2))
		for (size_t i = at + 2; i < s.len && s.ptr[i] && strchr("imsnx^-", s.ptr[i]); i++)
			if (s.ptr[i] == 'i' || s.ptr[i] == '^')
				return true;
	return false;
}

static const struct gp_tree *parse(struct gp_arena *a, struct gp_str text, unsigned flags,
				   bool knows_lines)
{
	struct parser p = {.arena = a,
			   .s = text,
			   .is_extended = flags & GP_REGEX_EXTENDED,
			   .is_caseless = flags & GP_REGEX_CASELESS || is_mixed(text),
			   .is_mixed = is_mixed(text),
			   .gave_up = flags & (GP_REGEX_EXTENDED_MORE | GP_REGEX_UTF) ||
				      text.len > PATTERN_MAX,
			   .is_front = true,
			   .knows_lines = knows_lines};
	struct gp_tree *t;

	gp_map_init(&p.subroutines, a, false);
	t = parse_alternatives(&p);
	t->has_line_start = p.line_starts > 0;
	return p.gave_up || p.at < text.len ? NULL : t;
}

const struct gp_tree *gp_tree_parse(struct gp_arena *a, struct gp_str text, unsigned flags)
{
	return parse(a, text, flags, false);
}

const struct gp_tree *gp_tree_parse_lines(struct gp_arena *a, struct gp_str text, unsigned flags)
{
	const struct gp_tree *t = parse(a, text, flags, true);

	return t && t->has_line_start && t->width > 1 ? t : NULL;
}
