/*
 * How many messages each user has taught in this hour.
 *
 * A table of fixed size: a user that finds no room pushes out the one who taught least.
 * It is not kept over a restart.  One thread.
 */
#ifndef GP_CONTROLLER_RATE_H
#define GP_CONTROLLER_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

struct rate;

struct rate *rate_new(void) __attribute__((returns_nonnull));
void rate_free(struct rate **r);
/* Counts one more message; false when the user has had `max` (0: any number). */
bool rate_take(struct rate *r, struct gp_str user, uint64_t max, int64_t now_s);
/* One that was counted needed not be. */
void rate_give_back(struct rate *r, struct gp_str user, int64_t now_s);

#endif
