/*
 * What `uri` rules see: every link of the HTML and every URI of the text as it is
 * written there, and beside it the forms that mail programs make of it (scheme
 * added, escapes decoded, default port and user taken off, the target of a
 * redirector …), as SpamAssassin lists them.
 *
 * lib/mail/url.h normalises to one form per URI, for lists and Bayes; rules want all.
 */
#ifndef GP_SCORE_RULE_URI_H
#define GP_SCORE_RULE_URI_H

#include "lib/base/vec.h"
#include "lib/mail/message.h"
#include "lib/score/rule_int.h"

/* A longer one is cut (SpamAssassin's size). */
#define GP_RULE_URI_SIZE_MAX 8192

struct gp_pcre;

struct gp_rule_uris {
	struct gp_arena *arena;
	const struct gp_rule_set *set;
	struct gp_pcre *pcre;
	const struct gp_rule_list *domains; /* util_rb_tld and the like; empty: any top-level domain */
	struct gp_map seen;		    /* of items */
	struct gp_map written;		    /* in text, done with */
	GP_VEC(struct gp_str) items;	    /* distinct */
	size_t bytes;
	/* Told of each URI that is added, with its forms (the first as written); or NULL. */
	void (*on_uri)(void *arg, struct gp_str written, const struct gp_str *forms, size_t n);
	void *arg;
};

/* pcre: for redirector_pattern; NULL: none is looked for. */
void gp_rule_uris_init(struct gp_rule_uris *u, const struct gp_rule_set *set, struct gp_pcre *pcre,
		       struct gp_arena *a);

/* Adds a URI and its forms.  needs_domain: only if one of them names a host that can exist. */
void gp_rule_uris_add(struct gp_rule_uris *u, struct gp_str uri, bool needs_domain);

/* The same of what HTML refers to, host or not: without dot segments, and with them too where it
 * is an <a> (SpamAssassin lists those with their text as they are). */
void gp_rule_uris_add_reference(struct gp_rule_uris *u, const struct gp_reference *r);

/* Finds URIs in text: with a scheme or "www.", e-mail addresses, host names with a known
 * top-level domain. */
void gp_rule_uris_scan(struct gp_rule_uris *u, struct gp_str text);

/* Whether the name ends in a known top-level domain and has another label. */
bool gp_rule_uris_has_domain(const struct gp_rule_uris *u, struct gp_str host);
/* Whether every label of the name is well-formed and there are two. */
bool gp_rule_uris_is_name(struct gp_str host);

/* The host or address that the URI (with its scheme) names, borrowed from it; empty if it names none
 * that can exist. */
struct gp_str gp_rule_uris_host(const struct gp_rule_uris *u, struct gp_str uri);
/* s up to the first of the characters in `ends`. */
struct gp_str gp_rule_uri_cut(struct gp_str s, const char *ends);

/* Escapes of printable characters decoded, unprintable ones escaped. */
struct gp_str gp_rule_uri_unescape(struct gp_arena *a, struct gp_str uri);

#endif
