/*
 * What is stored of one limit: whose it is, what it is, since when, and its state.
 *
 *   "KIND MAX WINDOW BURST LENGTH KEY" (decimal; KIND 0 sliding, 1 GCRA; WINDOW in ms; LENGTH and
 *   KEY as cut); since (6, big endian): Unix time in ms at which the row was made; the state
 *   (limit.h)
 *
 * What stands before `since` is the head: it depends only on what is asked, so the asker makes it
 * and scripts/limit.lua copies it.  It is text so that redis-benchmark can be given it.  A mark
 * of a member holds the time at which it was made; one from before `since` is of a row that was
 * forgotten.
 */
#ifndef GP_STORE_LIMIT_ROW_H
#define GP_STORE_LIMIT_ROW_H

#include "lib/store/store.h"

/* Bytes of a head before the key: no more than this, with the largest numbers. */
#define GP_LIMIT_ROW_NUMBERS_MAX 48
#define GP_LIMIT_ROW_HEAD_MAX (GP_LIMIT_ROW_NUMBERS_MAX + GP_LIMIT_KEY_SHOWN_MAX)
#define GP_LIMIT_ROW_SINCE 6
#define GP_LIMIT_ROW_MAX (GP_LIMIT_ROW_HEAD_MAX + GP_LIMIT_ROW_SINCE + GP_LIMIT_STATE_MAX)

/* Writes the head, and gives the (cut) key, which ends it; no more than
 * GP_LIMIT_ROW_NUMBERS_MAX + the key's length (at most GP_LIMIT_KEY_SHOWN_MAX) is written. */
struct gp_str gp_limit_row_head(struct gp_str key, const struct gp_limit *limit, char *ret);
/* `since` and the state of a row; without one, now and empty. */
void gp_limit_row_state(struct gp_str row, int64_t now_ms, int64_t *ret_since_ms,
			struct gp_limit_state *ret);
/* Writes `since` and the state behind a head; the length of both. */
size_t gp_limit_row_put(int64_t since_ms, const struct gp_limit_state *state, unsigned char *ret);
/* The whole of a row, but for now_ms; false: it is none of ours. */
bool gp_limit_row_parse(struct gp_str row, struct gp_limit_item *ret);

#endif
