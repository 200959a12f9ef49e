/*
 * Looking for a needle: 16 places a step, at which both its first and its last
 * byte stand; the rest of it is compared at these only.
 *
 * Texts here are mostly headers and needles a few letters, for which memmem()'s
 * preparations cost more than its search.  On hostile bytes ("aaaa…" for
 * "aaab") comparing at every place would be quadratic: the exact search gives
 * up and lets memmem() do the rest, which is linear.
 */
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/base/attr.h"
#include "lib/base/str.h"

#define STEP 16u
/* Bytes that may be compared in vain, at first and for each byte of text that was passed. */
#define VAIN_FIRST 256u
#define VAIN_EACH 4u

/* What is looked for; `fold` is 0x20 where letter case does not matter and the byte is a letter:
 * setting that bit makes the two cases one and no other byte that letter. */
struct ends {
	char first, last, fold_first, fold_last;
};

static char fold_of(char c, bool is_folded)
{
	return is_folded && gp_is_alpha(c) ? 0x20 : 0;
}

static struct ends ends_of(struct gp_str needle, bool is_folded)
{
	char first = needle.ptr[0], last = needle.ptr[needle.len - 1];
	struct ends e = {.fold_first = fold_of(first, is_folded), .fold_last = fold_of(last, is_folded)};

	e.first = (char)(first | e.fold_first);
	e.last = (char)(last | e.fold_last);
	return e;
}

/* Bits of the places among the next STEP at which the needle can stand. */
static unsigned places(const char *at, size_t len, const struct ends *e)
{
#ifdef __SSE2__
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i z = _mm_loadu_si128((const __m128i *)(const void *)(at + len - 1));

	a = _mm_cmpeq_epi8(_mm_or_si128(a, _mm_set1_epi8(e->fold_first)), _mm_set1_epi8(e->first));
	z = _mm_cmpeq_epi8(_mm_or_si128(z, _mm_set1_epi8(e->fold_last)), _mm_set1_epi8(e->last));
	return (unsigned)_mm_movemask_epi8(_mm_and_si128(a, z));
#else
	unsigned bits = 0;

	for (unsigned i = 0; i < STEP; i++)
		bits |= (unsigned)((at[i] | e->fold_first) == e->first &&
				   (at[i + len - 1] | e->fold_last) == e->last) << i;
	return bits;
#endif
}

static bool stands(const char *at, struct gp_str needle, bool is_folded)
{
	return is_folded ? gp_str_istarts(gp_str_n(at, needle.len), needle)
			 : memcmp(at, needle.ptr, needle.len) == 0;
}

/* Where it stands among the last places, too few for a step, or s.len. */
static size_t find_in_rest(struct gp_str s, struct gp_str needle, size_t from, bool is_folded,
			   const struct ends *e)
{
	for (size_t i = from; i + needle.len <= s.len; i++)
		if ((s.ptr[i] | e->fold_first) == e->first && stands(s.ptr + i, needle, is_folded))
			return i;
	return s.len;
}

static size_t find_linear(struct gp_str s, struct gp_str needle, size_t from)
{
	const char *p = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);

	return p ? (size_t)(p - s.ptr) : s.len;
}

static size_t find(struct gp_str s, struct gp_str needle, size_t from, bool is_folded)
{
	struct ends e;
	size_t i = from, vain = 0;

	if (from >= s.len || needle.len > s.len - from)
		return s.len;
	if (needle.len == 0)
		return from;
	e = ends_of(needle, is_folded);
	for (; i + needle.len - 1 + STEP <= s.len; i += STEP) {
		unsigned bits = places(s.ptr + i, needle.len, &e);

		for (; bits; bits &= bits - 1, vain += needle.len)
			if (stands(s.ptr + i + (unsigned)__builtin_ctz(bits), needle, is_folded))
				return i + (unsigned)__builtin_ctz(bits);
		if (!is_folded && vain > VAIN_FIRST + VAIN_EACH * (i - from))
			return find_linear(s, needle, i + STEP);
	}
	return find_in_rest(s, needle, i, is_folded, &e);
}

size_t gp_str_find(struct gp_str s, struct gp_str needle, size_t from)
{
	return find(s, needle, from, false);
}

size_t gp_str_ifind(struct gp_str s, struct gp_str needle, size_t from)
{
	return find(s, needle, from, true);
}

size_t gp_str_count(struct gp_str s, char c)
{
	size_t n = 0, i = 0;

#ifdef __SSE2__
	for (; i + STEP <= s.len; i += STEP) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + i));

		n += (unsigned)__builtin_popcount(
			(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, _mm_set1_epi8(c))));
	}
#endif
	for (; i < s.len; i++)
		n += s.ptr[i] == c;
	return n;
}
