/*
 * HTML.  Whatever the bytes: text is UTF-8, folded, within its ceilings; text that
 * comes out and holds no markup comes out again unchanged; words without '<' and
 * '&' all come through in order.
 */
#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/mail/html.h"
#include "tests/fuzz/fuzz.h"

static void check_folded(struct gp_str s)
{
	FUZZ_CHECK(gp_utf8_is_valid(s));
	FUZZ_CHECK(!s.len || (!gp_is_space(s.ptr[0]) && !gp_is_space(s.ptr[s.len - 1])));
	for (size_t i = 0; i < s.len; i++) {
		FUZZ_CHECK(s.ptr[i] &&
			   (!gp_is_space(s.ptr[i]) || s.ptr[i] == ' ' || s.ptr[i] == '\n'));
		FUZZ_CHECK(!gp_is_space(s.ptr[i]) || !gp_is_space(s.ptr[i + 1]));
	}
}

/* The words of `in` without NULs are the text, when nothing in it is markup. */
static void check_words(struct gp_str in, struct gp_str text)
{
	struct gp_str a = in, b = text, x, y;

	while (gp_str_next_word(&a, &x)) {
		FUZZ_CHECK(gp_str_next_word(&b, &y));
		FUZZ_CHECK(gp_str_eq(x, y));
	}
	FUZZ_CHECK(!gp_str_next_word(&b, &y));
}

static bool has(struct gp_str s, const char *needle)
{
	return gp_str_find(s, gp_str(needle), 0) < s.len;
}

static void check_small(struct gp_arena *a, struct gp_str in, const struct gp_html *whole)
{
	const struct gp_html_options options = {.text_max = 20, .links_max = 1};
	struct gp_html h;

	gp_html_render(a, &options, in, &h);
	FUZZ_CHECK(h.text.len <= 20 && h.hidden.len <= 20 && h.links.len <= 1);
	FUZZ_CHECK(gp_str_starts(whole->text, h.text) && gp_str_starts(whole->hidden, h.hidden));
	FUZZ_CHECK(h.stats.visible_chars == whole->stats.visible_chars);
	FUZZ_CHECK(h.stats.tags == whole->stats.tags);
	FUZZ_CHECK(h.is_text_cut ==
		   (whole->text.len > h.text.len || whole->hidden.len > h.hidden.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str in = gp_str_n(data, size);
	struct gp_arena *a = gp_arena_new(0);
	struct gp_html h, again;

	gp_html_render(a, NULL, in, &h);
	check_folded(h.text);
	check_folded(h.hidden);
	check_folded(h.title);
	FUZZ_CHECK(h.text.len <= GP_MAX_TEXT_SIZE && h.links.len <= GP_MAX_URIS);
	for (size_t i = 0; i < h.links.len; i++) {
		FUZZ_CHECK(h.links.items[i].target.len);
		FUZZ_CHECK(h.links.items[i].target.len <= 2 * GP_MAX_URI_SIZE + 1);
	}
	if (h.text.len < GP_MAX_TEXT_SIZE) {
		check_small(a, in, &h);
		if (!has(h.text, "<") && !has(h.text, "&") && !has(h.text, "\n")) {
			gp_html_render(a, NULL, h.text, &again);
			FUZZ_CHECK(gp_str_eq(again.text, h.text) && !again.hidden.len);
		}
		if (gp_utf8_is_valid(in) && !has(in, "<") && !has(in, "&") &&
		    !has(in, "\xc2\xa0") && gp_str_find_chr(in, '\0', 0) == in.len)
			check_words(in, h.text);
	}
	gp_arena_free(a);
	return 0;
}
