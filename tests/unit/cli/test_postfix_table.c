/*
 * Right sides of lookup tables.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/postfix_table.h"
#include "lib/base/buf.h"
#include "lib/base/fd.h"

static struct gp_arena *arena;
static struct gp_postfix postfix;
static char folder[] = "/tmp/gp-test-table.XXXXXX", path[64];

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/access", folder);
	postfix = (struct gp_postfix){.arena = arena, .directory = folder};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	rmdir(folder);
	gp_arena_free(arena);
	return 0;
}

static void add(void *arg, struct gp_str value)
{
	gp_buf_printf(arg, "<%.*s>", GP_STR_FMT(value));
}

static const char *read_all(const char *table, const char *text)
{
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 16);
	struct gp_diag diag = {""};

	assert_int_equal(gp_file_replace(path, text, strlen(text), 0644, &diag), GP_OK);
	if (gp_postfix_table_each(&postfix, gp_str(table), add, &out, &diag))
		return gp_arena_printf(arena, "%s", diag.text);
	return gp_arena_cstr(arena, gp_buf_str(&out));
}

/* "TYPE:the file" */
static const char *read_file(const char *type, const char *text)
{
	return read_all(gp_arena_printf(arena, "%s:%s", type, path), text);
}

static void test_keyed(void **state)
{
	static const char text[] = "# comment\nexample.org  OK\n10.1\tcheck_policy_service\n  unix:a\n"
				   "\"a b\" REJECT no\nlonely\n";
	static const char *const types[] = {"hash", "lmdb", "btree", "cdb", "texthash", "proxy:hash"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(types); i++)
		assert_string_equal(read_file(types[i], text),
				    "<OK><check_policy_service unix:a><REJECT no>");
}

static void test_patterns(void **state)
{
	static const char text[] = "if /x/\n/^a\\/b c$/i  class\nendif\n!/y/ DUNNO\nif !/z/\n|q|x\tOK 1\nendif\n";

	(void)state;
	assert_string_equal(read_file("regexp", text), "<class><DUNNO><OK 1>");
	assert_string_equal(read_file("pcre", text), "<class><DUNNO><OK 1>");
	assert_string_equal(read_all("pcre:{ {/^x y/ a b}, {/z/ c} }", ""), "<a b><c>");
	assert_string_equal(read_file("pcre", "/never closed"), "");
	assert_string_equal(read_file("cidr", "if 10.0.0.0/8\n10.1.0.0/16 ours\nendif\n!::/0 x y\n"),
			    "<ours><x y>");
}

static void test_values(void **state)
{
	(void)state;
	assert_string_equal(read_all("inline:{ a=b, { c = d e }, f= }", ""), "<b><d e><>");
	assert_string_equal(read_all("static:x", ""), "<x>");
	assert_string_equal(read_all("static:{ x y }", ""), "<x y>");
	assert_string_equal(read_all("randmap:{a,b}", ""), "<a><b>");
	assert_string_equal(read_all("unionmap:{static:a, inline:{b=c}}", ""), "<a><c>");
}

static void test_copy(void **state)
{
	(void)state;
	assert_string_equal(read_all("hash:/etc/postfix/access", "a b\n"), "<b>");
}

static void test_not_read(void **state)
{
	(void)state;
	assert_string_equal(read_all("ldap:/x", ""), "tables of type ldap are not read");
	assert_string_equal(read_all("proxy:mysql:/x", ""), "tables of type mysql are not read");
	assert_string_equal(read_all("unionmap:{static:a, ldap:b}", ""), "tables of type ldap are not read");
	assert_string_equal(read_all("proxy:proxy:proxy:proxy:proxy:proxy:proxy:static:x", ""),
			    "tables of type proxy are not read");
	assert_non_null(strstr(read_all("hash:/nonexistent/x", ""), "/nonexistent/x"));
	assert_true(gp_postfix_is_table(GP_STR("hash:/x")));
	assert_true(gp_postfix_is_table(GP_STR("ldap:x")));
	assert_false(gp_postfix_is_table(GP_STR("hash")));
	assert_false(gp_postfix_is_table(GP_STR("zen.example.org=127.0.0.1:2")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keyed), cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_values), cmocka_unit_test(test_copy),
		cmocka_unit_test(test_not_read)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
