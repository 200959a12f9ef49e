/*
 * Redis' answers as trees in an arena, by hiredis' reply reader (0.14 and 1.x).
 *
 * The reader's own objects cost two allocations each; an answer of 1,500 buckets
 * has 1,500.  Here an answer is a few blocks, released at once.
 */
#ifndef GP_STORE_REDIS_REPLY_H
#define GP_STORE_REDIS_REPLY_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

enum gp_reply_type {
	GP_REPLY_STRING, /* also status */
	GP_REPLY_ARRAY,
	GP_REPLY_INTEGER,
	GP_REPLY_NIL,
	GP_REPLY_ERROR,
};

struct gp_reply {
	enum gp_reply_type type;
	struct gp_str str; /* string, error */
	int64_t integer;
	struct gp_reply *items; /* array: n of them */
	size_t n;
};

struct gp_reply_reader;

struct gp_reply_reader *gp_reply_reader_new(void) __attribute__((returns_nonnull));
void gp_reply_reader_free(struct gp_reply_reader **r);

/* Takes bytes in.  GP_ESYS: this is no Redis; the reader is of no use any more. */
int gp_reply_reader_feed(struct gp_reply_reader *r, const char *data, size_t len,
			 struct gp_diag *diag) GP_MUST_USE;
/* The next whole answer, valid until the next call; NULL when more bytes are needed.
 * GP_ESYS as above. */
int gp_reply_reader_next(struct gp_reply_reader *r, const struct gp_reply **ret,
			 struct gp_diag *diag) GP_MUST_USE;

#endif
