/*
 * Redis' answers and URLs.  However the bytes are cut into reads, the answers are
 * the same; a URL that is taken has what a connection needs.
 */
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/store/redis_reply.h"
#include "lib/store/redis_url.h"
#include "tests/fuzz/fuzz.h"

/* One line of text per answer. */
static void describe(struct gp_buf *out, const struct gp_reply *r)
{
	gp_buf_printf(out, "%d:%lld:%zu:", (int)r->type, (long long)r->integer, r->n);
	gp_buf_add_str(out, r->str);
	for (size_t i = 0; i < r->n; i++)
		describe(out, &r->items[i]);
	gp_buf_add_chr(out, '\n');
}

/* Feeds at most `step` bytes at a time. */
static int read_all(const char *data, size_t size, size_t step, struct gp_buf *out)
{
	struct gp_reply_reader *reader = gp_reply_reader_new();
	const struct gp_reply *reply;
	int r = GP_OK;

	for (size_t at = 0; r == GP_OK && at < size; at += step) {
		r = gp_reply_reader_feed(reader, data + at, GP_MIN(step, size - at), NULL);
		while (r == GP_OK) {
			r = gp_reply_reader_next(reader, &reply, NULL);
			if (r < 0 || !reply)
				break;
			describe(out, reply);
		}
	}
	gp_reply_reader_free(&reader);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GP_BUF_AUTO whole = GP_BUF_INIT(16 << 20), cut = GP_BUF_INIT(16 << 20);
	GP_FREE char *url = gp_xmalloc(size + 1);
	struct gp_redis_url u;
	int a, b;

	memcpy(url, data, size);
	url[size] = '\0';
	if (gp_redis_url_parse(url, &u, NULL) == GP_OK)
		FUZZ_CHECK((u.path.len > 0) != (u.host.len > 0 && u.port.len > 0) && u.db >= 0);
	a = read_all((const char *)data, size, size + 1, &whole);
	b = read_all((const char *)data, size, 1 + size % 7, &cut);
	FUZZ_CHECK(a == b);
	FUZZ_CHECK(gp_str_eq(gp_buf_str(&whole), gp_buf_str(&cut)));
	return 0;
}
