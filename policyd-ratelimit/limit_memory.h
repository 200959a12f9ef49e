/*
 * What was counted of messages under way.
 *
 * Requests of one message share `instance`; here is remembered what each of them added to
 * which limit, so that a later stage takes only what is new, and the store is not asked where
 * nothing is.  The store knows the same by names (limit_plan.c), across restarts: what is forgotten
 * here costs a question, no second count.  A message is forgotten an hour after its last request, or
 * earlier when there are too many.
 *
 * The loop's thread only.
 */
#ifndef POLICYD_LIMIT_MEMORY_H
#define POLICYD_LIMIT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"

#define LIMIT_MEMORY_MESSAGES 50000
/* Of all messages: some 50 bytes each.  A message with 1,000 recipients has 1,000 for each limit
 * that looks at who they are. */
#define LIMIT_MEMORY_ENTRIES 400000
#define LIMIT_MEMORY_MS 3600000

/* Names a message; 0: it has no instance, nothing can be remembered of it. */
uint64_t limit_memory_message(struct gp_str instance, struct gp_str client);
/* How much of `what` (a hash) was counted for it; mono_ms: now. */
int64_t limit_memory_counted(uint64_t message, uint64_t what, int64_t mono_ms);
void limit_memory_add(uint64_t message, uint64_t what, int64_t amount, int64_t mono_ms);

/* For tests and metrics. */
size_t limit_memory_messages(void);
size_t limit_memory_entries(void);
/* Forgets all of it. */
void limit_memory_done(void);

#endif
