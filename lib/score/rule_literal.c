/*
 * Recursive descent over a pattern.  Of each part it computes the exact set of
 * texts that it matches, while that is small (in lower case), and the best set
 * of which one member must occur.  Anything not understood counts as "matches
 * anything"; what would change the meaning of the rest gives up on the whole
 * pattern.  So errors can only go one way: fewer literals.
 */
#include "lib/score/rule_literal.h"
#include "lib/score/rule_quantifier.h"

#include <stdlib.h>

#define EXACT_MAX 64	/* members of an exact set */
#define CLASS_MAX 6	/* characters of a class that still counts as exact */
#define DEPTH_MAX 60
#define PATTERN_MAX 16000

struct text {
	unsigned char len;
	char bytes[GP_LITERAL_MAX];
};

/* n == 0: nothing known. */
struct texts {
	unsigned n;
	struct text items[GP_LITERAL_SET_MAX];
};

struct info {
	bool is_exact;	       /* matches exactly these: */
	bool is_repeated;      /* … once or more often */
	struct texts exact;
	struct texts required; /* one of these occurs; n == 0: not known */
	unsigned longest; /* bytes that it matches at most; INF */
	unsigned lead;	  /* bytes before a member of `required` at most; INF */
};

#define INF GP_TREE_INF

/* Working space of one level of nesting. */
struct frame {
	struct info one, part;
	struct texts run, best, scratch;
};

struct parser {
	struct gp_str s;
	size_t at;
	unsigned depth;
	bool is_extended;
	bool gave_up;
	struct gp_arena *arena; /* scratch */
	struct frame *frames[DEPTH_MAX + 1];
};

static unsigned sum(unsigned a, unsigned b)
{
	return a == INF || b == INF || a + b > GP_TREE_WIDTH_MAX ? INF : a + b;
}

static void set_exact_empty(struct info *r)
{
	r->is_exact = true;
	r->longest = 0;
	r->exact.n = 1;
	r->exact.items[0].len = 0;
	r->required.n = 0;
}

static void set_anything(struct info *r, unsigned longest)
{
	r->is_exact = false;
	r->longest = longest;
	r->exact.n = r->required.n = 0;
}

static void set_byte(struct info *r, char c)
{
	set_exact_empty(r);
	r->longest = 1;
	r->exact.items[0].len = 1;
	r->exact.items[0].bytes[0] = gp_lower(c);
}

static bool has(const struct texts *s, const struct text *t)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->items[i].len == t->len && memcmp(s->items[i].bytes, t->bytes, t->len) == 0)
			return true;
	return false;
}

/* False when it is full. */
static bool add(struct texts *s, const struct text *t, unsigned max)
{
	if (has(s, t))
		return true;
	if (s->n >= max)
		return false;
	s->items[s->n++] = *t;
	return true;
}

/* How rare a text is: its length, bytes beyond ASCII twice, which most mail has none of. */
static unsigned weight(const struct text *t)
{
	unsigned w = t->len;

	for (unsigned i = 0; i < t->len; i++)
		w += (unsigned char)t->bytes[i] >= 0x80;
	return w;
}

static unsigned lightest(const struct texts *s)
{
	unsigned w = s->n ? 2 * GP_LITERAL_MAX : 0;

	for (unsigned i = 0; i < s->n; i++)
		w = GP_MIN(w, weight(&s->items[i]));
	return w;
}

/* What every link, every relay of X-Spam-Relays-… and every message's header holds. */
static const char *const everywhere[] = {
	"http://", "https://", "[ ip=", " rdns=", " helo=", " by=", " ident= envfrom=", " envfrom=",
	" intl=0 id=", " intl=1 id=", " auth= msa=0 ]", "\nreceived: ", "\nsubject: ", "\nfrom: ",
	"\nto: ", "\ndate: ", "\nmessage-id: <"};

/* Better than nothing, but not than any other text. */
static bool is_everywhere(const struct text *t)
{
	const struct gp_str s = {t->bytes, t->len};

	for (size_t i = 0; i < GP_ARRAY_SIZE(everywhere); i++)
		if (gp_str_find(gp_str(everywhere[i]), s, 0) < strlen(everywhere[i]))
			return true;
	return false;
}

