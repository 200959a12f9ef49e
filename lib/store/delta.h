/*
 * What learning some messages changes: one sum per token, whatever the order
 * and number of the messages.
 *
 * Pure: gets what was known of each message and says what is to be done, so
 * both implementations count alike.
 */
#ifndef GP_STORE_DELTA_H
#define GP_STORE_DELTA_H

#include "lib/store/store.h"

struct gp_delta {
	uint64_t token;
	int32_t spam, ham;
};

struct gp_delta_set {
	struct gp_delta *items; /* by token ascending, so by bucket too; no 0/0 */
	size_t n;
	int64_t spam, ham; /* change of the numbers of messages learned */
};

/* known[i]: as what messages[i] is stored now.  A digest may occur twice: the
 * second finds what the first made of it.  Fills messages[i].learned. */
void gp_delta_build(struct gp_bayes_message *messages, size_t n, const unsigned char *known,
		    struct gp_delta_set *ret);
void gp_delta_done(struct gp_delta_set *set);

#endif
