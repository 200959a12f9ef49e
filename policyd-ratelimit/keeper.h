/*
 * The keeper: the one thread of the daemon that may wait.
 *
 * It carries what was contained, released and noted to the store, takes over from there what
 * other hosts contained, reads the spam scores of own mail, sends alerts, and does what the
 * control socket's commands need of the store.  Requests never wait for it.
 *
 * Its rounds are a second apart, or earlier when there is something to do at once.
 */
#ifndef POLICYD_KEEPER_H
#define POLICYD_KEEPER_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/io/loop.h"

int keeper_start(struct gp_diag *diag) GP_MUST_USE;
/* Writes what it can within a moment, and ends.  Tasks that were given to it are done. */
void keeper_stop(void);

/* There is something to do at once.  Any thread; before the start and after the stop too. */
void keeper_wake(void);

/* Work that may wait: `work` on the keeper's thread, then `done` on the loop's.  Embedded in the
 * caller's object, which lives until then. */
struct keeper_task {
	void (*work)(void *arg);
	struct gp_call done; /* fn and arg, which `work` gets too */
	struct keeper_task *next;
};
void keeper_do(struct keeper_task *task);

/* For work: brings what changed to the store now.  GP_ETEMP: it is away, it will be done later. */
int keeper_write(void) GP_MUST_USE;
/* For work: until when a call to the store may take. */
int64_t keeper_deadline(void);

/* Unix time, as the checks see it (ratelimit_now_ms).  Any thread. */
int64_t keeper_now_s(void);

void keeper_register_metrics(void);

#endif
