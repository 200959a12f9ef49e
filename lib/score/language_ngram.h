/*
 * Sequences of one to five bytes, and how often each stands in the words of a text.
 */
#ifndef GP_SCORE_LANGUAGE_NGRAM_H
#define GP_SCORE_LANGUAGE_NGRAM_H

#include <stdint.h>

#include "lib/base/arena.h"

#define GP_NGRAM_LEN_MAX 5

/* One number for a sequence of 1 to GP_NGRAM_LEN_MAX bytes; they compare as the sequences do. */
uint64_t gp_ngram_key(struct gp_str s);

/* The sequences of the text's words, the most frequent first, equal ones in their own order: at
 * most `max`, and those only that occur more often than `above`.  *ret lives in the arena.  Words
 * are taken as if a NUL stood at each end, and mostly in lower case. */
size_t gp_ngram_list(struct gp_arena *a, struct gp_str text, size_t max, unsigned above,
		     uint64_t **ret);

#endif
