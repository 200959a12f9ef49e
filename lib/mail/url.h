/*
 * URIs: found in text, normalised, collected without repetition.
 *
 *	struct gp_url_set set;
 *	gp_url_set_init(&set, arena, GP_MAX_URIS);
 *	gp_url_scan(&set, text, part, GP_URI_TEXT);
 *	gp_url_set_add(&set, link.target, link.text, part, GP_URI_HREF);
 *	set.uris.items[0 … set.uris.len - 1]
 *
 * A URI that carries another one (…?url=https%3A%2F%2Fspam.example) brings that
 * one along as an entry of its own.  Hosts are given as a mail client would
 * contact them: lower case, IDN as A-labels, decimal, octal and hexadecimal
 * IPv4 addresses as dotted quads.
 *
 * url.c normalises and collects, url_scan.c finds, url_host.c knows hosts.
 *
 * Not a validating parser (RFC 3986 is the ideal, clients are the measure):
 * backslashes count as slashes, white space inside is dropped, "hxxp" is http.
 */
#ifndef GP_MAIL_URL_H
#define GP_MAIL_URL_H

#include <stdbool.h>

#include "lib/base/map.h"
#include "lib/mail/message.h"

struct gp_url_set {
	struct gp_arena *arena, *scratch;
	struct gp_map by_uri;	    /* uri → index + 1 */
	struct gp_map by_raw;	    /* as written → index + 1, to normalise once */
	GP_VEC(struct gp_uri) uris; /* distinct by (uri), in order of appearance */
	size_t max;
	bool is_cut; /* a URI was dropped because of max */
};

/* max 0: GP_MAX_URIS.  The set and everything in it lives in the arena. */
void gp_url_set_init(struct gp_url_set *set, struct gp_arena *arena, size_t max);

/* Normalises and adds one URI as written (entities decoded); if it is there
 * already, joins the sources and keeps the first non-empty link text.  `raw`
 * and `text` are copied.  Adds nothing for what names no place: empty,
 * relative, "#…", cid:, mid:. */
void gp_url_set_add(struct gp_url_set *set, struct gp_str raw, struct gp_str text, unsigned part,
		    unsigned source);

/* Finds URIs in plain text: with a scheme (http, https, ftp, mailto, hxxp …),
 * "www.…", bare host names with a well-known top-level domain, e-mail
 * addresses (added as mailto: with GP_URI_MAILTO).  Linear in the text. */
void gp_url_scan(struct gp_url_set *set, struct gp_str text, unsigned part, unsigned source);

/* Normalises one URI into *ret (raw, uri, host; the rest zero).  GP_EINVAL for
 * what gp_url_set_add would not add. */
int gp_url_normalise(struct gp_arena *arena, struct gp_str raw, struct gp_uri *ret) GP_MUST_USE;

/* The host of a name or address as written: percent-decoding, IDN, odd IPv4
 * forms, full-width dots, trailing dot removed.  Empty if it is none. */
struct gp_str gp_url_host(struct gp_arena *arena, struct gp_str written);

/* How far a bare host name's last label speaks for a host. */
enum gp_url_tld {
	GP_URL_TLD_NONE,      /* not one of the busy top-level domains */
	GP_URL_TLD_AMBIGUOUS, /* also an English word or a file name's ending: .it, .pl */
	GP_URL_TLD_KNOWN,
};

/* From a short list, not the whole registry; any case. */
enum gp_url_tld gp_url_tld(struct gp_str host);

#endif
