/*
 * Sets of bytes: what one position of a pattern matches.
 */
#ifndef GP_SCORE_RULE_BYTES_H
#define GP_SCORE_RULE_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

struct gp_byte_set {
	uint64_t bits[4];
};

extern const struct gp_byte_set gp_byte_set_all;

static inline bool gp_byte_set_has(const struct gp_byte_set *s, unsigned char c)
{
	return s->bits[c >> 6] >> (c & 63) & 1;
}

static inline void gp_byte_set_add(struct gp_byte_set *s, unsigned char c)
{
	s->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

void gp_byte_set_join(struct gp_byte_set *s, const struct gp_byte_set *other);
void gp_byte_set_invert(struct gp_byte_set *s);
/* Adds the other case of every letter. */
void gp_byte_set_fold(struct gp_byte_set *s);

/* PCRE2's without UCP and locale: \d \w \s \h \v, \N, and the opposites of the first five; the names
 * of [:alpha:] and so on.  False: no such thing. */
bool gp_byte_set_shorthand(struct gp_byte_set *s, char letter);
bool gp_byte_set_named(struct gp_byte_set *s, struct gp_str name);

#endif
