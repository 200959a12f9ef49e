/*
 * The list is read from its beginning, entry by entry: "phrase <address>", a bare address,
 * or a phrase, each with a comment behind it if need be, up to a comma or semicolon.
 * With the first entry that is none of these reading ends; of what is left only addresses
 * in angles are taken.  A bare address is one only when it stands alone: "Joe joe@x.org"
 * is a name.  Comments do not nest.
 *
 * Linear but for angles: of the '>' that could close one, the last ANGLE_TRIES are tried.
 */
#include "lib/score/rule_addr.h"

#include "lib/base/limits.h"
#include "lib/base/vec.h"
#include "lib/mail/header.h"

#define ANGLE_TRIES 8

struct entries {
	GP_VEC(struct gp_rule_addr) items;
};

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* Bytes that end something; asked of each byte of a list. */
enum stop {
	STOP_DOMAIN = 1 << 0,
	STOP_NAME = 1 << 1, /* what stands before the '@' */
	STOP_PHRASE = 1 << 2,
};

#define ALL_STOP (STOP_DOMAIN | STOP_NAME)

static const unsigned char stops[256] = {
	[' '] = ALL_STOP, ['\t'] = ALL_STOP, ['\n'] = ALL_STOP, ['\v'] = ALL_STOP,
	['\f'] = ALL_STOP, ['\r'] = ALL_STOP,
	['>'] = ALL_STOP, ['('] = ALL_STOP, [')'] = ALL_STOP, ['['] = ALL_STOP, [']'] = ALL_STOP,
	[':'] = ALL_STOP, ['"'] = STOP_DOMAIN, ['@'] = STOP_NAME,
	[','] = ALL_STOP | STOP_PHRASE, [';'] = ALL_STOP | STOP_PHRASE,
	['<'] = ALL_STOP | STOP_PHRASE,
};

static bool is_stop(char c, enum stop what)
{
	return stops[(unsigned char)c] & what;
}

static size_t skip_space(struct gp_str s, size_t i)
{
	while (i < s.len && gp_is_space(s.ptr[i]))
		i++;
	return i;
}

/* Behind the `close` that belongs to the quote or parenthesis at i; 0: there is none, or what
 * stands between has one of `banned`. */
static size_t skip_enclosed(struct gp_str s, size_t i, char close, char banned)
{
	for (i++; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == close)
			return i + 1;
		else if (s.ptr[i] == banned)
			return 0;
	}
	return 0;
}

static size_t skip_quoted(struct gp_str s, size_t i)
{
	return i < s.len && s.ptr[i] == '"' ? skip_enclosed(s, i, '"', '\0') : 0;
}

static size_t skip_comment(struct gp_str s, size_t i)
{
	return i < s.len && s.ptr[i] == '(' ? skip_enclosed(s, i, ')', '(') : 0;
}

/* Behind the domain that begins at i; 0: none does. */
static size_t skip_domain(struct gp_str s, size_t i)
{
	size_t k = i;

	if (k < s.len && s.ptr[k] == '[') {
		for (k++; k < s.len && (gp_is_digit(s.ptr[k]) || is_one_of(s.ptr[k], ":."));)
			k++;
		return k > i + 1 && k < s.len && s.ptr[k] == ']' ? k + 1 : 0;
	}
	while (k < s.len && !is_stop(s.ptr[k], STOP_DOMAIN))
		k++;
	return k > i ? k : 0;
}

/* Behind the address that begins at i; 0: none does. */
static size_t skip_address(struct gp_str s, size_t i)
{
	size_t k = skip_quoted(s, i);

	if (!k || k == s.len || s.ptr[k] != '@') {
		for (k = i; k < s.len && !is_stop(s.ptr[k], STOP_NAME);)
			k++;
		if (k == i)
			return 0;
	}
	return k < s.len && s.ptr[k] == '@' ? skip_domain(s, k + 1) : 0;
}

/* Whether s is an address; no stray quote, no empty name before the '@'. */
static bool is_address(struct gp_str s)
{
	size_t quotes = 0;

	for (size_t i = 0; i < s.len; i++)
		quotes += s.ptr[i] == '"';
	return s.len && skip_address(s, 0) == s.len && quotes != 1 &&
	       !gp_str_starts(s, GP_STR("\"\"@"));
}

