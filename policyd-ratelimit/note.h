/*
 * Notes: what happened, kept in rings of the store for `gatepost ratelimit show`.
 *
 * A note is lines "name=value" (lib/proto/attrs.h): time, what, name ("KIND:KEY", contained.h),
 * host, and what else there is to say.  Adding one waits for nothing, any thread; the keeper
 * brings them to the store.
 */
#ifndef POLICYD_NOTE_H
#define POLICYD_NOTE_H

#include "lib/base/buf.h"
#include "lib/store/store.h"

enum note_ring {
	NOTE_HELD,   /* messages that were held: queue_id, sender */
	NOTE_CHANGE, /* contained, blocked, released, reset: by whom, why */
	NOTE_EVENT,  /* bounces and spam of accounts */
	NOTE_RINGS
};

#define NOTE_MAX 2048 /* bytes of one */

struct gp_str note_table(enum note_ring ring);

/* A note is begun, gets its values (empty ones are left out), and is added. */
void note_begin(struct gp_buf *b, int64_t time_s, const char *what, struct gp_str name);
void note_put(struct gp_buf *b, const char *key, struct gp_str value);
void note_add(enum note_ring ring, struct gp_buf *b);

/* The keeper: writes what was added.  GP_ETEMP: later. */
int note_flush(struct gp_store *store, int64_t deadline_ms) GP_MUST_USE;
void note_clear(void);
void note_register_metrics(void);

/* This host's name, as notes and entries bear it. */
const char *note_host(void);

#endif
