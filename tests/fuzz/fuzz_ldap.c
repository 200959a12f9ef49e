/*
 * Directory queries.  The first line is a template, the rest a key from a stranger.  What is
 * filled into a filter holds nothing that means something there, and reads back as it was.
 */
#include "lib/ldap/ldap.h"
#include "lib/ldap/ldap_text.h"
#include "tests/fuzz/fuzz.h"

static unsigned digit(char c)
{
	return gp_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(gp_lower(c) - 'a') + 10;
}

static void check_escape(struct gp_str key, enum gp_ldap_escape escape, struct gp_str special)
{
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 24);
	size_t n = 0;

	gp_ldap_escape(key, escape, &out);
	for (size_t i = 0; i < out.len; i++, n++) {
		unsigned char c = (unsigned char)out.data[i];

		FUZZ_CHECK(n < key.len);
		if (c == '\\') {
			FUZZ_CHECK(i + 2 < out.len);
			c = (unsigned char)(digit(out.data[i + 1]) << 4 | digit(out.data[i + 2]));
			i += 2;
		} else {
			FUZZ_CHECK(gp_str_find_chr(special, (char)c, 0) == special.len);
		}
		FUZZ_CHECK(c == (unsigned char)key.ptr[n]);
	}
	FUZZ_CHECK(n == key.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str all = gp_str_n(data, size);
	size_t line = gp_str_find_chr(all, '\n', 0);
	struct gp_str text = gp_str_sub(all, 0, line), key = gp_str_sub(all, line + 1, size);
	struct gp_arena *arena = gp_arena_new(0);
	const char *results[] = {gp_arena_cstr(arena, text)};
	struct gp_ldap_words words = {.base = "dc=x", .filter = results[0], .result = results,
				      .n_result = 1, .domains = NULL};
	struct gp_ldap_query *query;
	struct gp_str base, filter;
	struct gp_diag diag = {""};

	check_escape(key, GP_LDAP_FILTER, GP_STR("*()\0"));
	check_escape(key, GP_LDAP_DN, GP_STR("\"+,;<>=\0\n"));
	words.n_result = 0;
	if (gp_ldap_query_new(&words, arena, &query, NULL, &diag) == GP_OK) {
		if (gp_ldap_explain(query, key, arena, &base, &filter) == GP_OK) {
			FUZZ_CHECK(key.len > 0 && key.len <= GP_LDAP_KEY_MAX);
			FUZZ_CHECK(gp_str_eq(base, GP_STR("dc=x")));
		}
	} else {
		FUZZ_CHECK(diag.text[0]);
	}
	words.filter = "(x=%s)";
	words.n_result = 1;
	diag.text[0] = '\0';
	FUZZ_CHECK(gp_ldap_query_new(&words, arena, &query, NULL, &diag) == GP_OK || diag.text[0]);
	gp_arena_free(arena);
	return 0;
}
