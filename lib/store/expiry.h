/*
 * One step of forgetting, as both implementations take it: some buckets of tokens, or some
 * slices of the digests of learned messages.
 */
#ifndef GP_STORE_EXPIRY_H
#define GP_STORE_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#define GP_EXPIRY_BUCKETS 256  /* of one step: some milliseconds, and some hundred pages of LMDB */
#define GP_EXPIRY_SLICES 64    /* of one step */
#define GP_EXPIRY_ALL_SLICES 4096 /* slices by the first 12 bits of a digest */

struct gp_expiry_step {
	bool is_digests;
	uint32_t from, n;
	unsigned count_max; /* tokens: counted in at most so many messages */
	uint16_t before;    /* a day since 1970: last touched, or learned, before it */
	uint16_t today;
};

#endif
