/*
 * A feed of phishing sites: its first byte is the format, the second the score.
 *
 * Links that are read have no line end, are no longer than one may be, and are as many as there is room
 * for; a second reading gives the same; each is found, and as PhishTank's or PhishStats' has no quotes.
 */
#include "lib/score/phish_feed.h"
#include "tests/fuzz/fuzz.h"

static void check_link(struct gp_str uri, enum gp_phish_format format)
{
	FUZZ_CHECK(uri.len > 0 && uri.len <= GP_PHISH_URI_MAX);
	FUZZ_CHECK(gp_str_find_chr(uri, '\n', 0) == uri.len);
	if (format == GP_PHISH_OPENPHISH)
		return;
	FUZZ_CHECK(gp_str_find_chr(uri, '"', 0) == uri.len);
	FUZZ_CHECK(gp_str_find_chr(uri, ',', 0) == uri.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gp_phish_reader one, two;
	struct gp_str text = gp_str_sub(gp_str_n(data, size), 2, SIZE_MAX), x, y;
	struct gp_arena *a = gp_arena_new(0);
	struct gp_phish_feed feed;
	enum gp_phish_format format;

	if (size < 2) {
		gp_arena_free(a);
		return 0;
	}
	format = data[0] % GP_PHISH_FORMATS;
	one = (struct gp_phish_reader){.rest = text, .format = format, .above = data[1] - '0'};
	two = (struct gp_phish_reader){.rest = text, .format = format, .above = data[1] - '0'};
	gp_phish_feed_init(&feed, text, a);
	while (gp_phish_next(&one, &x)) {
		check_link(x, format);
		FUZZ_CHECK(gp_phish_feed_add(&feed, x));
	}
	gp_phish_feed_finish(&feed);
	while (gp_phish_next(&two, &y))
		FUZZ_CHECK(gp_phish_feed_has(&feed, y));
	FUZZ_CHECK(one.lines == two.lines && !gp_phish_next(&one, &x));
	for (size_t i = 1; i < feed.len; i++)
		FUZZ_CHECK(feed.hashes[i - 1] <= feed.hashes[i]);
	gp_arena_free(a);
	return 0;
}
