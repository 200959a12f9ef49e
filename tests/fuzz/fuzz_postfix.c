/*
 * Postfix's values.  The input is texts, separated by NUL: one to expand, and the values of $a to
 * $d.  Also read as the lines of tables that stand in the configuration itself.
 */
#include "cli/postfix_expand.h"
#include "cli/postfix_table.h"
#include "cli/postfix_text.h"
#include "tests/fuzz/fuzz.h"

#define TEXTS 5

static const char *look_up(const void *arg, struct gp_str name)
{
	const char *const *texts = arg;

	return name.len == 1 && name.ptr[0] >= 'a' && name.ptr[0] < 'a' + TEXTS - 1
		       ? texts[1 + name.ptr[0] - 'a'] : NULL;
}

static void check_expansion(const char *const *texts)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_POSTFIX_VALUE_MAX);
	struct gp_str text = gp_str(texts[0]);
	struct gp_diag diag = {""};
	int r = gp_postfix_expand(text, look_up, texts, &out, &diag);

	FUZZ_CHECK((r == GP_OK) == !*diag.text);
	if (gp_str_find_chr(text, '$', 0) == text.len)
		FUZZ_CHECK(r == GP_OK && gp_str_eq(gp_buf_str(&out), text));
}

/* Words are taken from the front to the back, and none is empty. */
static void check_words(struct gp_str rest)
{
	struct gp_str word, before = rest;

	while (gp_postfix_next_word(&rest, true, &word)) {
		FUZZ_CHECK(word.len > 0 && word.ptr >= before.ptr && rest.len < before.len);
		FUZZ_CHECK(gp_postfix_unbrace(word).len <= word.len);
		before = rest;
	}
	FUZZ_CHECK(rest.len == 0);
}

static void touch(void *arg, struct gp_str value)
{
	for (size_t i = 0; i < value.len; i++)
		*(unsigned *)arg += (unsigned char)value.ptr[i];
}

static void check_tables(struct gp_arena *a, const char *text)
{
	static const char *const types[] = {"inline", "pcre", "cidr", "texthash", "randmap"};
	const struct gp_postfix postfix = {.arena = a, .directory = "/nonexistent"};
	struct gp_diag diag = {""};
	unsigned sum = 0;

	for (size_t i = 0; i < GP_ARRAY_SIZE(types); i++) {
		const char *table = gp_arena_printf(a, "%s:{%s}", types[i], text);

		FUZZ_CHECK(gp_postfix_is_table(gp_str(table)));
		FUZZ_CHECK(gp_postfix_table_each(&postfix, gp_str(table), touch, &sum, &diag) == GP_OK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str rest = gp_str_n(data, size), piece;
	const char *texts[TEXTS] = {"", "", "", "", NULL};
	struct gp_arena *a;

	if (size > 4000)
		return 0;
	a = gp_arena_new(0);
	for (size_t i = 0; i < TEXTS && gp_str_next(&rest, '\0', &piece); i++)
		texts[i] = gp_arena_cstr(a, piece);
	check_expansion(texts);
	check_words(gp_str(texts[0]));
	check_tables(a, texts[0]);
	gp_arena_free(a);
	return 0;
}
