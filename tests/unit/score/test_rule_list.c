/* Directives that fill lists: adding, taking out, emptying; old names; named lists. */
#include "tests/unit/score/rule_fixture.h"

#include "lib/score/rule_list.h"

/* The items of a list, separated by '|'. */
static const char *items(struct fixture *f, const char *name)
{
	const struct gp_rule_list *l = gp_rule_list_get(f->set, gp_str(name));
	const char *text = "";

	for (size_t i = 0; i < l->items.len; i++)
		text = gp_arena_printf(f->arena, "%s%s%.*s", text, i ? "|" : "",
				       GP_STR_FMT(l->items.items[i]));
	return text;
}

static void words_add_up(void **state)
{
	struct fixture f;

	fixture_load(&f, "freemail_domains a.example b.example\n"
			 "freemail_domains  A.example c.example\n"
			 "trusted_networks 192.0.2.0/24\n"
			 "clear_trusted_networks\n"
			 "trusted_networks 198.51.100.1\n");
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	assert_string_equal(items(&f, "freemail_domains"), "a.example|b.example|c.example");
	assert_string_equal(items(&f, "trusted_networks"), "198.51.100.1");
	assert_string_equal(items(&f, "msa_networks"), "");
	fixture_done(&f);
}

static void items_are_taken_out(void **state)
{
	struct fixture f;

	fixture_load(&f, "whitelist_from a@example.com *@example.org\n"
			 "unwelcomelist_from *@EXAMPLE.org\n"
			 "welcomelist_from_rcvd a@example.com one.example\n"
			 "welcomelist_from_rcvd b@example.com two.example\n"
			 "unwhitelist_from_rcvd a@example.com\n");
	assert_string_equal(items(&f, "welcomelist_from"), "a@example.com");
	assert_string_equal(items(&f, "welcomelist_from_rcvd"), "b@example.com two.example");
	fixture_done(&f);
}

static void lists_with_names(void **state)
{
	struct fixture f;

	fixture_load(&f, "enlist_addrlist (BANK) *@bank.example\n"
			 "enlist_addrlist (POST) post@example.com\n"
			 "enlist_addrlist *@nobody.example\n");
	assert_string_equal(items(&f, "enlist_addrlist BANK"), "*@bank.example");
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR),
			    "3 : enlist_addrlist wants (NAME) and then its members");
	assert_true(gp_rule_list_matches(gp_rule_list_get(f.set, GP_STR("enlist_addrlist BANK")),
					 GP_STR("Info@Bank.example")));
	assert_false(gp_rule_list_matches(gp_rule_list_get(f.set, GP_STR("enlist_addrlist POST")),
					  GP_STR("info@bank.example")));
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_add_up),
		cmocka_unit_test(items_are_taken_out),
		cmocka_unit_test(lists_with_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
