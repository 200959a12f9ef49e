/*
 * What HTML rules count.  Whatever the bytes: parts are not more than their sums, a
 * link's text has a target beside it, texts are bounded, and the same document gives the
 * same counts.
 */
#include "lib/base/utf8.h"
#include "lib/score/rule_html.h"
#include "tests/fuzz/fuzz.h"

static const char head[] = "Content-Type: text/html; charset=utf-8\n\n";

static struct gp_rule_html *read_document(struct gp_arena *a, struct gp_str document)
{
	const char *mail = gp_arena_printf(a, "%s%.*s", head, GP_STR_FMT(document));

	return gp_rule_html_read(a, gp_message_parse(a, NULL, gp_str(mail)));
}

static size_t sum(const struct gp_rule_html_texts *texts)
{
	size_t n = 0;

	for (size_t i = 0; i < texts->items.len; i++)
		n += texts->items.items[i].len;
	return n;
}

static void check(const struct gp_rule_html *h, size_t size)
{
	FUZZ_CHECK(h->elements <= h->tags && h->tags_seen <= h->tags);
	FUZZ_CHECK(h->elements_seen <= h->tags_seen && h->closed_extra <= h->tags);
	FUZZ_CHECK(h->obfuscations <= h->tags + size && h->non_space <= h->rendered);
	FUZZ_CHECK(h->min_size <= h->max_size && h->image_area >= 0);
	FUZZ_CHECK(h->anchors.items.len == h->targets.items.len);
	/* An image in a link adds six bytes for at least five. */
	FUZZ_CHECK(sum(&h->anchors) <= 4 * size && sum(&h->titles) <= 4 * size);
	FUZZ_CHECK(sum(&h->comments) <= 4 * size);
	for (size_t i = 0; i < h->inside.len; i++) {
		const struct gp_rule_html_tag *tag = h->inside.entries[i].value;

		FUZZ_CHECK(tag->open >= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str in = gp_str_n(data, size);
	struct gp_arena *a = gp_arena_new(0);
	struct gp_rule_html *h = read_document(a, in), *again = read_document(a, in);

	FUZZ_CHECK(!h == !again);
	if (h) {
		check(h, size);
		FUZZ_CHECK(!h->next);
		FUZZ_CHECK(h->tags == again->tags && h->rendered == again->rendered);
		FUZZ_CHECK(h->inside.len == again->inside.len && h->length == again->length);
	}
	gp_arena_free(a);
	return 0;
}
