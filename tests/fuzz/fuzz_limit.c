/*
 * Texts of limits: windows, values of overrides, texts of answers, keys of strangers' words.
 *
 * What was read of a window reads the same when written; a text with its braces doubled comes
 * out as it was; a key holds no control characters, and is found again in the store's.
 */
#include <stdio.h>

#include "policyd-ratelimit/limit_override.h"
#include "tests/fuzz/fuzz.h"

static void check_window(struct gp_str text, const struct limit_window_form *form)
{
	struct limit_window one, again;
	char written[128];
	int n;

	if (limit_window_parse(text, form, &one, NULL) < 0)
		return;
	FUZZ_CHECK(one.limit.max >= 1 && one.limit.max <= GP_LIMIT_MAX);
	FUZZ_CHECK(one.limit.window_ms >= 1000 && one.limit.window_ms <= GP_LIMIT_WINDOW_MS_MAX);
	FUZZ_CHECK(form->kind != GP_LIMIT_GCRA ||
		   (one.limit.burst >= 1 && one.limit.burst <= one.limit.max));
	n = snprintf(written, sizeof(written), "%lld per %s", (long long)one.limit.max, one.name);
	FUZZ_CHECK(limit_window_parse(gp_str_n(written, (size_t)n), form, &again, NULL) == GP_OK);
	FUZZ_CHECK(again.limit.max == one.limit.max && again.limit.window_ms == one.limit.window_ms);
}

static void check_override(struct gp_str text, const struct limit_window_form *form)
{
	struct limit_rule rule = {.name = GP_STR("out"), .form = *form};
	struct limit_windows windows;

	if (limit_override_parse(text, &rule, &windows, NULL) == GP_OK) {
		FUZZ_CHECK(windows.len <= LIMIT_WINDOWS_MAX);
		for (size_t i = 1; i < windows.len; i++)
			FUZZ_CHECK(windows.items[i].limit.window_ms != windows.items[i - 1].limit.window_ms);
	}
}

static void check_text(struct gp_str text, struct gp_arena *arena)
{
	struct limit_met met = {.limit = text, .key = text, .max = 3, .used = 4, .retry_ms = 5};
	GP_BUF_AUTO doubled = GP_BUF_INIT((size_t)1 << 24);
	GP_BUF_AUTO out = GP_BUF_INIT((size_t)1 << 24);
	struct limit_text parsed;

	if (limit_text_parse(text, arena, &parsed, NULL) == GP_OK)
		limit_text_format(&parsed, &met, &out);
	for (size_t i = 0; i < text.len; i++) {
		gp_buf_add_chr(&doubled, text.ptr[i]);
		if (text.ptr[i] == '{' || text.ptr[i] == '}')
			gp_buf_add_chr(&doubled, text.ptr[i]);
	}
	gp_buf_reset(&out);
	FUZZ_CHECK(limit_text_parse(gp_buf_str(&doubled), arena, &parsed, NULL) == GP_OK);
	limit_text_format(&parsed, &met, &out);
	FUZZ_CHECK(gp_str_eq(gp_buf_str(&out), text));
}

static void check_key(struct gp_str text, struct gp_arena *arena)
{
	struct limit_by by = {.len = 3, .parts = {LIMIT_SASL_USERNAME, LIMIT_SENDER_DOMAIN, LIMIT_HELO_NAME}};
	struct limit_subject s = {.arena = arena, .account = text, .sender = text, .helo = text};
	struct gp_str key, name, window, found;

	if (limit_key_count(&by, &s) == 0)
		return;
	key = limit_key_get(&by, &s, 0);
	for (size_t i = 0; i < key.len; i++)
		FUZZ_CHECK((unsigned char)key.ptr[i] >= ' ');
	FUZZ_CHECK(limit_state_key_parse(limit_state_key(arena, GP_STR("out"), GP_STR("1h"), key), &name,
					 &window, &found));
	FUZZ_CHECK(gp_str_eq(name, GP_STR("out")) && gp_str_eq(window, GP_STR("1h")) &&
		   gp_str_eq(found, key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct limit_window_form forms[] = {
		{.kind = GP_LIMIT_SLIDING},
		{.kind = GP_LIMIT_GCRA, .burst = 7, .is_size = true},
	};
	struct gp_str text = gp_str_n(data, size);
	struct gp_arena *arena = gp_arena_new(0);

	for (size_t i = 0; i < GP_ARRAY_SIZE(forms); i++) {
		check_window(text, &forms[i]);
		check_override(text, &forms[i]);
	}
	check_text(text, arena);
	check_key(text, arena);
	gp_arena_free(arena);
	return 0;
}
