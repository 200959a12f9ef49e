/*
 * Tag lists.  What was read lies in the text where it says, names are names and stand there
 * once, the list written out again reads the same, and packed values have no white space.
 */
#include "lib/auth/tags.h"
#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "tests/fuzz/fuzz.h"

static void check_tag(struct gp_arena *arena, struct gp_str text, const struct gp_tags *tags,
		      size_t i)
{
	const struct gp_tag *t = &tags->items[i];
	char *name = gp_arena_cstr(arena, t->name);
	struct gp_str packed = gp_tags_packed(arena, tags, name);
	int64_t number = -1;

	FUZZ_CHECK(t->begin <= t->end && t->end <= text.len);
	FUZZ_CHECK(t->end == text.len || text.ptr[t->end] == ';');
	FUZZ_CHECK(text.ptr[t->begin - 1] == '=');
	FUZZ_CHECK(t->value.len <= t->end - t->begin);
	FUZZ_CHECK(gp_str_eq(gp_str_trim(t->value), t->value));
	FUZZ_CHECK(gp_tags_get(tags, name) == t);
	FUZZ_CHECK(packed.len <= t->value.len);
	for (size_t k = 0; k < packed.len; k++)
		FUZZ_CHECK(!gp_is_space(packed.ptr[k]));
	if (gp_tags_number(tags, name, &number) == GP_OK)
		FUZZ_CHECK(number >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str text = gp_str_n(data, size);
	struct gp_arena *arena = gp_arena_new(0);
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 26);
	struct gp_tags tags, again;
	struct gp_diag diag = {0};

	if (gp_tags_parse(arena, text, &tags, &diag)) {
		FUZZ_CHECK(diag.text[0]);
		gp_arena_free(arena);
		return 0;
	}
	FUZZ_CHECK(tags.len > 0 && tags.len <= GP_MAX_TAGS);
	for (size_t i = 0; i < tags.len; i++) {
		check_tag(arena, text, &tags, i);
		gp_buf_add_str(&out, tags.items[i].name);
		gp_buf_add_chr(&out, '=');
		gp_buf_add_str(&out, tags.items[i].value);
		gp_buf_add_chr(&out, ';');
	}
	FUZZ_CHECK(gp_tags_parse(arena, gp_buf_str(&out), &again, NULL) == GP_OK);
	FUZZ_CHECK(again.len == tags.len);
	for (size_t i = 0; i < tags.len; i++)
		FUZZ_CHECK(gp_str_eq(again.items[i].value, tags.items[i].value));
	gp_arena_free(arena);
	return 0;
}
