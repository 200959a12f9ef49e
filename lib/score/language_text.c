/*
 * Links and addresses are found as SpamAssassin's TextCat finds them, in three passes: what begins
 * with http, what has an @ in it, what begins with www.  None reaches over white space, so each
 * pass hands what it leaves of a word to the next one, and nothing is read twice.
 */
#include "lib/score/language_text.h"

#include <stdint.h>

#define PREFIXES_MAX 10
#define PREFIX_MIN 2
#define PREFIX_MAX 12
/* Bytes that a link or address may have behind (an address: before) what it is known by. */
#define LINK_MAX 1024
#define USER_MAX 64
#define HOST_MAX 128

struct out {
	char *text;
	size_t len;
};

static void put(struct out *o, struct gp_str s)
{
	s = gp_str_sub(s, 0, GP_LANGUAGE_TEXT_MAX - o->len);
	if (s.len)
		memcpy(o->text + o->len, s.ptr, s.len);
	o->len += s.len;
}

static bool is_word_char(char c)
{
	return gp_is_alnum(c) || c == '_';
}

static void put_without_www(struct out *o, struct gp_str s)
{
	static const struct gp_str mark = GP_STR("www.");
	size_t done = 0, at = 0;

	while ((at = gp_str_find(s, mark, at)) + mark.len < s.len) {
		if (at && is_word_char(s.ptr[at - 1])) {
			at++;
			continue;
		}
		put(o, gp_str_sub(s, done, at - done));
		put(o, GP_STR(" "));
		done = at = GP_MIN(at + mark.len + HOST_MAX, s.len);
	}
	put(o, gp_str_sub(s, done, SIZE_MAX));
}

/* Something, '@', a letter, something. */
static void put_without_addresses(struct out *o, struct gp_str s)
{
	size_t done = 0, at = 1, start;

	while ((at = gp_str_find_chr(s, '@', at)) + 2 < s.len) {
		if (!gp_is_alpha(s.ptr[at + 1])) {
			at++;
			continue;
		}
		start = at - done > USER_MAX ? at - USER_MAX : done;
		put_without_www(o, gp_str_sub(s, done, start - done));
		put(o, GP_STR(" "));
		done = GP_MIN(at + 2 + HOST_MAX, s.len);
		at = done + 1;
	}
	put_without_www(o, gp_str_sub(s, done, SIZE_MAX));
}

/* The length of "http://", "https://" or one of their encoded forms at the start of s; 0: none. */
static size_t scheme_length(struct gp_str s)
{
	static const struct gp_str ends[] = {GP_STR("://"), GP_STR(":&#x2F;&#x2F;"),
					     GP_STR("%3A%2F%2F")};
	size_t n = gp_str_starts(s, GP_STR("https")) ? 5 : 4;

	for (size_t i = 0; i < GP_ARRAY_SIZE(ends); i++)
		if (gp_str_starts(gp_str_sub(s, n, SIZE_MAX), ends[i]))
			return n + ends[i].len;
	return 0;
}

static void put_without_links(struct out *o, struct gp_str s)
{
	size_t done = 0, at = 0, n;

	while ((at = gp_str_find(s, GP_STR("http"), at)) < s.len) {
		n = scheme_length(gp_str_sub(s, at, SIZE_MAX));
		if (n == 0 || at + n == s.len) {
			at++;
			continue;
		}
		put_without_addresses(o, gp_str_sub(s, done, at - done));
		put(o, GP_STR(" "));
		done = at = GP_MIN(at + n + LINK_MAX, s.len);
	}
	put_without_addresses(o, gp_str_sub(s, done, SIZE_MAX));
}

/* "Re: AW:fwd: " */
static size_t prefix_length(struct gp_str s)
{
	size_t done = 0, at;

	for (unsigned n = 0; n < PREFIXES_MAX; n++) {
		for (at = done; at < s.len && at - done < PREFIX_MAX && gp_is_alpha(s.ptr[at]); at++)
			;
		if (at - done < PREFIX_MIN || at == s.len || s.ptr[at] != ':')
			break;
		for (at++; at < s.len && gp_is_space(s.ptr[at]); at++)
			;
		done = at;
	}
	return done;
}

struct gp_str gp_language_text(struct gp_arena *a, struct gp_str text)
{
	struct out o = {.text = gp_arena_alloc(a, GP_LANGUAGE_TEXT_MAX)};
	size_t n;

	text = gp_str_sub(text, prefix_length(text), SIZE_MAX);
	for (; text.len && o.len < GP_LANGUAGE_TEXT_MAX; text = gp_str_sub(text, n, SIZE_MAX)) {
		bool is_space = gp_is_space(*text.ptr);

		for (n = 1; n < text.len && gp_is_space(text.ptr[n]) == is_space; n++)
			;
		if (is_space)
			put(&o, gp_str_sub(text, 0, n));
		else
			put_without_links(&o, gp_str_sub(text, 0, n));
	}
	return gp_str_n(o.text, o.len);
}
