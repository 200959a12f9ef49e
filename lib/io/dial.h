/*
 * A connection that blocks, up to a deadline: for threads that may wait (a session's, a
 * helper's), never the loop's.
 *
 *	struct gp_dial d;
 *	r = gp_dial_open(&d, "unix:/run/clamav/clamd.ctl", deadline_ms, &diag);
 *	r = gp_dial_write(&d, data, len, &diag);
 *	r = gp_dial_read(&d, buf, sizeof(buf), &n, &diag);
 *	gp_dial_close(&d);
 *
 * In the clear; names are not looked up (lib/io/address.h).  What fails is GP_ETEMP with the
 * reason in the diag, which may be NULL: out of time, refused, closed.
 */
#ifndef GP_IO_DIAL_H
#define GP_IO_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct gp_dial {
	int fd;		     /* not blocking; -1: closed */
	int64_t deadline_ms; /* of everything, gp_clock_mono_ms(); may be moved */
};

/* GP_EINVAL: no address. */
int gp_dial_open(struct gp_dial *d, const char *address, int64_t deadline_ms, struct gp_diag *diag)
	GP_MUST_USE;
/* All of it. */
int gp_dial_write(struct gp_dial *d, const void *data, size_t len, struct gp_diag *diag) GP_MUST_USE;
/* At least one byte; *ret_n is 0 when the other side has ended. */
int gp_dial_read(struct gp_dial *d, void *buf, size_t size, size_t *ret_n, struct gp_diag *diag)
	GP_MUST_USE;
/* A closed one is fine. */
void gp_dial_close(struct gp_dial *d);

#endif
