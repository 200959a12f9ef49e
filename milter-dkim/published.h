/*
 * What the DNS says of a key of ours: its record as receivers find it.
 *
 *	ask = gp_signature_ask(&asker, key.domain, key.selector);
 *	… ask for others …
 *	gp_published_finish(ask, arena, key.key, &p);
 */
#ifndef GP_DKIM_PUBLISHED_H
#define GP_DKIM_PUBLISHED_H

#include "lib/auth/dkim.h"

enum gp_published_problem {
	/* Errors: signatures of this key do not pass. */
	GP_PUBLISHED_NO_ANSWER, /* now; perhaps later */
	GP_PUBLISHED_BOGUS,
	GP_PUBLISHED_NO_NAME,
	GP_PUBLISHED_NO_RECORD,
	GP_PUBLISHED_SEVERAL,
	GP_PUBLISHED_MALFORMED,
	GP_PUBLISHED_REVOKED,
	GP_PUBLISHED_OTHER_KEY,
	GP_PUBLISHED_NO_EMAIL,
	GP_PUBLISHED_NO_SHA256,
	/* Warnings. */
	GP_PUBLISHED_SHORT,
	GP_PUBLISHED_TESTING,
	GP_PUBLISHED_PROBLEMS,
};

/* "no-answer", "other-key" …: for programs. */
const char *gp_published_code(enum gp_published_problem p);
bool gp_published_is_error(enum gp_published_problem p);

struct gp_published {
	bool found[GP_PUBLISHED_PROBLEMS];
	const char *words[GP_PUBLISHED_PROBLEMS]; /* of those found: a sentence */
	struct gp_str record;			  /* the first one, or empty */
	uint32_t ttl_s;
};

/* Waits for the answer and compares it with our key; in the arena. */
void gp_published_finish(struct gp_ask *ask, struct gp_arena *arena, const struct gp_key *key,
			 struct gp_published *ret);
/* No error was found. */
bool gp_published_is_good(const struct gp_published *p);
/* The worst error in words, or NULL. */
const char *gp_published_error(const struct gp_published *p);

#endif
