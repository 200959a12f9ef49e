/*
 * uri_detail: rules over what is known of each link together — as it is written, where it
 * stands, the text that people see in its place, the hosts in all its forms
 * (Mail::SpamAssassin::Plugin::URIDetail).
 */
#ifndef GP_SCORE_RULE_URI_DETAIL_H
#define GP_SCORE_RULE_URI_DETAIL_H

#include "lib/score/rule_int.h"

enum gp_uri_key {
	GP_URI_KEY_RAW,
	GP_URI_KEY_TYPE, /* "a", "img", "form", "link"; "parsed": found in text */
	GP_URI_KEY_CLEANED, /* all forms, the raw one too */
	GP_URI_KEY_TEXT,
	GP_URI_KEY_DOMAIN,
	GP_URI_KEY_HOST,
	GP_URI_KEYS,
};

/* A link as it is written, and what is known of it by key, each value once. */
struct gp_uri_entry {
	GP_VEC(struct gp_str) values[GP_URI_KEYS];
};

struct gp_uri_entries {
	GP_VEC(struct gp_uri_entry *) items;
	struct gp_map by_raw;
};

struct gp_eval;

/* All links of the message, worked out when first asked for. */
const struct gp_uri_entries *gp_uri_entries(struct gp_eval *e);

/* What a rule wants of each key. */
struct gp_uri_test {
	bool is_there;
	bool is_negated; /* !~ */
	struct gp_regex re;
};

/* Parses "KEY =~ /…/ KEY !~ /…/ …" into GP_URI_KEYS tests in the arena; GP_EINVAL or GP_ELIMIT
 * with the reason. */
int gp_uri_detail_parse(struct gp_arena *a, struct gp_str text, struct gp_uri_test **ret,
			struct gp_diag *diag) GP_MUST_USE;

/* Of uri_detail rules, which have no function's name. */
extern const struct gp_rule_eval gp_rule_eval_uri_detail;

#endif