/* Up to the second '@'. */
static struct gp_str one_domain(struct gp_str s)
{
	size_t at = gp_str_find_chr(s, '@', 0);

	return gp_str_sub(s, 0, gp_str_find_chr(s, '@', at + 1));
}

/* What may stand behind an address or phrase: a comment, then a separator or the end.  Where
 * the next entry begins; 0: something else stands there. */
static size_t skip_tail(struct gp_str s, size_t i, struct gp_str *ret_comment)
{
	size_t end;

	*ret_comment = (struct gp_str){0};
	i = skip_space(s, i);
	end = skip_comment(s, i);
	if (end) {
		*ret_comment = gp_str_sub(s, i + 1, end - i - 2);
		i = skip_space(s, end);
	}
	if (i == s.len)
		return i;
	return is_one_of(s.ptr[i], ",;") ? i + 1 : 0;
}

/* Behind what stands once more in angles ("<a@b> <a@b>"), as often as it does. */
static size_t skip_repeated(struct gp_str s, size_t i)
{
	for (;;) {
		size_t k = skip_space(s, i), close = 0;

		if (k == s.len || s.ptr[k] != '<')
			return i;
		k = skip_space(s, k + 1);
		k = skip_quoted(s, k) ? skip_quoted(s, k) : k;
		for (; k < s.len && !gp_is_space(s.ptr[k]); k++)
			close = s.ptr[k] == '>' ? k : close;
		k = skip_space(s, k);
		close = k < s.len && s.ptr[k] == '>' ? k : close;
		if (!close)
			return i;
		i = close + 1;
	}
}

struct entry {
	struct gp_str phrase, inner, comment; /* ptr NULL: none */
	bool is_bare;
	size_t next;
};

/* The angle that opens at `open`: closed by the last '>' before white space, or behind it, of
 * which the rest makes sense. */
static bool read_angle(struct gp_str s, size_t open, struct entry *ret)
{
	size_t first = skip_space(s, open + 1), end, tries = ANGLE_TRIES;

	for (end = first; end < s.len && !is_one_of(s.ptr[end], ">@");)
		end++;
	while (end < s.len && !gp_is_space(s.ptr[end]))
		end++;
	end = skip_space(s, end);
	end = end < s.len && s.ptr[end] == '>' ? end + 1 : end;
	while (end > first && tries) {
		if (s.ptr[--end] != '>')
			continue;
		tries--;
		ret->next = skip_tail(s, skip_repeated(s, end + 1), &ret->comment);
		if (!ret->next)
			continue;
		ret->inner = gp_str_trim(gp_str_sub(s, first, end - first));
		return true;
	}
	return false;
}

static size_t skip_phrase(struct gp_str s, size_t i)
{
	while (i < s.len && !is_stop(s.ptr[i], STOP_PHRASE)) {
		size_t end = s.ptr[i] == '"' ? skip_quoted(s, i) : i + 1;

		if (!end)
			break;
		i = end;
	}
	return i;
}

static bool read_entry(struct gp_str s, size_t at, struct entry *ret)
{
	size_t start = skip_space(s, at), end = skip_phrase(s, start), close;

	*ret = (struct entry){0};
	if (end < s.len && s.ptr[end] == '<' && read_angle(s, end, ret)) {
		if (end > start)
			ret->phrase = gp_str_sub(s, start, end - start);
		return true;
	}
	close = skip_address(s, start);
	if (close && (ret->next = skip_tail(s, close, &ret->comment))) {
		ret->inner = gp_str_sub(s, start, close - start);
		ret->is_bare = true;
		return true;
	}
	if (end == start && start > at)
		start--; /* white space alone is a phrase too */
	ret->next = end > start ? skip_tail(s, end, &ret->comment) : 0;
	ret->phrase = gp_str_sub(s, start, end - start);
	return ret->next;
}

/* Without quotes, their backslashes and, outside them, comments. */
static struct gp_str clean(struct gp_arena *a, struct gp_str s)
{
	char *out = gp_arena_alloc(a, s.len + 1);
	size_t n = 0, i = 0, end;

