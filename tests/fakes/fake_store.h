/*
 * A store in memory that does as it is told: answers, fails, or takes its time.
 *
 *	struct gp_store *st = gp_fake_store_new();
 *	gp_fake_store_set_totals(st, 100, 200);
 *	gp_fake_store_set_count(st, token, 5, 0);
 *	gp_fake_store_fail(st, GP_ETEMP, 2);	(the next two calls)
 *	… the code under test …
 *	gp_store_close(&st);
 *
 * It goes through lib/store's front like the real ones, so breaker, argument
 * checks and deadlines are the real ones too.  One scope only: all scopes share
 * what is set and learned.
 */
#ifndef GP_FAKES_STORE_H
#define GP_FAKES_STORE_H

#include "lib/store/store.h"

struct gp_store *gp_fake_store_new(void);

/* The next `times` calls answer `result`. */
void gp_fake_store_fail(struct gp_store *st, int result, unsigned times);
/* Every call takes this long; beyond its deadline it answers GP_ETEMP, like the real ones. */
void gp_fake_store_delay(struct gp_store *st, int64_t ms);
/* Every call but look-ups waits until it is let go; beyond its deadline it answers GP_ETEMP. */
void gp_fake_store_hold(struct gp_store *st, bool is_held);
/* Until a call waits so. */
void gp_fake_store_wait_held(const struct gp_store *st);
void gp_fake_store_set_totals(struct gp_store *st, uint64_t spam, uint64_t ham);
void gp_fake_store_set_count(struct gp_store *st, uint64_t token, uint32_t spam, uint32_t ham);
/* Calls that got through to it so far. */
unsigned gp_fake_store_calls(const struct gp_store *st);

#endif
