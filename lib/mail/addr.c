/*
 * Address lists in two steps: the list is cut into entries at commas that stand
 * outside quotes, comments and angles; then each entry is read on its own, so
 * that one malformed entry does not spoil its neighbours.  Linear in the input.
 */
#include "lib/mail/addr.h"

#include "lib/base/limits.h"
#include "lib/base/vec.h"
#include "lib/mail/header.h"

/* Position behind the quoted string that opens at i; i + 1 if it never closes. */
static size_t skip_quoted(struct gp_str s, size_t i, bool *has_no_end)
{
	if (*has_no_end)
		return i + 1;
	for (size_t k = i + 1; k < s.len; k++) {
		if (s.ptr[k] == '\\')
			k++;
		else if (s.ptr[k] == '"')
			return k + 1;
	}
	*has_no_end = true;
	return i + 1;
}

/* Likewise for a comment, which may nest. */
static size_t skip_comment(struct gp_str s, size_t i, bool *has_no_end)
{
	unsigned depth = 0;

	if (*has_no_end)
		return i + 1;
	for (size_t k = i; k < s.len; k++) {
		if (s.ptr[k] == '\\')
			k++;
		else if (s.ptr[k] == '(')
			depth++;
		else if (s.ptr[k] == ')' && --depth == 0)
			return k + 1;
	}
	*has_no_end = true;
	return i + 1;
}

struct scan {
	struct gp_str s;
	size_t i;
	bool is_quote_open, is_comment_open; /* one without end was met */
};

/* Moves behind the quoted string, comment or character at i. */
static void step(struct scan *c)
{
	if (c->s.ptr[c->i] == '"')
		c->i = skip_quoted(c->s, c->i, &c->is_quote_open);
	else if (c->s.ptr[c->i] == '(')
		c->i = skip_comment(c->s, c->i, &c->is_comment_open);
	else
		c->i++;
	c->i = GP_MIN(c->i, c->s.len);
}

/* The next entry, without the group's name before it; false at the end. */
static bool entry_next(struct scan *c, struct gp_str *ret)
{
	size_t start = c->i;
	bool in_angle = false, is_route = false;

	if (start >= c->s.len)
		return false;
	while (c->i < c->s.len) {
		char ch = c->s.ptr[c->i];

		if (ch == '<' && !in_angle) {
			in_angle = true;
			is_route = c->i + 1 < c->s.len && c->s.ptr[c->i + 1] == '@';
		} else if (ch == '>') {
			in_angle = false;
		} else if ((ch == ',' && !(in_angle && is_route)) || (ch == ';' && !in_angle)) {
			break;
		} else if (ch == ':' && !in_angle) {
			start = c->i + 1; /* what stood before was a group's name */
		}
		step(c);
	}
	*ret = gp_str_trim(gp_str_sub(c->s, start, c->i - start));
	c->i++;
	return true;
}

/* Copies without quotes, backslashes and comments; white space folded to one
 * space, or dropped for an address. */
static struct gp_str clean(struct gp_arena *a, struct gp_str s, bool is_address)
{
	char *out = gp_arena_alloc(a, s.len + 1);
	struct scan c = {.s = s};
	bool in_quotes = false;
	size_t n = 0;

	while (c.i < s.len) {
		char ch = s.ptr[c.i];
		size_t from = c.i;

		if (ch == '(' && !in_quotes) {
			step(&c);
			if (c.i > from + 1)
				ch = ' ';
			c.i--;
		}
		c.i++;
		if (ch == '"') {
			in_quotes = !in_quotes;
			continue;
		}
		if (ch == '\\' && c.i < s.len)
			ch = s.ptr[c.i++];
		if (!gp_is_space(ch) || (in_quotes && is_address))
			out[n++] = ch;
		else if (!is_address && n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n && out[n - 1] == ' ' && !is_address)
		n--;
	out[n] = '\0';
	return gp_str_n(out, n);
}

/* The text of the first comment; empty if there is none. */
static struct gp_str comment_of(struct gp_arena *a, struct gp_str s)
{
	struct scan c = {.s = s};

