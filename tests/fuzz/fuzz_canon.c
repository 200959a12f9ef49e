/*
 * Canonicalisation in chunks.  The first byte says where the body is cut; the digests are
 * those of the body at once, for both canonicalisations, whole and by length; LF instead of
 * CRLF changes nothing; the relaxed form is never longer; a relaxed field, taken for a
 * field, is its own relaxed form.
 */
#include "lib/auth/canon.h"
#include "tests/fuzz/fuzz.h"

#define LENGTHS 4
#define WANTS (2 + 2 * LENGTHS)

/* Digests in the order they were asked for. */
static struct gp_body_hasher *hash(struct gp_arena *arena, struct gp_str body, size_t chunk)
{
	struct gp_body_hasher *h = gp_body_hasher_new(arena);
	unsigned n = 0;

	for (int c = 0; c < 2; c++) {
		FUZZ_CHECK(gp_body_hasher_want(h, (enum gp_canon)c, GP_BODY_WHOLE) == n);
		n++;
		for (size_t i = 0; i < LENGTHS; i++) {
			int64_t length = (int64_t)(body.len * i / 2 + i);

			FUZZ_CHECK(gp_body_hasher_want(h, (enum gp_canon)c, length) == n);
			n++;
		}
	}
	for (size_t pos = 0; pos < body.len; pos += chunk)
		gp_body_hasher_add(h, gp_str_sub(body, pos, chunk));
	gp_body_hasher_finish(h);
	return h;
}

static void compare(const struct gp_body_hasher *a, const struct gp_body_hasher *b)
{
	for (unsigned n = 0; n < WANTS; n++) {
		const struct gp_body_digest *x = gp_body_hasher_get(a, n),
					    *y = gp_body_hasher_get(b, n);

		FUZZ_CHECK(!x == !y);
		if (!x)
			continue;
		FUZZ_CHECK(x->size == y->size && x->hashed == y->hashed && x->hashed <= x->size);
		FUZZ_CHECK(memcmp(x->digest, y->digest, GP_SHA256_SIZE) == 0);
	}
}

/* Each line end that is CRLF as LF. */
static struct gp_str with_lf(struct gp_arena *arena, struct gp_str body)
{
	char *out = gp_arena_alloc(arena, body.len);
	size_t n = 0;

	for (size_t i = 0; i < body.len; i++)
		if (body.ptr[i] != '\r' || i + 1 == body.len || body.ptr[i + 1] != '\n')
			out[n++] = body.ptr[i];
	return gp_str_n(out, n);
}

static void check_lf(struct gp_arena *arena, struct gp_str body, const struct gp_body_hasher *whole)
{
	struct gp_str lf = with_lf(arena, body);
	struct gp_body_hasher *h;

	/* CR CR LF loses its line end's CR and then looks like CRLF. */
	if (gp_str_find(body, GP_STR("\r\r\n"), 0) < body.len)
		return;
	h = hash(arena, lf, lf.len + 1);
	for (unsigned n = 0; n < WANTS; n += 1 + LENGTHS)
		FUZZ_CHECK(memcmp(gp_body_hasher_get(h, n)->digest,
				  gp_body_hasher_get(whole, n)->digest, GP_SHA256_SIZE) == 0);
}

static void check_header(struct gp_str value)
{
	GP_BUF_AUTO once = GP_BUF_INIT(1 << 26), twice = GP_BUF_INIT(1 << 26);
	struct gp_str field;

	gp_canon_header(GP_CANON_RELAXED, GP_STR("SubJect "), value, &once);
	field = gp_buf_str(&once);
	FUZZ_CHECK(gp_str_starts(field, GP_STR("subject:")) && field.len <= value.len + 8);
	gp_canon_header(GP_CANON_RELAXED, GP_STR("subject"), gp_str_sub(field, 8, field.len),
			&twice);
	FUZZ_CHECK(gp_str_eq(gp_buf_str(&twice), field));
	gp_buf_reset(&twice);
	gp_canon_header(GP_CANON_SIMPLE, GP_STR("subject"), value, &twice);
	FUZZ_CHECK(twice.len >= value.len + 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *arena = gp_arena_new(0);
	size_t chunk = size ? data[0] % 64 + 1u : 1;
	struct gp_str body = size ? gp_str_n(data + 1, size - 1) : GP_STR("");
	struct gp_body_hasher *whole = hash(arena, body, body.len + 1);

	compare(whole, hash(arena, body, chunk));
	compare(whole, hash(arena, body, 1));
	check_lf(arena, body, whole);
	FUZZ_CHECK(gp_body_hasher_get(whole, 0)->size >=
		   gp_body_hasher_get(whole, 1 + LENGTHS)->size);
	check_header(body);
	gp_arena_free(arena);
	return 0;
}