/* Longer is rarer; many members cost a little. */
static int worth(const struct texts *s)
{
	int n = (int)s->n, w = 4 * (int)GP_MIN(lightest(s), 8u);

	for (unsigned i = 0; i < s->n; i++)
		if (is_everywhere(&s->items[i]))
			w = 4 * (GP_LITERAL_MIN - 1);
	return n == 0 ? -1000 : w - n / 8;
}

static void keep_better(struct texts *best, unsigned *best_lead, const struct texts *candidate,
			unsigned lead)
{
	if (lightest(candidate) < GP_LITERAL_MIN || worth(candidate) <= worth(best))
		return;
	*best = *candidate;
	*best_lead = lead;
}

/* a × b; false when that is too much. */
static bool multiply(struct texts *a, const struct texts *b, struct texts *scratch)
{
	scratch->n = 0;
	for (unsigned i = 0; i < a->n; i++) {
		for (unsigned k = 0; k < b->n; k++) {
			struct text t = a->items[i];

			if (t.len + b->items[k].len > GP_LITERAL_MAX)
				return false;
			memcpy(t.bytes + t.len, b->items[k].bytes, b->items[k].len);
			t.len = (unsigned char)(t.len + b->items[k].len);
			if (!add(scratch, &t, EXACT_MAX))
				return false;
		}
	}
	*a = *scratch;
	return true;
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

static int hex_digit(char c)
{
	if (gp_is_digit(c))
		return c - '0';
	c = gp_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH, behind the x. */
static unsigned take_hex(struct parser *p)
{
	unsigned value = 0;

	if (peek(p) == '{') {
		p->gave_up = true;
		return 0;
	}
	for (unsigned i = 0; i < 2 && hex_digit(peek(p)) >= 0; i++)
		value = value * 16 + (unsigned)hex_digit(p->s.ptr[p->at++]);
	return value;
}

/* One of the control characters with a letter of their own; -1. */
static int control(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'f':
		return '\f';
	case 'e':
		return 27;
	case 'a':
		return 7;
	default:
		return -1;
	}
}

static void parse_escape(struct parser *p, struct info *r)
{
	char c;

	p->at++;
	if (!more(p)) {
		p->gave_up = true;
		return;
	}
	c = p->s.ptr[p->at++];
	if (c == 'x') {
		set_byte(r, (char)take_hex(p));
	} else if (control(c) >= 0) {
		set_byte(r, (char)control(c));
	} else if (strchr("bBAzZGK", c)) {
		set_exact_empty(r);
	} else if (!gp_is_alnum(c)) {
		set_byte(r, c);
	} else if (strchr("dDwWsShHvVRN", c) || gp_is_digit(c)) {
		/* Octal and multi-digit back references: skip the digits. */
		while (gp_is_digit(c) && gp_is_digit(peek(p)))
			p->at++;
		set_anything(r, gp_is_digit(c) ? INF : 2); /* two: \R */
	} else {
		p->gave_up = true; /* \Q, \E, \k, \g, \p, \o … */
	}
}

/* The character at p->at within a class; false for sets such as \d and [:alpha:]. */
static bool class_character(struct parser *p, unsigned char *ret)
{
	char c = p->s.ptr[p->at++];

	if (c == '[' && (peek(p) == ':' || peek(p) == '.' || peek(p) == '=')) {
		char close[3] = {peek(p), ']', 0};
		size_t end = gp_str_find(p->s, gp_str(close), p->at + 1);

		if (end >= p->s.len) /* an ordinary [ */
			goto plain;
		p->at = end + 2;
		return false;
	}
	if (c == '\\' && more(p)) {
		c = p->s.ptr[p->at++];
		if (c == 'x') {
			*ret = (unsigned char)take_hex(p);
			return true;
		}
		if (c == 'b') {
			*ret = 8;
			return true;
		}
		if (control(c) >= 0) {
			*ret = (unsigned char)control(c);
			return true;
		}
		if (gp_is_alnum(c))
			return p->gave_up |= !strchr("dDwWsShHvV", c), false;
	}
plain:
	*ret = (unsigned char)c;
	return true;
}

static void parse_class(struct parser *p, struct info *r)
{
	bool seen[256] = {false}, is_small = true;
	size_t start;
	unsigned n = 0;

	p->at++;
	if (peek(p) == '^') {
		is_small = false;
		p->at++;
	}
	start = p->at;
	while (more(p) && (p->s.ptr[p->at] != ']' || p->at == start)) {
		unsigned char from, to;

		if (!class_character(p, &from)) {
			is_small = false;
			continue;
		}
		to = from;
		if (peek(p) == '-' && p->at + 1 < p->s.len && p->s.ptr[p->at + 1] != ']') {
			p->at++;
			if (!class_character(p, &to)) {
				is_small = false;
				continue;
			}
		}
		for (unsigned c = from; c <= to; c++)
			seen[(unsigned char)gp_lower((char)c)] = true;
	}
	if (!more(p)) {
		p->gave_up = true;
		return;
	}
	p->at++;
	r->is_exact = true;
	r->longest = 1;
	r->exact.n = r->required.n = 0;
	for (unsigned c = 0; c < 256 && n <= CLASS_MAX; c++) {
		if (!seen[c])
			continue;
		if (n++ < CLASS_MAX)
			add(&r->exact, &(struct text){.len = 1, .bytes = {(char)c}}, CLASS_MAX);
	}
	if (!is_small || n == 0 || n > CLASS_MAX)
		set_anything(r, 1);
}

static void parse_alternatives(struct parser *p, struct info *r);

/* "(?" and what follows, up to where the group's content begins.  is_transparent: the content
 * counts; else it is zero-width.  False: a group without content, "(?i)". */
static bool group_head(struct parser *p, bool *is_transparent)
{
	*is_transparent = true;
	if (peek(p) != '?' && peek(p) != '*')
		return true;
	if (peek(p) == '*') { /* (*VERB) */
		p->gave_up = true;
		return true;
	}
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
	if (peek(p) == '>' || peek(p) == ':') {
		p->at++;
		return true;
	}
	if (peek(p) == '<' || peek(p) == '\'' || starts(p, "P<")) { /* a name */
		char close = peek(p) == '\'' ? '\'' : '>';

		p->at = gp_str_find_chr(p->s, close, p->at + 1) + 1;
		return true;
	}
	while (more(p) && strchr("imsn^-", peek(p)) && peek(p))
		p->at++;
	if (peek(p) == ':') {
		p->at++;
		return true;
	}
	if (peek(p) == ')')
		return false;
	p->gave_up = true; /* (?x), (?&name), (?1), (?|…), (?#…) … */
	return true;
}

static void parse_group(struct parser *p, struct info *r)
{
	bool is_transparent;

	p->at++;
	if (starts(p, "?&")) { /* a subroutine: anything */
		p->at = gp_str_find_chr(p->s, ')', p->at) + 1;
		set_anything(r, INF);
		return;
	}
	if (!group_head(p, &is_transparent)) {
		p->at++;
		set_exact_empty(r);
		return;
	}
	parse_alternatives(p, r);
	if (peek(p) != ')')
		p->gave_up = true;
	p->at++;
	if (!is_transparent)
		set_exact_empty(r);
}

static void parse_atom(struct parser *p, struct info *r)
{
	char c = peek(p);

	if (c == '\\') {
		parse_escape(p, r);
	} else if (c == '[') {
		parse_class(p, r);
	} else if (c == '(') {
		parse_group(p, r);
	} else {
		p->at++;
		if (c == '^' || c == '$')
			set_exact_empty(r);
		else if (c == '.')
			set_anything(r, 1);
		else
			set_byte(r, c);
	}
}

static bool take_quantifier(struct parser *p, unsigned *ret_min, unsigned *ret_max)
{
	struct gp_quantifier q = gp_quantifier_read(p->s, p->at);

	p->at += q.len;
	*ret_min = q.min;
	*ret_max = q.max;
	return q.len > 0;
}

static void apply_quantifier(struct info *r, unsigned min, unsigned max)
{
	const struct text empty = {0};

	uint64_t longest = (uint64_t)r->longest * max;

	if (min == 1 && max == 1)
		return;
	r->longest = longest > GP_TREE_WIDTH_MAX ? INF : (unsigned)longest;
	if (r->is_exact && min == 0 && max == 1) {
		if (!add(&r->exact, &empty, EXACT_MAX))
			set_anything(r, r->longest);
		r->required.n = 0;
		return;
	}
	if (min == 0) {
		set_anything(r, r->longest);
		return;
	}
	if (r->is_exact)
		r->is_repeated = true;
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

/* A run of exact parts grows while it can; what it is when it ends is a candidate. */
static void parse_sequence(struct parser *p, struct info *r)
{
	struct frame *f = p->frames[p->depth];
	struct info *part = &f->part;
	struct texts *run = &f->run, *best = &f->best;
	bool is_exact = true;
	unsigned min, max, before = 0; /* bytes before the part at most */
	unsigned run_lead = 0, best_lead = 0;

	best->n = 0;
	run->n = 1;
	run->items[0].len = 0;
	for (skip_extended(p); more(p) && peek(p) != '|' && peek(p) != ')'; skip_extended(p)) {
		part->is_repeated = false;
		parse_atom(p, part);
		skip_extended(p);
		if (take_quantifier(p, &min, &max))
			apply_quantifier(part, min, max);
		if (p->gave_up)
			return;
		if (part->is_exact && multiply(run, &part->exact, &f->scratch) &&
		    !part->is_repeated) {
			before = sum(before, part->longest);
			continue;
		}
		is_exact = false;
		keep_better(best, &best_lead, run, run_lead);
		if (!part->is_exact)
			keep_better(best, &best_lead, &part->required, sum(before, part->lead));
		before = sum(before, part->longest);
		run_lead = before;
		if (part->is_exact) {
			*run = part->exact; /* the last of its copies, somewhere in there */
		} else {
			run->n = 1;
			run->items[0].len = 0;
		}
	}
	keep_better(best, &best_lead, run, run_lead);
	r->longest = before;
	r->lead = best_lead;
	r->is_exact = is_exact;
	r->exact.n = 0;
	if (is_exact)
		r->exact = *run;
	r->required = *best;
}

static void parse_alternatives(struct parser *p, struct info *r)
{
	struct info *one;
	bool is_exact = true, is_required = true;
	unsigned longest = 0, lead = 0;

	if (++p->depth > DEPTH_MAX) {
		p->gave_up = true;
		return;
	}
	if (!p->frames[p->depth])
		p->frames[p->depth] = gp_arena_alloc(p->arena, sizeof(struct frame));
	one = &p->frames[p->depth]->one;
	r->exact.n = r->required.n = 0;
	for (bool is_more = true; is_more;) {
		parse_sequence(p, one);
		if (p->gave_up)
			return;
		is_exact = is_exact && one->is_exact;
		for (unsigned i = 0; is_exact && i < one->exact.n; i++)
			is_exact = add(&r->exact, &one->exact.items[i], EXACT_MAX);
		is_required = is_required && one->required.n;
		for (unsigned i = 0; is_required && i < one->required.n; i++)
			is_required = add(&r->required, &one->required.items[i], GP_LITERAL_SET_MAX);
		longest = GP_MAX(longest, one->longest);
		lead = GP_MAX(lead, one->lead);
		is_more = more(p) && peek(p) == '|';
		p->at += is_more;
	}
	r->longest = longest;
	r->lead = lead;
	r->is_exact = is_exact;
	if (!is_exact)
		r->exact.n = 0;
	if (!is_required)
		r->required.n = 0;
	p->depth--;
}

void gp_literal_derive(struct gp_arena *a, struct gp_regex *re)
{
	struct gp_arena *scratch = gp_arena_new(64u << 10);
	struct parser p = {.s = re->text,
			   .is_extended = re->flags & GP_REGEX_EXTENDED,
			   .gave_up = re->flags & GP_REGEX_EXTENDED_MORE ||
				      re->text.len > PATTERN_MAX,
			   .arena = scratch};
	struct info *all = gp_arena_alloc(scratch, sizeof(*all));

	re->literals = NULL;
	re->n_literals = 0;
	re->lead = INF;
	parse_alternatives(&p, all);
	if (!p.gave_up && p.at >= p.s.len && all->required.n) {
		re->literals = GP_ARENA_NEW_N(a, all->required.n, struct gp_str);
		for (unsigned i = 0; i < all->required.n; i++) {
			const struct text *t = &all->required.items[i];

			re->literals[i] = gp_arena_str(a, gp_str_n(t->bytes, t->len));
		}
		re->n_literals = all->required.n;
		re->lead = all->lead;
	}
	gp_arena_free(scratch);
}
