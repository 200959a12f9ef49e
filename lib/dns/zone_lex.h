/*
 * A zone file as entries of words (RFC 1035, 5.1).
 *
 *	struct gp_zone_lexer lexer = {.rest = text, .file = path};
 *	while ((r = gp_zone_lex_next(&lexer, arena, &entry, diag)) == GP_OK)
 *		… entry.words[0 … entry.n_words - 1] …
 *
 * An entry is a line, or several within parentheses; empty ones are passed over and
 * comments dropped.  Words borrow from the text and keep their escapes.
 */
#ifndef GP_DNS_ZONE_LEX_H
#define GP_DNS_ZONE_LEX_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"

struct gp_zone_word {
	struct gp_str text;
	bool is_quoted; /* the quotes are not in the text */
};

struct gp_zone_entry {
	struct gp_zone_word *words; /* in the arena */
	size_t n_words;
	bool is_indented; /* begins with white space: the owner is the last one's */
	unsigned line;	  /* where it begins */
};

struct gp_zone_lexer {
	struct gp_str rest;
	const char *file; /* for errors */
	unsigned line;	  /* those that are behind us */
};

/* The next entry; GP_ENOENT when there is none, GP_EINVAL if malformed (the diag says
 * "FILE:LINE: …").  Allocates in the arena. */
int gp_zone_lex_next(struct gp_zone_lexer *l, struct gp_arena *arena, struct gp_zone_entry *ret,
		     struct gp_diag *diag) GP_MUST_USE;

#endif
