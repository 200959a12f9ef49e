/*
 * Operations on spans.
 */
#include "lib/base/str.h"

#include <stdint.h>

#include "lib/base/attr.h"

bool gp_str_eq(struct gp_str a, struct gp_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int gp_str_cmp(struct gp_str a, struct gp_str b)
{
	size_t n = GP_MIN(a.len, b.len);
	int r = n ? memcmp(a.ptr, b.ptr, n) : 0;

	return r ? r : (a.len > b.len) - (a.len < b.len);
}

bool gp_str_starts(struct gp_str s, struct gp_str prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

bool gp_str_istarts(struct gp_str s, struct gp_str prefix)
{
	if (s.len < prefix.len)
		return false;
	for (size_t i = 0; i < prefix.len; i++)
		if (gp_lower(s.ptr[i]) != gp_lower(prefix.ptr[i]))
			return false;
	return true;
}

bool gp_str_iends(struct gp_str s, struct gp_str suffix)
{
	return s.len >= suffix.len &&
	       gp_str_istarts(gp_str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

size_t gp_str_find_chr(struct gp_str s, char c, size_t from)
{
	const char *p;

	if (from >= s.len)
		return s.len;
	p = memchr(s.ptr + from, c, s.len - from);
	return p ? (size_t)(p - s.ptr) : s.len;
}

bool gp_str_is_ascii(struct gp_str s)
{
	uint64_t all = 0, eight;
	size_t i = 0;

	for (; i + sizeof(eight) <= s.len; i += sizeof(eight)) {
		memcpy(&eight, s.ptr + i, sizeof(eight));
		all |= eight;
	}
	for (; i < s.len; i++)
		all |= (unsigned char)s.ptr[i];
	return !(all & 0x8080808080808080);
}

bool gp_str_is_digits(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_digit(s.ptr[i]))
			return false;
	return s.len > 0;
}

size_t gp_str_find_last(struct gp_str s, char c)
{
	const char *p = s.len ? memrchr(s.ptr, c, s.len) : NULL;

	return p ? (size_t)(p - s.ptr) : s.len;
}

struct gp_str gp_str_after_last(struct gp_str s, char c)
{
	size_t at = gp_str_find_last(s, c);

	return at < s.len ? gp_str_sub(s, at + 1, s.len) : s;
}

struct gp_str gp_str_sub(struct gp_str s, size_t from, size_t n)
{
	if (from >= s.len)
		return (struct gp_str){s.ptr ? s.ptr + s.len : NULL, 0};
	return gp_str_n(s.ptr + from, GP_MIN(n, s.len - from));
}

struct gp_str gp_str_trim(struct gp_str s)
{
	while (s.len && gp_is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && gp_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool gp_str_next(struct gp_str *rest, char sep, struct gp_str *ret_piece)
{
	size_t i;

	if (rest->len == 0)
		return false;
	i = gp_str_find_chr(*rest, sep, 0);
	*ret_piece = gp_str_n(rest->ptr, i);
	*rest = gp_str_sub(*rest, i + 1, rest->len);
	return true;
}

bool gp_str_next_word(struct gp_str *rest, struct gp_str *ret_word)
{
	struct gp_str s = *rest;
	size_t n = 0;

	while (s.len && gp_is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (n < s.len && !gp_is_space(s.ptr[n]))
		n++;
	*rest = gp_str_sub(s, n, s.len);
	if (n == 0)
		return false;
	*ret_word = gp_str_n(s.ptr, n);
	return true;
}

bool gp_str_copy(char *dst, size_t dst_size, struct gp_str s)
{
	size_t n = GP_MIN(s.len, dst_size - 1);

	if (n)
		memcpy(dst, s.ptr, n);
	dst[n] = '\0';
	return n == s.len;
}

bool gp_str_glob(struct gp_str pattern, struct gp_str s)
{
	size_t p = 0, i = 0, star = SIZE_MAX, mark = 0;

	/* Behind the last star byte by byte from the end: "*.example" is mostly settled there. */
	for (; pattern.len && pattern.ptr[pattern.len - 1] != '*'; pattern.len--, s.len--) {
		char last = pattern.ptr[pattern.len - 1];

		if (!s.len || (last != '?' && gp_lower(last) != gp_lower(s.ptr[s.len - 1])))
			return false;
	}
	while (i < s.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			mark = i;
		} else if (p < pattern.len && (pattern.ptr[p] == '?' ||
					       gp_lower(pattern.ptr[p]) == gp_lower(s.ptr[i]))) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

unsigned gp_str_distance(struct gp_str a, struct gp_str b)
{
	unsigned row[66];

	if (a.len > 64 || b.len > 64)
		return 64;
	for (size_t j = 0; j <= b.len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned above = row[j];
			unsigned change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);

			row[j] = GP_MIN(GP_MIN(above, row[j - 1]) + 1, change);
			diagonal = above;
		}
	}
	return row[b.len];
}
