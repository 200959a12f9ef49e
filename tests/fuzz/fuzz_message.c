/*
 * The whole message model.  The same message, taken in at once with LF line
 * ends or in chunks of any size, gives the same model; text is UTF-8; caps hold;
 * parents come before their children.
 */
#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/mail/header.h"
#include "lib/mail/message.h"
#include "tests/fuzz/fuzz.h"

/* The same headers and body, the body in pieces of 1 … 7 bytes. */
static struct gp_message *in_pieces(struct gp_arena *a, struct gp_str in)
{
	struct gp_message *m = gp_message_new(a, NULL);
	struct gp_str name, raw;
	size_t pos = 0, n = 1;

	if (gp_str_starts(in, GP_STR("\xef\xbb\xbf")))
		in = gp_str_sub(in, 3, in.len);
	if (gp_str_starts(in, GP_STR("From ")) || gp_str_starts(in, GP_STR(">From ")))
		pos = gp_str_find_chr(in, '\n', 0) + 1;
	while (gp_header_next(in, &pos, &name, &raw))
		gp_message_add_header(m, name, raw);
	for (; pos < in.len; pos += n, n = n % 7 + 1)
		gp_message_add_body(m, gp_str_sub(in, pos, n));
	gp_message_finish(m);
	return m;
}

static void check_part(const struct gp_message *m, size_t i)
{
	const struct gp_part *p = &m->parts.items[i];

	FUZZ_CHECK(i == 0 || p->parent < i);
	FUZZ_CHECK(p->depth <= GP_MAX_MIME_DEPTH);
	FUZZ_CHECK(i == 0 || p->depth == m->parts.items[p->parent].depth + 1);
	FUZZ_CHECK(p->type.len);
	FUZZ_CHECK(gp_utf8_is_valid(p->decoded));
	FUZZ_CHECK(gp_utf8_is_valid(p->filename));
	FUZZ_CHECK(p->decoded.len <= GP_MAX_PART_TEXT_SIZE && p->head.len <= 256);
	for (size_t h = 0; h < p->n_headers; h++)
		FUZZ_CHECK(gp_utf8_is_valid(p->headers[h].value));
}

static void check_same(const struct gp_message *a, const struct gp_message *b)
{
	unsigned char da[32], db[32];

	FUZZ_CHECK(gp_str_eq(a->body, b->body));
	FUZZ_CHECK(gp_str_eq(a->text, b->text));
	FUZZ_CHECK(gp_str_eq(a->hidden_text, b->hidden_text));
	FUZZ_CHECK(a->cut == b->cut && a->uris.len == b->uris.len);
	FUZZ_CHECK(a->has_bare_cr == b->has_bare_cr && a->has_bare_lf == b->has_bare_lf);
	FUZZ_CHECK(a->size == b->size && a->body_size == b->body_size);
	FUZZ_CHECK(a->parts.len == b->parts.len);
	for (size_t i = 0; i < a->parts.len; i++) {
		FUZZ_CHECK(gp_str_eq(a->parts.items[i].type, b->parts.items[i].type));
		FUZZ_CHECK(gp_str_eq(a->parts.items[i].decoded, b->parts.items[i].decoded));
		FUZZ_CHECK(a->parts.items[i].flags == b->parts.items[i].flags);
	}
	gp_message_digest(a, da);
	gp_message_digest(b, db);
	FUZZ_CHECK(memcmp(da, db, sizeof(da)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0), *b = gp_arena_new(0);
	struct gp_str in = gp_str_n(data, size);
	struct gp_message *m = gp_message_parse(a, NULL, in);

	FUZZ_CHECK(m->parts.len >= 1 && m->parts.len <= GP_MAX_MIME_PARTS);
	FUZZ_CHECK(gp_utf8_is_valid(m->text) && gp_utf8_is_valid(m->hidden_text));
	FUZZ_CHECK(m->text.len <= GP_MAX_TEXT_SIZE && m->uris.len <= GP_MAX_URIS);
	for (size_t i = 0; i < m->parts.len; i++)
		check_part(m, i);
	check_same(m, in_pieces(b, in));
	FUZZ_CHECK(gp_message_full(m).len <= size + 2 * m->headers.len + 2);
	gp_arena_free(a);
	gp_arena_free(b);
	return 0;
}
