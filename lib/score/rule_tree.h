/*
 * A pattern as a tree of byte sets, for finding out what every text that it
 * matches must look like.
 *
 * The tree stands for *at least* the pattern's language: what cannot be said
 * in it (look-around, most anchors, word borders, back references, limits of
 * greed) is left out or taken for "anything".  What is derived from it may
 * therefore let texts through that do not match, and never the other way round.
 *
 * With line starts, a ^ in front of a pattern stands for the line end before it: a byte more than the
 * match has, in front.
 */
#ifndef GP_SCORE_RULE_TREE_H
#define GP_SCORE_RULE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/vec.h"
#include "lib/score/rule_bytes.h"

enum gp_tree_kind {
	GP_TREE_EMPTY,
	GP_TREE_SET, /* one byte of the set */
	GP_TREE_CAT,
	GP_TREE_ALT,
	GP_TREE_REPEAT, /* its one kid, min to max times */
};

#define GP_TREE_INF UINT32_MAX

struct gp_tree {
	enum gp_tree_kind kind;
	unsigned width; /* bytes of the shortest text; at most GP_TREE_WIDTH_MAX */
	unsigned longest; /* bytes of the longest; GP_TREE_INF beyond GP_TREE_WIDTH_MAX */
	unsigned min, max;
	struct gp_byte_set set;
	bool has_line_start; /* of the whole: made by gp_tree_parse_lines() */
	GP_VEC(struct gp_tree *) kids;
};

#define GP_TREE_WIDTH_MAX 65535

/* The tree of a pattern in PCRE2's syntax with flags (enum gp_regex_flags); shared parts are the
 * same nodes.  NULL when something in it is not understood, or it is too large. */
const struct gp_tree *gp_tree_parse(struct gp_arena *a, struct gp_str text, unsigned flags);
/* The same with line starts, for texts that are read with the byte before them (before the first
 * there is a line end).  NULL too when it has none, or where they leave nothing of the match. */
const struct gp_tree *gp_tree_parse_lines(struct gp_arena *a, struct gp_str text, unsigned flags);

#endif
