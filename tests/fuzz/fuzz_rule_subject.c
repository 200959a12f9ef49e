/*
 * The text that rules see: body, rawbody, full, uri and mimeheader of any message.
 *
 * Whatever the message: segments lie in order in one bounded text and each is found by
 * where it ends; a paragraph has a line end at its end only and no two spaces in a row,
 * the Subject is the first, and all others are the flat text; chunks and links keep to
 * their sizes; made a second time, everything is the same.
 */
#include <string.h>

#include "lib/base/limits.h"
#include "lib/score/rule_subject.h"
#include "lib/score/rule_uri.h"
#include "tests/fuzz/fuzz.h"

static const char rules[] = "header H ALL =~ /x/\nbody B /x/\nrawbody R /x/\nfull F /x/\nuri U /x/\n"
			    "mimeheader M Content-Type =~ /x/\nmimeheader A ALL =~ /x/\n";

static void check_layout(const struct gp_rule_subject *s, enum gp_rule_type type)
{
	size_t end = 0;

	FUZZ_CHECK(s->text.len <= GP_RULE_SUBJECT_MAX);
	for (size_t i = 0; i < s->segments.len; i++) {
		const struct gp_rule_segment *g = &s->segments.items[i];

		FUZZ_CHECK(g->start == end && g->start + g->len <= s->text.len);
		end = g->start + g->len;
		FUZZ_CHECK(gp_rule_segment_at(s, g->start) == i && gp_rule_segment_at(s, end) == i);
		if (type == GP_RULE_FULL)
			continue;
		FUZZ_CHECK(s->text.ptr[end] == '\n'); /* between this and the next */
		end++;
	}
}

static void check_paragraph(struct gp_str s)
{
	FUZZ_CHECK(s.len > 0 && s.len <= GP_RULE_LINE_MAX + 1);
	FUZZ_CHECK(gp_str_find_chr(s, '\n', 0) >= s.len - 1);
	FUZZ_CHECK(gp_str_find(s, GP_STR("  "), 0) >= s.len);
	FUZZ_CHECK(gp_str_find_chr(s, '\t', 0) >= s.len && gp_str_find_chr(s, '\r', 0) >= s.len);
}

/* Behind the Subject the flat text, cut but whole. */
static void check_body(const struct gp_rule_subject *s, struct gp_message *m)
{
	struct gp_str flat = gp_message_flat_text(m);
	size_t at = 0;

	FUZZ_CHECK(s->segments.len >= 1);
	for (size_t i = 1; i < s->segments.len; i++) {
		struct gp_str text = gp_rule_segment_text(s, i);

		check_paragraph(text);
		FUZZ_CHECK(gp_str_eq(gp_str_sub(flat, at, text.len), text));
		at += text.len;
	}
	FUZZ_CHECK(at == flat.len);
	FUZZ_CHECK(flat.len <= 3 * GP_MAX_TEXT_SIZE);
}

static void check_sizes(const struct gp_rule_subject *s, size_t max, bool may_be_empty)
{
	for (size_t i = 0; i < s->segments.len; i++) {
		size_t len = s->segments.items[i].len;

		FUZZ_CHECK(len <= max && (len > 0 || may_be_empty));
	}
}

static void check(enum gp_rule_type type, const struct gp_rule_subject *s, const struct gp_rule_input *in)
{
	check_layout(s, type);
	if (type == GP_RULE_BODY)
		check_body(s, in->message);
	else if (type == GP_RULE_RAWBODY)
		check_sizes(s, 2 * GP_RULE_LINE_MAX, false);
	else if (type == GP_RULE_URI)
		check_sizes(s, GP_RULE_SUBJECT_MAX, false);
	else if (type == GP_RULE_MIMEHEADER)
		check_sizes(s, GP_MAX_PART_HEADERS * (GP_MAX_PART_HEADER_SIZE + 256), true);
	else if (type == GP_RULE_FULL)
		FUZZ_CHECK(s->segments.len == 1 && gp_str_eq(s->text, gp_message_full(in->message)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_rule_input in = {.bayes = -1}, twin = {.bayes = -1};
	struct gp_relay_path relays;
	static struct gp_rule_set *set; /* for all runs */

	if (!set)
		gp_rule_set_load_text("f.cf", gp_str(rules), NULL, NULL, &set);
	in.message = gp_message_parse(a, NULL, gp_str_n(data, size));
	twin.message = gp_message_parse(a, NULL, gp_str_n(data, size));
	gp_relay_path_make(a, in.message, &set->trust, &relays);
	for (enum gp_rule_type type = 0; type < GP_RULE_TARGETS; type++) {
		struct gp_rule_subject s, again;

		gp_rule_subject_build(type, set, &in, &relays, NULL, a, &s);
		gp_rule_subject_build(type, set, &twin, &relays, NULL, a, &again);
		FUZZ_CHECK(gp_str_eq(s.text, again.text) && s.segments.len == again.segments.len);
		check(type, &s, &in);
	}
	gp_arena_free(a);
	return 0;
}