	while (i < s.len) {
		if ((end = skip_quoted(s, i))) {
			for (i++; i < end - 1; i++) {
				i += s.ptr[i] == '\\' && i + 2 < end;
				out[n++] = s.ptr[i];
			}
			i = end;
		} else if ((end = skip_comment(s, i))) {
			i = end;
		} else {
			if (s.ptr[i] != '"')
				out[n++] = s.ptr[i];
			i++;
		}
	}
	out[n] = '\0';
	return gp_str_n(out, n);
}

/* Whether the domain has two labels or more of letters, digits and hyphens. */
static bool has_full_domain(struct gp_str address)
{
	struct gp_str rest = gp_str_after_last(address, '@'), label;
	size_t labels = 0;

	while (rest.len && rest.ptr[rest.len - 1] == '.')
		rest.len--;
	for (; gp_str_next(&rest, '.', &label); labels++) {
		if (!label.len || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!gp_is_alnum(label.ptr[i]) && !is_one_of(label.ptr[i], "-_") &&
			    (unsigned char)label.ptr[i] < 0x80)
				return false;
	}
	return labels > 1;
}

static void finish(struct gp_arena *a, const struct entry *e, struct gp_rule_addr *ret)
{
	*ret = (struct gp_rule_addr){0};
	if (e->inner.ptr) {
		struct gp_str inner = e->inner;

		if (!e->is_bare && gp_str_find_chr(inner, '(', 0) < inner.len)
			inner = clean(a, inner);
		if (is_address(inner))
			ret->addr = one_domain(inner);
	}
	if (e->phrase.ptr) {
		struct gp_str phrase = clean(a, e->phrase);

		if (!ret->addr.ptr && is_address(phrase) && has_full_domain(one_domain(phrase)))
			ret->addr = one_domain(phrase);
		else if (phrase.len && !(ret->addr.ptr && gp_str_eq(phrase, ret->addr)))
			ret->name = phrase;
	}
	if (!ret->name.ptr && e->comment.ptr)
		ret->name = e->comment;
}

/* Behind a group's name, or whatever else ends in a colon before the first quote, comment or
 * angle; behind everything if the group is empty. */
static size_t skip_group(struct gp_str s)
{
	size_t i = 0;

	for (size_t k = 0; k < s.len && !is_one_of(s.ptr[k], "\"()<>"); k++)
		if (s.ptr[k] == ':' && k)
			i = skip_space(s, k + 1);
	return i && i < s.len && s.ptr[i] == ';' ? s.len : i;
}

static void take_angles(struct gp_arena *a, struct gp_str s, struct entries *list)
{
	for (size_t i = 0; (i = gp_str_find_chr(s, '<', i)) < s.len; i++) {
		size_t end = skip_address(s, i + 1);
		struct gp_str address = gp_str_sub(s, i + 1, end ? end - i - 1 : 0);

		if (end && end < s.len && s.ptr[end] == '>' && is_address(address) &&
		    list->items.len < GP_MAX_ADDRESSES)
			*gp_vec_push(a, &list->items) = (struct gp_rule_addr){.addr = one_domain(address)};
	}
}

void gp_rule_addr_parse(struct gp_arena *a, struct gp_str raw, struct gp_rule_addrs *ret)
{
	struct gp_str s = raw;
	struct entries list = {0};
	struct entry e;
	size_t at;

	while (s.len && gp_is_space(s.ptr[s.len - 1]))
		s.len--;
	at = skip_group(s);
	while (at < s.len && list.items.len < GP_MAX_ADDRESSES && read_entry(s, at, &e)) {
		finish(a, &e, gp_vec_push(a, &list.items));
		at = e.next;
	}
	take_angles(a, gp_str_sub(s, at, s.len), &list);
	*ret = (struct gp_rule_addrs){list.items.items, list.items.len};
}

struct gp_str gp_rule_addr_decode(struct gp_arena *a, struct gp_str name)
{
	struct gp_str s = gp_header_decode_words(a, name), rest = s, word;
	char *out;
	size_t n = 0;

	if (!gp_str_trim(s).len)
		return s;
	out = gp_arena_alloc(a, s.len + 1);
	while (gp_str_next_word(&rest, &word)) {
		if (n)
			out[n++] = ' ';
		memcpy(out + n, word.ptr, word.len);
		n += word.len;
	}
	if (n > 1 && out[0] == '\'' && out[n - 1] == '\'')
		return gp_str_n(out + 1, n - 2);
	return gp_str_n(out, n);
}
