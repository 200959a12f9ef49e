/*
 * Spans: a pointer and a length that borrow from somebody's bytes.
 *
 * Spans are passed by value and own nothing.  They may hold NULs; a NULL
 * pointer with length 0 is the empty span.  NUL-terminated copies are made at
 * the border with a foreign library (gp_arena_cstr).  Letter case is ASCII's:
 * everything here that ignores case ignores the locale too.
 */
#ifndef GP_BASE_STR_H
#define GP_BASE_STR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/attr.h"

struct gp_str {
	const char *ptr;
	size_t len;
};

/* A span over a string literal, usable in static initialisers. */
#define GP_STR(lit) ((struct gp_str){"" lit, sizeof(lit) - 1})
/* For printf's "%.*s". */
#define GP_STR_FMT(s) (int)GP_MIN((s).len, (size_t)INT_MAX), (s).ptr ? (s).ptr : ""

static inline struct gp_str gp_str(const char *cstr)
{
	return (struct gp_str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct gp_str gp_str_n(const void *ptr, size_t len)
{
	return (struct gp_str){ptr, len};
}

static inline char gp_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline bool gp_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool gp_is_alpha(char c)
{
	return gp_lower(c) >= 'a' && gp_lower(c) <= 'z';
}

static inline bool gp_is_alnum(char c)
{
	return gp_is_digit(c) || gp_is_alpha(c);
}

/* Space, TAB, CR, LF, VT, FF. */
static inline bool gp_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* No byte above 0x7f. */
bool gp_str_is_ascii(struct gp_str s);
/* Decimal digits and nothing else; not empty. */
bool gp_str_is_digits(struct gp_str s);
bool gp_str_eq(struct gp_str a, struct gp_str b);
/* <0, 0, >0 like memcmp, shorter first when one is a prefix. */
int gp_str_cmp(struct gp_str a, struct gp_str b);
bool gp_str_starts(struct gp_str s, struct gp_str prefix);
bool gp_str_istarts(struct gp_str s, struct gp_str prefix);
/* Inline, since names of headers mostly differ in length. */
static inline bool gp_str_ieq(struct gp_str a, struct gp_str b)
{
	return a.len == b.len && gp_str_istarts(a, b);
}

bool gp_str_iends(struct gp_str s, struct gp_str suffix);

/* Index of the first c (or needle) at or after `from`; s.len when there is none. */
size_t gp_str_find_chr(struct gp_str s, char c, size_t from);
size_t gp_str_find(struct gp_str s, struct gp_str needle, size_t from);
size_t gp_str_ifind(struct gp_str s, struct gp_str needle, size_t from);
/* How many of its bytes are c. */
size_t gp_str_count(struct gp_str s, char c);
/* Index of the last c; s.len when there is none. */
size_t gp_str_find_last(struct gp_str s, char c);
/* What follows the last c; the whole when there is none. */
struct gp_str gp_str_after_last(struct gp_str s, char c);

/* The part from `from`, at most n bytes; out of range is cut, never undefined. */
struct gp_str gp_str_sub(struct gp_str s, size_t from, size_t n);
/* Without white space at both ends. */
struct gp_str gp_str_trim(struct gp_str s);

/* Takes the next piece up to `sep` off *rest; false when nothing is left.
 * "a,,b" gives "a", "", "b"; nothing follows a separator at the end. */
bool gp_str_next(struct gp_str *rest, char sep, struct gp_str *ret_piece);
/* As gp_str_next with runs of white space as separator; never empty pieces. */
bool gp_str_next_word(struct gp_str *rest, struct gp_str *ret_word);

/* Copies into a fixed buffer with NUL, cut to fit; returns false if it was cut. */
bool gp_str_copy(char *dst, size_t dst_size, struct gp_str s);

/* Glob with * and ?, case-insensitive, over the whole of s; linear in practice
 * (one backtrack point), so safe on hostile input. */
bool gp_str_glob(struct gp_str pattern, struct gp_str s);

/* Edit distance of two short names (≤ 64 bytes), for near-miss suggestions. */
unsigned gp_str_distance(struct gp_str a, struct gp_str b);

#endif
