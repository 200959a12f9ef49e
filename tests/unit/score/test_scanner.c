/*
 * The scanner with a real store: whose counts a message is judged by.
 */
#include "lib/score/scanner.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "tests/unit/test.h"

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES};
static const char letter[] = "From: a@example.org\r\nSubject: orchids\r\n\r\n"
			     "meadow harbour velvet lantern copper thistle saddle violin\r\n";

static struct gp_store *store;
static char dir[] = "/tmp/gp-test-scanner-XXXXXX";

static int64_t soon(void)
{
	return gp_clock_mono_ms() + 10000;
}

/* n messages like the letter, and others that have nothing of it, of both classes. */
static void teach(const char *scope, enum gp_bayes_class class, size_t n, size_t others)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_message *m = gp_message_parse(arena, &(struct gp_message_options){0},
						gp_str(letter));
	struct gp_bayes_message *messages = GP_ARENA_NEW_N(arena, n + others, struct gp_bayes_message);
	struct gp_token_list tokens;
	struct gp_diag diag;

	gp_token_collect(arena, m, gp_str(NULL), &tokens);
	for (size_t i = 0; i < n + others; i++) {
		gp_sha256(&i, sizeof(i), messages[i].digest);
		messages[i].class = class;
		if (i < n) {
			messages[i].tokens = tokens.hashes;
			messages[i].n_tokens = tokens.n;
		} else {
			messages[i].class = i % 2 ? GP_BAYES_HAM : GP_BAYES_SPAM;
		}
	}
	if (gp_store_bayes_learn(store, gp_str(scope), messages, n + others, soon(), &diag))
		fail_msg("%s", diag.text);
	gp_arena_free(arena);
}

static double probability(const char *conf, const char *account, const char *rcpt,
			  size_t n_recipients)
{
	struct gp_str recipients[] = {gp_str(rcpt), GP_STR("other@example.org")};
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_conf_report report = {0};
	struct gp_rule_report problems;
	struct gp_scan_result result;
	struct gp_scanner *scanner;
	struct gp_snapshot *snap;
	struct gp_diag diag;
	struct gp_scan_input in = {
		.store = store,
		.recipients = recipients,
		.n_recipients = n_recipients,
		.account = gp_str(account),
		.deadline_ms = soon(),
	};
	double ret;

	assert_int_equal(gp_snapshot_load_text("test", conf, tables, GP_ARRAY_SIZE(tables), &snap,
					       &report),
			 GP_OK);
	gp_rule_report_init(&problems);
	assert_int_equal(gp_scanner_new(snap, &problems, &scanner, &diag), GP_OK);
	in.message = gp_message_parse(arena, &(struct gp_message_options){0}, gp_str(letter));
	gp_scan_finish(gp_scan_begin(scanner, &in, arena), &result);
	assert_false(result.is_bayes_missing);
	ret = result.bayes.is_usable ? result.bayes.probability : -1;
	gp_arena_free(arena);
	gp_scanner_free(scanner);
	gp_rule_report_done(&problems);
	gp_snapshot_unref(snap);
	return ret;
}

#define CONF(scope) "rules = { paths = []; cache = \"\"; }; bayes = { scope = \"" scope "\"; };"

static void scopes_decide(void **state)
{
	const char *bob = "Bob+lists@example.org";

	(void)state;
	teach("", GP_BAYES_SPAM, 40, 400);
	teach("bob@example.org", GP_BAYES_HAM, 1000, 2000);
	teach("@example.org", GP_BAYES_HAM, 40, 120);
	assert_true(probability(CONF("global"), "", bob, 1) > 0.8);
	assert_true(probability(CONF("user"), "", bob, 1) < 0.2);
	assert_true(probability(CONF("user"), "", "carol@example.org", 1) < 0); /* taught nothing */
	assert_true(probability(CONF("user"), "", bob, 2) > 0.8); /* several: everybody's */
	assert_true(probability(CONF("user"), "bob@example.org", "x@example.net", 1) < 0.2);
	assert_true(probability(CONF("domain"), "", "carol@example.org", 1) < 0.2);
	assert_true(probability(CONF("domain"), "", bob, 2) < 0.2);
	assert_true(probability(CONF("domain"), "", "x@example.net", 1) < 0);
	assert_true(probability(CONF("global+user"), "", bob, 1) < 0.2);
	assert_true(probability(CONF("global+user"), "", "carol@example.org", 1) ==
		    probability(CONF("global"), "", bob, 1));
}

static int setup(void **state)
{
	struct gp_store_options o = {.writes = GP_STORE_BAYES};
	struct gp_diag diag;
	char url[100];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(url, sizeof(url), "lmdb:%s", dir);
	return gp_store_open(url, &o, &store, &diag);
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	gp_store_close(&store);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(scopes_decide)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
