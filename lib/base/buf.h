/*
 * Growing byte buffer, born with its ceiling.
 *
 * The error sticks: append as often as you like, ask gp_buf_error() once at
 * the end.  What would not fit whole is not appended at all.  The content is
 * followed by a NUL that is not counted, so `data` is a C string while it
 * holds none itself.  Memory is on the heap; gp_buf_done() or GP_BUF_AUTO
 * releases it.
 */
#ifndef GP_BASE_BUF_H
#define GP_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/str.h"

struct gp_buf {
	char *data; /* NULL until something was appended */
	size_t len;
	size_t cap;
	size_t max; /* bytes of content at the most */
	int err;    /* GP_OK or GP_ELIMIT, sticky */
};

#define GP_BUF_INIT(max_) ((struct gp_buf){.max = (max_)})
#define GP_BUF_AUTO GP_CLEANUP(gp_buf_done) struct gp_buf

void gp_buf_init(struct gp_buf *b, size_t max);
void gp_buf_done(struct gp_buf *b);
/* Empties it and clears the error; memory is kept. */
void gp_buf_reset(struct gp_buf *b);

void gp_buf_add(struct gp_buf *b, const void *data, size_t len);
void gp_buf_add_str(struct gp_buf *b, struct gp_str s);
void gp_buf_add_cstr(struct gp_buf *b, const char *s);
void gp_buf_add_chr(struct gp_buf *b, char c);
void gp_buf_printf(struct gp_buf *b, const char *fmt, ...) GP_PRINTF(2, 3);
/* Room for n more bytes at data + len, to be claimed by adding to len; NULL
 * (and the sticky error) when the ceiling forbids it. */
char *gp_buf_reserve(struct gp_buf *b, size_t n);
/* Drops the first n bytes. */
void gp_buf_consume(struct gp_buf *b, size_t n);

static inline int gp_buf_error(const struct gp_buf *b)
{
	return b->err;
}

static inline struct gp_str gp_buf_str(const struct gp_buf *b)
{
	return gp_str_n(b->data, b->len);
}

/* The content as a C string; "" when empty. */
static inline const char *gp_buf_cstr(const struct gp_buf *b)
{
	return b->data ? b->data : "";
}

#endif
