/*
 * Tags: values of a message that rules and templates name, as %{NAME} in a pattern or
 * _NAME_ in the name that an askdns rule asks for.  Beside the built-in ones there are
 * those that rules make: a pattern with a group (?<NAME>…) puts what it matched there.
 */
#ifndef GP_SCORE_RULE_TAG_H
#define GP_SCORE_RULE_TAG_H

#include "lib/mail/relay.h"
#include "lib/score/rule_scan.h"

struct gp_pcre;
struct gp_rule_dns;

/* Values of one tag, as many as are kept. */
#define GP_TAG_VALUES_MAX 20

struct gp_tag_values {
	struct gp_str items[GP_TAG_VALUES_MAX];
	size_t len;
};

/* Adds a value unless it is empty or there already. */
void gp_tag_add(struct gp_tag_values *v, struct gp_str value);

/* Of one scan. */
struct gp_rule_tags {
	const struct gp_rule_set *set;
	const struct gp_rule_input *in;
	const struct gp_relay_path *relays;
	struct gp_pcre *pcre;
	struct gp_arena *arena;
	struct gp_rule_dns *dns; /* knows the hosts of links; NULL: nobody looked for them */
	struct gp_map captured;	 /* name → struct gp_tag_values */
};

/* "NAME" or "NAME(ARGUMENT)": its values; false if it has none. */
bool gp_tag_values(const struct gp_rule_tags *t, struct gp_str tag, struct gp_tag_values *ret);

/* The length of the tag's name (with its argument) at the start of s; 0: none begins there. */
size_t gp_tag_name_length(struct gp_str s);

/* The next "_TAG_" from `from` on: its place, and its length with both underscores; false if there
 * is none. */
bool gp_tag_find(struct gp_str s, size_t from, size_t *ret_at, size_t *ret_len);

/* The tag in capitals, as tags are kept; an argument stays as it is. */
struct gp_str gp_tag_upper(struct gp_arena *a, struct gp_str tag);

/* Is it one that no rule has to make? */
bool gp_tag_is_built_in(struct gp_str tag);

#endif