	while (c.i < s.len) {
		size_t from = c.i;

		step(&c);
		if (s.ptr[from] == '(' && c.i > from + 1)
			return clean(a, gp_str_sub(s, from + 1, c.i - from - 2), false);
	}
	return GP_STR("");
}

/* Splits the cleaned address at its last '@'. */
static void split_address(struct gp_arena *a, struct gp_addr *ret)
{
	const char *at = ret->addr.len ? memrchr(ret->addr.ptr, '@', ret->addr.len) : NULL;
	size_t n = at ? (size_t)(at - ret->addr.ptr) : ret->addr.len;
	size_t len = at ? ret->addr.len - n - 1 : 0;
	char *domain = gp_arena_alloc(a, len + 1);

	while (len && at[len] == '.')
		len--;
	for (size_t i = 0; i < len; i++)
		domain[i] = gp_lower(at[1 + i]);
	ret->local = gp_str_sub(ret->addr, 0, n);
	ret->domain = gp_str_n(domain, len);
	ret->addr.len = at ? n + 1 + len : n;
}

/* In an entry without angles: the word that is an address; where there is none
 * but there are words, they are a name. */
static struct gp_str bare_address(struct gp_str entry, struct gp_str *ret_name)
{
	struct gp_str rest = entry, word;

	*ret_name = GP_STR("");
	if (gp_str_find_chr(entry, '"', 0) < entry.len || gp_str_find_chr(entry, '(', 0) < entry.len)
		return entry;
	while (gp_str_next_word(&rest, &word)) {
		size_t at = gp_str_find_chr(word, '@', 0);

		if (at > 0 && at + 1 < word.len)
			return word;
	}
	if (gp_str_find_chr(entry, ' ', 0) == entry.len || gp_str_find_chr(entry, '@', 0) < entry.len)
		return entry;
	*ret_name = entry;
	return GP_STR("");
}

static void entry_parse(struct gp_arena *a, struct gp_str entry, struct gp_addr *ret)
{
	struct scan c = {.s = entry};
	size_t open = entry.len, close;
	struct gp_str inner;

	*ret = (struct gp_addr){0};
	while (c.i < entry.len) { /* the last '<' outside quotes: "a <b> <c@d>" */
		if (entry.ptr[c.i] == '<')
			open = c.i;
		step(&c);
	}
	if (open < entry.len) {
		for (c.i = open; c.i < entry.len && entry.ptr[c.i] != '>';)
			step(&c);
		close = c.i;
		inner = gp_str_sub(entry, open + 1, close - open - 1);
		if (inner.len && inner.ptr[0] == '@') { /* <@route,@route:local@domain> */
			size_t colon = gp_str_find_chr(inner, ':', 0);

			inner = colon < inner.len ? gp_str_sub(inner, colon + 1, inner.len) : inner;
		}
		ret->name = clean(a, gp_str_sub(entry, 0, open), false);
	} else {
		inner = bare_address(entry, &ret->name);
		ret->name = clean(a, ret->name, false);
	}
	if (!ret->name.len)
		ret->name = comment_of(a, entry);
	ret->raw_name = ret->name;
	ret->name = gp_header_decode_words(a, ret->name);
	ret->addr = clean(a, inner, true);
	split_address(a, ret);
}

void gp_addr_parse(struct gp_arena *a, struct gp_str raw, struct gp_addr_list *ret)
{
	struct scan c = {.s = gp_header_unfold(a, raw)};
	GP_VEC(struct gp_addr) list = {0};
	struct gp_str entry;
	bool is_cut = false;

	while (!is_cut && entry_next(&c, &entry)) {
		if (!entry.len)
			continue;
		if (list.len == GP_MAX_ADDRESSES)
			is_cut = true;
		else
			entry_parse(a, entry, gp_vec_push(a, &list));
	}
	*ret = (struct gp_addr_list){list.items, list.len, is_cut};
}

bool gp_addr_first(struct gp_arena *a, struct gp_str raw, struct gp_addr *ret)
{
	struct scan c = {.s = gp_header_unfold(a, raw)};
	struct gp_str entry;

	*ret = (struct gp_addr){0};
	while (entry_next(&c, &entry)) {
		if (!entry.len)
			continue;
		entry_parse(a, entry, ret);
		return true;
	}
	return false;
}
