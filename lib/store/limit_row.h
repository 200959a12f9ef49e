/*
 * What is stored of one limit: whose it is, what it is, since when, and its state.
 *
 *   kind (1), max (6), window in ms (4), burst (6), length of the key (2), all big endian; the
 *   key, cut; since (6): Unix time in ms at which the row was made; the state (limit.h)
 *
 * What stands before `since` is the head: it depends only on what is asked, so the asker makes it
 * and scripts/limit.lua copies it.  Its length depends only on the key.  A mark of a member holds
 * the time at which it was made; one from before `since` is of a row that was forgotten.
 */
#ifndef GP_STORE_LIMIT_ROW_H
#define GP_STORE_LIMIT_ROW_H

#include "lib/store/store.h"

#define GP_LIMIT_ROW_FIXED 19 /* bytes of a head before the key */
#define GP_LIMIT_ROW_SINCE 6
#define GP_LIMIT_ROW_MAX                                                                           \
	(GP_LIMIT_ROW_FIXED + GP_LIMIT_KEY_SHOWN_MAX + GP_LIMIT_ROW_SINCE + GP_LIMIT_STATE_MAX)

/* Bytes of the head of a row with this key. */
size_t gp_limit_row_head_size(struct gp_str key);
/* Writes the head, and gives the (cut) key in it. */
struct gp_str gp_limit_row_head(struct gp_str key, const struct gp_limit *limit, unsigned char *ret);
/* `since` and the state of a row whose head has head_len bytes; without one, now and empty. */
void gp_limit_row_state(struct gp_str row, size_t head_len, int64_t now_ms, int64_t *ret_since_ms,
			struct gp_limit_state *ret);
/* Writes `since` and the state behind a head; the length of both. */
size_t gp_limit_row_put(int64_t since_ms, const struct gp_limit_state *state, unsigned char *ret);
/* The whole of a row, but for now_ms; false: it is none of ours. */
bool gp_limit_row_parse(struct gp_str row, struct gp_limit_item *ret);

#endif
