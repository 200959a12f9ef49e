/*
 * What `header` and `mimeheader` rules read: names with modifiers, and the
 * pseudo-names (ALL, ToCc, MESSAGEID, EnvelopeFrom, X-Spam-Relays-…), byte for
 * byte as SpamAssassin builds them.
 */
#ifndef GP_SCORE_RULE_FIELD_H
#define GP_SCORE_RULE_FIELD_H

#include "lib/base/buf.h"
#include "lib/mail/relay.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_scan.h"

enum gp_field_modifiers {
	GP_FIELD_RAW = 1 << 0,	/* not decoded, not unfolded */
	GP_FIELD_ADDR = 1 << 1,	/* addresses, one a line */
	GP_FIELD_NAME = 1 << 2,	/* display names, one a line */
	GP_FIELD_FIRST = 1 << 3,
	GP_FIELD_LAST = 1 << 4,
	GP_FIELD_HOST = 1 << 5,	  /* host names, one a line */
	GP_FIELD_DOMAIN = 1 << 6, /* with HOST: their registered domains */
	GP_FIELD_IP = 1 << 7,	  /* addresses, one a line */
	GP_FIELD_REVIP = 1 << 8,  /* with IP: reversed, as block lists want them */
};

enum gp_field_special {
	GP_FIELD_HEADER, /* a header of that name */
	GP_FIELD_ALL,
	GP_FIELD_TOCC,
	GP_FIELD_MESSAGEID,
	GP_FIELD_ENVELOPE_FROM,
	GP_FIELD_RELAYS, /* + enum gp_relay_lists */
	GP_FIELD_ALL_OF = GP_FIELD_RELAYS + 4, /* + enum gp_relay_lists: the headers that those wrote */
	GP_FIELD_SPECIAL_MAX = GP_FIELD_ALL_OF + 4,
};

/* Parses "NAME:mod:mod" (mime: of a mimeheader rule).  GP_EINVAL with the reason. */
int gp_field_parse(struct gp_arena *a, struct gp_str spec, bool is_mime, struct gp_rule_field *ret,
		   struct gp_diag *diag) GP_MUST_USE;

/* Gives the field its slots: which header names it looks at, numbered in `slots` (of a set). */
void gp_field_bind(struct gp_map *slots, struct gp_rule_field *f);

/* The headers of a message by slot, made once a scan. */
struct gp_field_index {
	const struct gp_message *message;
	const struct gp_relay_path *relays;
	const struct gp_rule_set *set; /* whose lists say what a host is */
	unsigned *first, *next; /* by slot; by header: index + 1, 0 ends */
	size_t n_slots;
};
void gp_field_index_init(struct gp_field_index *x, const struct gp_rule_set *set,
			 const struct gp_map *slots, const struct gp_message *m,
			 const struct gp_relay_path *relays, struct gp_arena *a);

/* The envelope sender: the one given, or what the relays and headers say of it; ptr NULL: none. */
struct gp_str gp_field_envelope_from(const struct gp_message *m, const struct gp_relay_path *relays,
				     const struct gp_rule_input *in, struct gp_arena *a);

/* Appends the field's value.  False when the message has no such header (nothing appended). */
bool gp_field_value(const struct gp_rule_field *f, const struct gp_field_index *x,
		    const struct gp_rule_input *in, struct gp_arena *a, struct gp_buf *out);

/* The value of "NAME:mod:mod", as a header rule would read it, in the arena; ptr NULL: there is no
 * such header, or no such modifier. */
struct gp_str gp_field_read(struct gp_str spec, const struct gp_rule_set *set,
			    const struct gp_rule_input *in, const struct gp_relay_path *relays,
			    struct gp_arena *a);

/* The same of one MIME part, for mimeheader: the last header of that name. */
bool gp_field_part_value(const struct gp_rule_field *f, const struct gp_part *part,
			 struct gp_buf *out);

#endif
