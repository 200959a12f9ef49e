/*
 * A bucket: the records of the tokens that share the top bits, packed.
 *
 * A record has 12 bytes, little endian: name (4: the token's low 32 bits),
 * spam (3), ham (3), day last touched by learning (2: days since 1970).
 * Records are in no order: a bucket has some 15 of them, and scanning them is
 * faster than anything cleverer.  Redis changes buckets with scripts/learn.lua,
 * which knows this format too.
 */
#ifndef GP_STORE_BUCKET_H
#define GP_STORE_BUCKET_H

#include "lib/base/buf.h"
#include "lib/store/delta.h"
#include "lib/store/store.h"

#define GP_BUCKET_RECORD 12
/* Of one bucket; 5,000 records: beyond it new tokens are not taken up. */
#define GP_BUCKET_MAX (5000 * GP_BUCKET_RECORD)

/* The count of a token; 0/0 if it is not there. */
struct gp_bayes_count gp_bucket_find(struct gp_str bucket, uint32_t name);

/* The i-th record. */
void gp_bucket_record(struct gp_str bucket, size_t i, uint32_t *ret_name,
		      struct gp_bayes_count *ret);

/* Copies the bucket to `out` with n changes applied (their tokens belong here):
 * counts saturate at both ends, records at 0/0 vanish.  Returns by how much the
 * number of records changed. */
int64_t gp_bucket_apply(struct gp_str bucket, const struct gp_delta *deltas, size_t n, uint16_t day,
			struct gp_buf *out);

/* Copies it without the records whose spam + ham is at most count_max and whose
 * day is before `before`; the number left out. */
size_t gp_bucket_expire(struct gp_str bucket, unsigned count_max, uint16_t before,
			struct gp_buf *out);

/* Today, for the records. */
uint16_t gp_bucket_today(void);

#endif
