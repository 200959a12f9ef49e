/*
 * Rows of DMARC reports on their way to the store: messages that are alike are
 * counted in one row, in memory, until somebody takes the rows away.
 *
 *	rows = gp_dmarc_rows_new(8 << 20);
 *	gp_dmarc_rows_add(rows, &row);			any thread, at end of message
 *	r = gp_dmarc_rows_flush(rows, push, arg);	one thread, now and then
 *
 * Adding never waits for a flush that pushes.  A row that could not be pushed is kept
 * as it is, id and all, so that pushing it again (after a failure that was none) can be
 * told from another row.  Bounded: what does not fit is counted and dropped.
 */
#ifndef GP_AUTH_DMARC_ROWS_H
#define GP_AUTH_DMARC_ROWS_H

#include "lib/auth/dmarc_report.h"

struct gp_dmarc_rows;

/* size_max: bytes of all rows together. */
struct gp_dmarc_rows *gp_dmarc_rows_new(size_t size_max);
/* Drops what is still there.  NULL is fine. */
void gp_dmarc_rows_free(struct gp_dmarc_rows **rows);

/* Counts the message; false: it was dropped, there is no room. */
bool gp_dmarc_rows_add(struct gp_dmarc_rows *rows, const struct gp_dmarc_row *row);

/* Takes one line, of that day (UTC); GP_OK, or an error that ends the flush. */
typedef int gp_dmarc_push_fn(void *arg, int64_t day, struct gp_str line);
/* Gives the rows to fn, each until that says GP_OK; its error otherwise. */
int gp_dmarc_rows_flush(struct gp_dmarc_rows *rows, gp_dmarc_push_fn *fn, void *arg) GP_MUST_USE;

struct gp_dmarc_rows_count {
	size_t rows;	  /* that wait */
	uint64_t pushed;  /* rows, since the beginning */
	uint64_t dropped; /* messages, since the beginning */
};
void gp_dmarc_rows_count(struct gp_dmarc_rows *rows, struct gp_dmarc_rows_count *ret);

#endif
