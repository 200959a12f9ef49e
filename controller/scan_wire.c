/*
 * Orders and reports of scans: writing and reading.
 */
#include "controller/scan_wire.h"

#include <math.h>

#include "lib/base/limits.h"

/* Lengths and flags before the texts. */
struct order_head {
	uint32_t op, left_ms, has_from, n_recipients;
};

struct report_head {
	double score;
	uint32_t action;
};

static void put_text(struct gp_buf *out, struct gp_str s)
{
	uint32_t len = (uint32_t)s.len;

	gp_buf_add(out, &len, sizeof(len));
	gp_buf_add_str(out, s);
}

static bool take(struct gp_str *left, void *to, size_t len)
{
	if (left->len < len)
		return false;
	memcpy(to, left->ptr, len);
	*left = gp_str_n(left->ptr + len, left->len - len);
	return true;
}

static bool take_text(struct gp_str *left, struct gp_str *ret)
{
	uint32_t len;

	if (!take(left, &len, sizeof(len)) || len > left->len)
		return false;
	*ret = gp_str_n(left->ptr, len);
	*left = gp_str_n(left->ptr + len, left->len - len);
	return true;
}

void scan_order_encode(const struct scan_order *order, struct gp_buf *out)
{
	struct order_head head = {(uint32_t)order->op, order->left_ms, order->from.ptr != NULL,
				  (uint32_t)order->n_recipients};

	gp_buf_add(out, &head, sizeof(head));
	put_text(out, order->ip);
	put_text(out, order->helo);
	put_text(out, order->user);
	put_text(out, order->queue_id);
	put_text(out, order->from);
	put_text(out, order->user_words);
	put_text(out, order->directory_failure);
	for (size_t i = 0; i < order->n_recipients; i++) {
		put_text(out, order->recipients[i]);
		put_text(out, order->words ? order->words[i] : (struct gp_str){0});
	}
}

int scan_order_decode(struct gp_str bytes, struct gp_arena *arena, struct scan_order *ret)
{
	struct scan_order o = {0};
	struct order_head head;
	struct gp_str *recipients, *words;

	if (!take(&bytes, &head, sizeof(head)) || head.op >= SCAN_OPS || head.n_recipients > GP_MAX_RECIPIENTS ||
	    !take_text(&bytes, &o.ip) || !take_text(&bytes, &o.helo) ||
	    !take_text(&bytes, &o.user) || !take_text(&bytes, &o.queue_id) ||
	    !take_text(&bytes, &o.from) || !take_text(&bytes, &o.user_words) ||
	    !take_text(&bytes, &o.directory_failure))
		return GP_EINVAL;
	if (!head.has_from)
		o.from = gp_str_n(NULL, 0);
	recipients = GP_ARENA_NEW_N(arena, head.n_recipients + 1, struct gp_str);
	words = GP_ARENA_NEW_N(arena, head.n_recipients + 1, struct gp_str);
	for (size_t i = 0; i < head.n_recipients; i++)
		if (!take_text(&bytes, &recipients[i]) || !take_text(&bytes, &words[i]))
			return GP_EINVAL;
	if (bytes.len)
		return GP_EINVAL;
	o.op = (enum scan_op)head.op;
	o.left_ms = head.left_ms;
	o.recipients = recipients;
	o.words = words;
	o.n_recipients = head.n_recipients;
	*ret = o;
	return GP_OK;
}

void scan_report_encode(const struct scan_report *report, struct gp_buf *out)
{
	struct report_head head = {.score = report->score, .action = (uint32_t)report->action};

	gp_buf_add(out, &head, sizeof(head));
	gp_buf_add_str(out, report->json);
}

int scan_report_decode(struct gp_str bytes, struct scan_report *ret)
{
	struct report_head head;

	if (!take(&bytes, &head, sizeof(head)) || head.action > GP_ACTION_DISCARD ||
	    !isfinite(head.score) || !bytes.len)
		return GP_EINVAL;
	*ret = (struct scan_report){head.score, (enum gp_action)head.action, bytes};
	return GP_OK;
}
