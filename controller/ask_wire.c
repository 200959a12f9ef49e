/*
 * Frames between a worker that scans and the controller: writing and reading.
 */
#include "controller/ask_wire.h"

/* Reads fields; once one was not there, all are empty. */
struct cursor {
	struct gp_str left;
	bool is_short;
};

static struct gp_str take(struct cursor *c, size_t n)
{
	struct gp_str piece = gp_str_n(c->left.ptr, n);

	if (c->is_short || n > c->left.len) {
		c->is_short = true;
		return gp_str_n(NULL, 0);
	}
	c->left = gp_str_n(c->left.ptr + n, c->left.len - n);
	return piece;
}

static void take_into(struct cursor *c, void *to, size_t n)
{
	struct gp_str piece = take(c, n);

	if (piece.ptr && n)
		memcpy(to, piece.ptr, n);
	else
		memset(to, 0, n);
}

static uint32_t take_u32(struct cursor *c)
{
	uint32_t v;

	take_into(c, &v, sizeof(v));
	return v;
}

static struct gp_str take_text(struct cursor *c)
{
	return take(c, take_u32(c));
}

/* Whole, and nothing behind it. */
static int end(const struct cursor *c)
{
	return c->is_short || c->left.len ? GP_EINVAL : GP_OK;
}

long ask_parse(struct gp_str data, struct ask_frame *ret)
{
	struct cursor c = {.left = data};
	uint32_t len = take_u32(&c);
	uint8_t type;

	if (data.len < ASK_HEAD_SIZE)
		return 0;
	if (len < ASK_HEAD_SIZE - 4 || len > ASK_FRAME_MAX)
		return -1;
	take_into(&c, &type, 1);
	if (!memchr("TtNn", type, 4))
		return -1;
	if (data.len - 4 < len)
		return 0;
	ret->type = (enum ask_type)type;
	ret->id = take_u32(&c);
	ret->payload = take(&c, len - (ASK_HEAD_SIZE - 4));
	return (long)len + 4;
}

static void put_u32(struct gp_buf *out, uint32_t v)
{
	gp_buf_add(out, &v, sizeof(v));
}

static void put_text(struct gp_buf *out, struct gp_str s)
{
	put_u32(out, (uint32_t)s.len);
	gp_buf_add_str(out, s);
}

/* The length is put in when the payload is there. */
static size_t begin(struct gp_buf *out, enum ask_type type, uint32_t id)
{
	size_t at = out->len;
	uint8_t byte = (uint8_t)type;

	put_u32(out, 0);
	gp_buf_add(out, &byte, 1);
	put_u32(out, id);
	return at;
}

static void finish(struct gp_buf *out, size_t at)
{
	uint32_t len = (uint32_t)(out->len - at - 4);

	if (!gp_buf_error(out))
		memcpy(out->data + at, &len, sizeof(len));
}

void ask_put_tokens(struct gp_buf *out, uint32_t id, struct gp_str scope, const uint64_t *tokens,
		    size_t n)
{
	size_t at = begin(out, ASK_TOKENS, id);

	put_text(out, scope);
	gp_buf_add(out, tokens, n * sizeof(*tokens));
	finish(out, at);
}

int ask_get_tokens(struct gp_str payload, struct ask_tokens *ret)
{
	struct cursor c = {.left = payload};
	struct gp_str scope = take_text(&c);

	if (c.is_short || c.left.len % sizeof(uint64_t) || scope.len > GP_STORE_SCOPE_MAX ||
	    c.left.len / sizeof(uint64_t) > ASK_TOKENS_MAX)
		return GP_EINVAL;
	*ret = (struct ask_tokens){scope, c.left.len / sizeof(uint64_t), c.left};
	return GP_OK;
}

void ask_put_counts(struct gp_buf *out, uint32_t id, int result,
		    const struct gp_bayes_totals *totals, const struct gp_bayes_count *counts,
		    size_t n)
{
	size_t at = begin(out, ASK_COUNTS, id);

	put_u32(out, (uint32_t)result);
	if (result == GP_OK) {
		gp_buf_add(out, totals, sizeof(*totals));
		gp_buf_add(out, counts, n * sizeof(*counts));
	}
	finish(out, at);
}

