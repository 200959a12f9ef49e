/*
 * What a word is, and which are put into lower case, is as in SpamAssassin's TextCat, byte by byte:
 * its models were made that way.  That means letters of ISO 8859-1, also where the text is UTF-8.
 *
 * Sorted, then counted: no table that a text could be made for.
 */
#include "lib/score/language_ngram.h"

#include <stdlib.h>

#include "lib/base/mem.h"

#define TEXT_MAX (64u << 10)

uint64_t gp_ngram_key(struct gp_str s)
{
	uint64_t key = s.len;

	for (size_t i = 0; i < s.len && i < GP_NGRAM_LEN_MAX; i++)
		key |= (uint64_t)(unsigned char)s.ptr[i] << (8 * (GP_NGRAM_LEN_MAX - i));
	return key;
}

static bool is_of_word(unsigned char c)
{
	return c > 0x7f || gp_is_alpha((char)c) || c == '\'' ||
	       ((c < ' ' || c == 0x7f) && !gp_is_space((char)c));
}

/* Letters of ISO 8859-1. */
static bool is_letter(unsigned char c)
{
	return gp_is_alpha((char)c) || (c >= 0xc0 && c != 0xd7 && c != 0xdf && c != 0xf7 && c != 0xff);
}

/* Has it a capital, and four letters in a row? */
static bool wants_lower(const unsigned char *word, size_t n)
{
	bool has_capital = false, has_four = false;
	size_t run = 0;

	for (size_t i = 0; i < n; i++) {
		has_capital = has_capital || (word[i] >= 'A' && word[i] <= 'Z');
		run = is_letter(word[i]) ? run + 1 : 0;
		has_four = has_four || run == 4;
	}
	return has_capital && has_four;
}

static unsigned char lower(unsigned char c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7))
		c = (unsigned char)(c + 32);
	return c;
}

/* The sequences of "\0WORD\0", which word..word + n + 2 is. */
static size_t add_word(const unsigned char *word, size_t n, uint64_t *keys)
{
	size_t added = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t len = 1; len <= GP_NGRAM_LEN_MAX && i + len <= n; len++)
			keys[added++] = gp_ngram_key(gp_str_n(word + i, len));
	return added;
}

/* All sequences of the text, as often as they occur; `keys` has room for five a byte of the words
 * and their ends. */
static size_t collect(struct gp_str text, unsigned char *word, uint64_t *keys)
{
	const unsigned char *s = (const unsigned char *)text.ptr;
	size_t added = 0, n;

	for (size_t i = 0; i < text.len; i += n + 1) {
		for (n = 0; i + n < text.len && is_of_word(s[i + n]); n++)
			word[1 + n] = s[i + n];
		if (n == 0)
			continue;
		if (wants_lower(word + 1, n))
			for (size_t k = 1; k <= n; k++)
				word[k] = lower(word[k]);
		word[0] = word[n + 1] = '\0';
		added += add_word(word, n + 2, keys + added);
	}
	return added;
}

/* Sorts by the bytes from..to - 1 (0 is the lowest) of the numbers, an even number of them; what is
 * equal there stays in order. */
static void sort(uint64_t *v, uint64_t *other, size_t n, unsigned from, unsigned to)
{
	for (unsigned byte = from; byte < to; byte++) {
		size_t at[257] = {0};
		uint64_t *t = v;

		for (size_t i = 0; i < n; i++)
			at[(v[i] >> 8 * byte & 255) + 1]++;
		for (size_t i = 1; i < 256; i++)
			at[i] += at[i - 1];
		for (size_t i = 0; i < n; i++)
			other[at[v[i] >> 8 * byte & 255]++] = v[i];
		v = other;
		other = t;
	}
}

/* Sorted keys, each once; counts[i] has how often, the more the smaller, above its place. */
static size_t count(uint64_t *keys, size_t n, unsigned above, uint64_t *counts)
{
	size_t distinct = 0, same;

	for (size_t i = 0; i < n; i += same) {
		for (same = 1; i + same < n && keys[i + same] == keys[i]; same++)
			;
		if (same <= above)
			continue;
		keys[distinct] = keys[i];
		counts[distinct] = (uint64_t)(UINT32_MAX - (uint32_t)same) << 32 | distinct;
		distinct++;
	}
	return distinct;
}

size_t gp_ngram_list(struct gp_arena *a, struct gp_str text, size_t max, unsigned above,
		     uint64_t **ret)
{
	unsigned char *word;
	uint64_t *keys, *counts, *other;
	size_t n, room;

	text = gp_str_sub(text, 0, TEXT_MAX);
	room = GP_NGRAM_LEN_MAX * (2 * text.len + 2); /* every other byte a word of its own */
	word = gp_xmalloc(text.len + 2);
	keys = gp_xmalloc(room * sizeof(*keys));
	other = gp_xmalloc(room * sizeof(*other));
	n = collect(text, word, keys);
	sort(keys, other, n, 0, GP_NGRAM_LEN_MAX + 1);
	counts = gp_xmalloc((n + 1) * sizeof(*counts));
	n = count(keys, n, above, counts);
	sort(counts, other, n, 4, 8);
	n = GP_MIN(n, max);
	*ret = GP_ARENA_NEW_N(a, n + 1, uint64_t);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = keys[(uint32_t)counts[i]];
	free(counts);
	free(other);
	free(keys);
	free(word);
	return n;
}
