/*
 * What the patterns of one target are run over: segments (a header's value, a
 * paragraph, a chunk, a link), each a text of its own to the patterns, laid
 * out in one buffer with a line end between them so that vectorscan can look
 * at all of them in one go.
 */
#ifndef GP_SCORE_RULE_SUBJECT_H
#define GP_SCORE_RULE_SUBJECT_H

#include "lib/score/rule_field.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_scan.h"

/* SpamAssassin's sizes: a paragraph is cut at 2,048 bytes, the raw text of a part at 500,000. */
#define GP_RULE_LINE_MAX 2048
#define GP_RULE_PART_MAX 500000
/* All segments of a target together; more is left out.  Header 512 KiB, text 1 MiB, raw text of
 * several parts. */
#define GP_RULE_SUBJECT_MAX (8u << 20)

struct gp_rule_segment {
	size_t start, len;
	unsigned field; /* in target->fields; 0 in other targets */
};

struct gp_rule_range {
	unsigned first, n; /* segments of one field */
	bool is_present;   /* there was such a header */
};

struct gp_rule_subject {
	struct gp_str text;
	GP_VEC(struct gp_rule_segment) segments; /* in order of field, then of appearance */
	struct gp_rule_range *ranges; /* by field; one entry in targets without */
};

struct gp_pcre;

/* Builds the subject of a target in the arena.  pcre: as of gp_rule_uris_init. */
void gp_rule_subject_build(enum gp_rule_type target, const struct gp_rule_set *set,
			   const struct gp_rule_input *in, const struct gp_relay_path *relays,
			   struct gp_pcre *pcre, struct gp_arena *a, struct gp_rule_subject *ret);

static inline struct gp_str gp_rule_segment_text(const struct gp_rule_subject *s, size_t i)
{
	return gp_str_sub(s->text, s->segments.items[i].start, s->segments.items[i].len);
}

/* The segment in which a match that ends at `end` lies. */
size_t gp_rule_segment_at(const struct gp_rule_subject *s, size_t end);

#endif