/* One of the words of failure, whatever the number. */
static int to_result(uint32_t v)
{
	int r = (int)v;

	return r <= GP_OK && r >= GP_ESYS ? r : GP_ETEMP;
}

int ask_get_counts(struct gp_str payload, size_t n, int *ret_result,
		   struct gp_bayes_totals *ret_totals, struct gp_bayes_count *ret_counts)
{
	struct cursor c = {.left = payload};
	int result = to_result(take_u32(&c));
	struct gp_bayes_totals totals;

	if (result == GP_OK) {
		take_into(&c, &totals, sizeof(totals));
		if (c.is_short || c.left.len != n * sizeof(*ret_counts))
			return GP_EINVAL;
		*ret_totals = totals;
		take_into(&c, ret_counts, n * sizeof(*ret_counts));
	}
	if (end(&c))
		return GP_EINVAL;
	*ret_result = result;
	return GP_OK;
}

void ask_put_name(struct gp_buf *out, uint32_t id, enum gp_dns_type type, struct gp_str name)
{
	size_t at = begin(out, ASK_NAME, id);

	put_u32(out, (uint32_t)type);
	put_text(out, name);
	finish(out, at);
}

int ask_get_name(struct gp_str payload, enum gp_dns_type *ret_type, struct gp_str *ret_name)
{
	static const enum gp_dns_type known[] = {GP_DNS_A,  GP_DNS_NS,	GP_DNS_CNAME, GP_DNS_PTR,
						 GP_DNS_MX, GP_DNS_TXT, GP_DNS_AAAA};
	struct cursor c = {.left = payload};
	uint32_t type = take_u32(&c);
	struct gp_str name = take_text(&c);

	if (end(&c))
		return GP_EINVAL;
	for (size_t i = 0; i < GP_ARRAY_SIZE(known); i++)
		if (type == (uint32_t)known[i]) {
			*ret_type = known[i];
			*ret_name = name;
			return GP_OK;
		}
	return GP_EINVAL;
}

/* Address, preference, length of the text. */
#define RECORD_SIZE_MIN (sizeof(struct gp_ip) + 2 * sizeof(uint32_t))

void ask_put_records(struct gp_buf *out, uint32_t id, int result,
		     const struct gp_dns_answer *answer)
{
	size_t at = begin(out, ASK_RECORDS, id);

	put_u32(out, (uint32_t)result);
	put_u32(out, (uint32_t)answer->rcode);
	put_u32(out, answer->ttl_s);
	put_u32(out, (uint32_t)answer->security);
	put_text(out, answer->name);
	for (size_t i = 0; i < answer->n_records; i++) {
		const struct gp_dns_record *r = &answer->records[i];

		gp_buf_add(out, &r->ip, sizeof(r->ip));
		put_u32(out, r->preference);
		put_text(out, r->text);
	}
	finish(out, at);
}

int ask_get_records(struct gp_str payload, struct gp_arena *arena, int *ret_result,
		    struct gp_dns_answer *ret)
{
	struct cursor c = {.left = payload};
	int result = to_result(take_u32(&c));
	struct gp_dns_answer a = {.rcode = (int)take_u32(&c), .ttl_s = take_u32(&c)};
	uint32_t security = take_u32(&c);
	size_t n_max;

	a.security = security <= GP_DNS_BOGUS ? (enum gp_dns_security)security : GP_DNS_BOGUS;
	a.name = gp_arena_str(arena, take_text(&c));
	n_max = GP_MIN(c.left.len / RECORD_SIZE_MIN, (size_t)GP_DNS_RECORDS_MAX);
	a.records = GP_ARENA_NEW_N(arena, n_max, struct gp_dns_record);
	while (!c.is_short && c.left.len && a.n_records < n_max) {
		struct gp_dns_record *r = &a.records[a.n_records++];

		take_into(&c, &r->ip, sizeof(r->ip));
		r->preference = (uint16_t)take_u32(&c);
		r->text = gp_arena_str(arena, take_text(&c));
	}
	if (end(&c))
		return GP_EINVAL;
	*ret_result = result;
	*ret = a;
	return GP_OK;
}
