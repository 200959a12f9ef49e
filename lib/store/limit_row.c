/*
 * Rows of limits; the layout is in the header.
 */
#include "lib/store/limit_row.h"

#include <stdio.h>

#include "lib/base/num.h"

static int64_t get(const char *p, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | (unsigned char)p[i];
	return (int64_t)n;
}

struct gp_str gp_limit_row_head(struct gp_str key, const struct gp_limit *limit, char *ret)
{
	char numbers[GP_LIMIT_ROW_NUMBERS_MAX + 1];
	int n;

	key = gp_str_sub(key, 0, GP_LIMIT_KEY_SHOWN_MAX);
	n = snprintf(numbers, sizeof(numbers), "%d %lld %lld %lld %zu ", limit->kind == GP_LIMIT_GCRA,
		     (long long)limit->max, (long long)limit->window_ms, (long long)limit->burst,
		     key.len);
	memcpy(ret, numbers, (size_t)n);
	memcpy(ret + n, key.ptr, key.len);
	return gp_str_n(ret + n, key.len);
}

/* Reads the head; its length, 0 if it is none. */
static size_t read_head(struct gp_str row, struct gp_limit *ret, struct gp_str *ret_key)
{
	struct gp_str rest = gp_str_sub(row, 0, GP_LIMIT_ROW_NUMBERS_MAX), word;
	int64_t numbers[5];
	size_t at = 0;

	for (size_t i = 0; i < GP_ARRAY_SIZE(numbers); i++) {
		if (!gp_str_next(&rest, ' ', &word) || gp_num_parse_int(word, &numbers[i]) < 0 ||
		    numbers[i] < 0)
			return 0;
		at += word.len + 1;
	}
	if (numbers[0] > GP_LIMIT_GCRA || numbers[4] > GP_LIMIT_KEY_SHOWN_MAX ||
	    at + (size_t)numbers[4] > row.len)
		return 0;
	*ret = (struct gp_limit){.kind = numbers[0] ? GP_LIMIT_GCRA : GP_LIMIT_SLIDING, .max = numbers[1],
				 .window_ms = numbers[2], .burst = numbers[3]};
	*ret_key = gp_str_sub(row, at, (size_t)numbers[4]);
	return at + (size_t)numbers[4];
}

static void read_tail(struct gp_str tail, int64_t now_ms, int64_t *ret_since_ms,
		      struct gp_limit_state *ret)
{
	*ret_since_ms = now_ms;
	ret->len = 0;
	if (tail.len < GP_LIMIT_ROW_SINCE || tail.len - GP_LIMIT_ROW_SINCE > sizeof(ret->data))
		return;
	*ret_since_ms = get(tail.ptr, GP_LIMIT_ROW_SINCE);
	ret->len = (uint32_t)(tail.len - GP_LIMIT_ROW_SINCE);
	memcpy(ret->data, tail.ptr + GP_LIMIT_ROW_SINCE, ret->len);
}

void gp_limit_row_state(struct gp_str row, int64_t now_ms, int64_t *ret_since_ms,
			struct gp_limit_state *ret)
{
	struct gp_limit limit;
	struct gp_str key;
	size_t head = read_head(row, &limit, &key);

	read_tail(head > 0 ? gp_str_sub(row, head, row.len) : GP_STR(""), now_ms, ret_since_ms, ret);
}

size_t gp_limit_row_put(int64_t since_ms, const struct gp_limit_state *state, unsigned char *ret)
{
	for (size_t i = GP_LIMIT_ROW_SINCE; i > 0; i--, since_ms >>= 8)
		ret[i - 1] = (unsigned char)since_ms;
	memcpy(ret + GP_LIMIT_ROW_SINCE, state->data, state->len);
	return GP_LIMIT_ROW_SINCE + state->len;
}

bool gp_limit_row_parse(struct gp_str row, struct gp_limit_item *ret)
{
	int64_t since_ms;
	size_t head;

	*ret = (struct gp_limit_item){0};
	head = read_head(row, &ret->limit, &ret->key);
	if (head == 0)
		return false;
	read_tail(gp_str_sub(row, head, row.len), 0, &since_ms, &ret->state);
	return ret->limit.max > 0 && ret->limit.window_ms > 0;
}
