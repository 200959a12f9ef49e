/*
 * The collector that the token files share: token.c (collector, words, text),
 * token_header.c (header fields), token_mime.c (parts, links, shapes).
 * Nobody else includes this.
 */
#ifndef GP_SCORE_TOKEN_INT_H
#define GP_SCORE_TOKEN_INT_H

#include "lib/base/limits.h"
#include "lib/mail/message.h"
#include "lib/score/token.h"

/* Slots of the table that finds duplicates; a power of two above twice GP_MAX_TOKENS.  Hashes are
 * not seeded, so a sender can aim at one slot: that costs GP_MAX_TOKENS² / 2 steps, a millisecond.
 */
#define GP_TOKEN_SLOTS 8192
_Static_assert(GP_TOKEN_SLOTS >= 2 * GP_MAX_TOKENS, "the table must stay half empty");

/* Headers may fill this much, links, structure and hidden text the next part, so that neither can
 * crowd the text out. */
#define GP_TOKEN_HEADERS_MAX (GP_MAX_TOKENS / 3)
#define GP_TOKEN_PARTS_MAX (GP_MAX_TOKENS / 2)

struct gp_collector {
	struct gp_arena *arena;
	uint64_t *hashes;
	struct gp_token_source *sources;
	size_t n;
	size_t limit; /* no token beyond this many; each section sets its own */
	bool is_cut;
	uint16_t slots[GP_TOKEN_SLOTS]; /* index + 1 into hashes, 0 = empty */
};

struct gp_word {
	uint64_t hash;	 /* of the lower-case word; of its kind where it is too long to be one */
	const char *ptr; /* as written */
	size_t len;
	bool has_upper;
	bool is_long;	/* beyond the length of words: only its kind is hashed */
	bool is_opaque; /* an id rather than a word: long, with many digits */
};

/* Adds a token unless it is there or the limit is met. */
void gp_collector_add(struct gp_collector *c, enum gp_token_field field, uint64_t hash,
		      struct gp_str text, unsigned gap);
/* Adds s as it is / in lower case, whatever is in it; `kind` keeps apart what one field mixes. */
void gp_collector_add_exact(struct gp_collector *c, enum gp_token_field field, unsigned kind,
			    struct gp_str s);
void gp_collector_add_lower(struct gp_collector *c, enum gp_token_field field, unsigned kind,
			    struct gp_str s);
/* Adds "NAME=VALUE" made up by us, for counts and shapes. */
void gp_collector_add_value(struct gp_collector *c, enum gp_token_field field, const char *name,
			    unsigned long value);
/* The shape of s: runs of capitals, small letters and digits become A, a and 0. */
void gp_collector_add_shape(struct gp_collector *c, enum gp_token_field field, unsigned kind,
			    struct gp_str s);
/* Up to max words of s, lower case, without ids. */
void gp_collector_add_words(struct gp_collector *c, enum gp_token_field field, uint64_t seed,
			    struct gp_str s, unsigned max);
/* A domain and its parent domains down to the top one, at most five. */
void gp_collector_add_domain(struct gp_collector *c, enum gp_token_field field, unsigned kind,
			     struct gp_str domain);
bool gp_collector_is_full(const struct gp_collector *c);

/* Takes the next word off *rest; false when there is none. */
bool gp_word_next(struct gp_str *rest, struct gp_word *ret_word);

/* The sections, in the order in which they are collected. */
void gp_token_add_headers(struct gp_collector *c, const struct gp_message *m,
			  struct gp_str envelope_from, struct gp_str asn);
void gp_token_add_parts(struct gp_collector *c, const struct gp_message *m);
void gp_token_add_uris(struct gp_collector *c, const struct gp_message *m);
void gp_token_add_shapes(struct gp_collector *c, const struct gp_message *m);

#endif
