/*
 * Feeds of phishing sites: text files of links, a line each, that the operator fetches.
 *
 *	struct gp_phish_reader r = {.rest = text, .format = GP_PHISH_OPENPHISH};
 *	gp_phish_feed_init(&feed, text, arena);
 *	while (gp_phish_next(&r, &uri))
 *		gp_phish_feed_add(&feed, uri);
 *	gp_phish_feed_finish(&feed);
 *	… gp_phish_feed_has(&feed, uri)
 *
 * Of each link eight bytes are kept, its hash, whatever its length; the hash is seeded at random for
 * each process, so nobody can make a link that is taken for another one.  A feed is read-only once
 * finished, and may be shared by threads.  No I/O.
 */
#ifndef GP_SCORE_PHISH_FEED_H
#define GP_SCORE_PHISH_FEED_H

#include <stdint.h>

#include "lib/base/arena.h"

#define GP_PHISH_URI_MAX 8192 /* bytes; no longer one is looked for in a message */

enum gp_phish_format {
	GP_PHISH_OPENPHISH,  /* "URI" */
	GP_PHISH_PHISHTANK,  /* "ID,URI,…", a title line */
	GP_PHISH_PHISHSTATS, /* "DATE,SCORE,URI,…", a title line; fields may stand in quotes */
	GP_PHISH_FORMATS,
};

struct gp_phish_reader {
	struct gp_str rest;
	enum gp_phish_format format;
	double above;	     /* of GP_PHISH_PHISHSTATS: lines of no higher score are passed over */
	unsigned lines;	     /* read so far */
	char unquoted[GP_PHISH_URI_MAX];
};

/* The next link, as the plugin of SpamAssassin reads it: fields end at a comma, quotes or not; lines
 * that begin with # are comments.  Borrowed until the next call; false at the end. */
bool gp_phish_next(struct gp_phish_reader *r, struct gp_str *ret);

struct gp_phish_feed {
	uint64_t *hashes; /* in order, once finished */
	size_t len, cap;
};

/* Room for all links that the text may have, in the arena. */
void gp_phish_feed_init(struct gp_phish_feed *f, struct gp_str text, struct gp_arena *a);
/* False if there is no room (GP_MAX_PHISH_URIS, or the feed is of another text). */
bool gp_phish_feed_add(struct gp_phish_feed *f, struct gp_str uri);
void gp_phish_feed_finish(struct gp_phish_feed *f);
bool gp_phish_feed_has(const struct gp_phish_feed *f, struct gp_str uri);

#endif
