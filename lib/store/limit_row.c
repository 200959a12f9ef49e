/*
 * Rows of limits; the layout is in the header.
 */
#include "lib/store/limit_row.h"

static int64_t get(const char *p, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | (unsigned char)p[i];
	return (int64_t)n;
}

static unsigned char *put(unsigned char *p, int64_t n, size_t size)
{
	for (size_t i = size; i > 0; i--, n >>= 8)
		p[i - 1] = (unsigned char)n;
	return p + size;
}

size_t gp_limit_row_head_size(struct gp_str key)
{
	return GP_LIMIT_ROW_FIXED + GP_MIN(key.len, (size_t)GP_LIMIT_KEY_SHOWN_MAX);
}

struct gp_str gp_limit_row_head(struct gp_str key, const struct gp_limit *limit, unsigned char *ret)
{
	unsigned char *at = put(ret, limit->kind == GP_LIMIT_GCRA, 1);

	key = gp_str_sub(key, 0, GP_LIMIT_KEY_SHOWN_MAX);
	at = put(at, limit->max, 6);
	at = put(at, limit->window_ms, 4);
	at = put(at, limit->burst, 6);
	at = put(at, (int64_t)key.len, 2);
	memcpy(at, key.ptr, key.len);
	return gp_str_n(at, key.len);
}

void gp_limit_row_state(struct gp_str row, size_t head_len, int64_t now_ms, int64_t *ret_since_ms,
			struct gp_limit_state *ret)
{
	size_t before = head_len + GP_LIMIT_ROW_SINCE;

	*ret_since_ms = now_ms;
	ret->len = 0;
	if (row.len < before || row.len - before > sizeof(ret->data))
		return;
	*ret_since_ms = get(row.ptr + head_len, GP_LIMIT_ROW_SINCE);
	ret->len = (uint32_t)(row.len - before);
	memcpy(ret->data, row.ptr + before, ret->len);
}

size_t gp_limit_row_put(int64_t since_ms, const struct gp_limit_state *state, unsigned char *ret)
{
	memcpy(put(ret, since_ms, GP_LIMIT_ROW_SINCE), state->data, state->len);
	return GP_LIMIT_ROW_SINCE + state->len;
}

bool gp_limit_row_parse(struct gp_str row, struct gp_limit_item *ret)
{
	const char *p = row.ptr;
	size_t key_len;
	int64_t since_ms;

	if (row.len < GP_LIMIT_ROW_FIXED || (unsigned char)p[0] > GP_LIMIT_GCRA)
		return false;
	key_len = (size_t)get(p + 17, 2);
	if (key_len > GP_LIMIT_KEY_SHOWN_MAX || row.len < GP_LIMIT_ROW_FIXED + key_len)
		return false;
	*ret = (struct gp_limit_item){
		.key = gp_str_n(p + GP_LIMIT_ROW_FIXED, key_len),
		.limit = {.kind = p[0] ? GP_LIMIT_GCRA : GP_LIMIT_SLIDING, .max = get(p + 1, 6),
			  .window_ms = get(p + 7, 4), .burst = get(p + 11, 6)},
	};
	gp_limit_row_state(row, GP_LIMIT_ROW_FIXED + key_len, 0, &since_ms, &ret->state);
	return ret->limit.max > 0 && ret->limit.window_ms > 0;
}
