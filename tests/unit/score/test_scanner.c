/*
 * The scanner with a real store: whose counts a message is judged by.
 */
#include "lib/score/scanner.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/fakes/fake_dns.h"
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

/* n messages like the letter, and others that have nothing of it, of both classes.  asn: from
 * where they came. */
static void teach_from(const char *asn, const char *scope, enum gp_bayes_class class, size_t n,
		       size_t others)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_message *m = gp_message_parse(arena, &(struct gp_message_options){0},
						gp_str(letter));
	struct gp_bayes_message *messages = GP_ARENA_NEW_N(arena, n + others, struct gp_bayes_message);
	struct gp_token_list tokens;
	struct gp_diag diag;

	gp_token_collect(arena, m, gp_str(NULL), gp_str(asn), &tokens);
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

static void teach(const char *scope, enum gp_bayes_class class, size_t n, size_t others)
{
	teach_from("", scope, class, n, others);
}

/* dns: what it says of the client 192.0.2.1; NULL: it is not asked. */
static double probability_by(const char *dns, const char *conf, const char *account,
			     const char *rcpt, size_t n_recipients)
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
		.client_ip = GP_STR("192.0.2.1"),
		.resolver = dns ? gp_fake_dns_open(dns, NULL) : NULL,
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
	gp_resolver_close(&in.resolver);
	gp_scanner_free(scanner);
	gp_rule_report_done(&problems);
	gp_snapshot_unref(snap);
	return ret;
}

static double probability(const char *conf, const char *account, const char *rcpt,
			  size_t n_recipients)
{
	return probability_by(NULL, conf, account, rcpt, n_recipients);
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

/* The same letter is spam out of one network and none out of the other. */
static void systems_are_evidence(void **state)
{
	static const char rules[] = "loadplugin Mail::SpamAssassin::Plugin::ASN\nasn_lookup l.test\n";
	GP_BUF_AUTO path = GP_BUF_INIT(200);
	GP_BUF_AUTO conf = GP_BUF_INIT(1000);
	const char *bob = "bob@systems.example";
	double spam, ham, other;
	FILE *file;

	(void)state;
	gp_buf_printf(&path, "%s/asn.cf", dir);
	file = fopen(gp_buf_cstr(&path), "w");
	assert_non_null(file);
	assert_true(fputs(rules, file) >= 0);
	assert_int_equal(fclose(file), 0);
	gp_buf_printf(&conf, "rules = { paths = [\"%s\"]; cache = \"\"; }; bayes = { scope = \"domain\"; };",
		      gp_buf_cstr(&path));
	teach_from("7", "@systems.example", GP_BAYES_SPAM, 200, 0);
	teach_from("8", "@systems.example", GP_BAYES_HAM, 200, 400);
	spam = probability_by("1.2.0.192.l.test TXT 7", gp_buf_cstr(&conf), "", bob, 1);
	ham = probability_by("1.2.0.192.l.test TXT 8", gp_buf_cstr(&conf), "", bob, 1);
	other = probability_by("1.2.0.192.l.test TXT 9", gp_buf_cstr(&conf), "", bob, 1);
	if (!(ham >= 0 && ham < other && other < spam))
		fail_msg("spam %f, ham %f, other %f", spam, ham, other);
	assert_true(probability_by("1.2.0.192.l.test TXT !servfail", gp_buf_cstr(&conf), "", bob, 1) ==
		    other);
}

static void write_file(const char *name, const char *text, size_t len)
{
	GP_BUF_AUTO path = GP_BUF_INIT(200);

	gp_buf_printf(&path, "%s/%s", dir, name);
	assert_int_equal(gp_file_replace(gp_buf_cstr(&path), text, len, 0600, NULL), GP_OK);
}

static bool has_token(const struct gp_token_list *list, const char *text)
{
	bool found = false;

	for (size_t i = 0; i < list->n && !found; i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(1000);

		gp_token_format(&list->sources[i], &out);
		found = gp_str_eq(gp_buf_str(&out), gp_str(text));
	}
	return found;
}

/* What rules guess of the language is among the tokens that Bayes asks for. */
static void languages_are_evidence(void **state)
{
	static const char rules[] = "loadplugin Mail::SpamAssassin::Plugin::TextCat\n"
				    "header R X-Languages =~ /./\n";
	static const char models[] = "x\ny\nz\n0 xx\nl\nm\n0 yy\n";
	GP_BUF_AUTO conf = GP_BUF_INIT(1000);
	GP_BUF_AUTO mail = GP_BUF_INIT(1000);
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_conf_report report = {0};
	struct gp_rule_report problems;
	struct gp_scan_result result;
	struct gp_scanner *scanner;
	struct gp_snapshot *snap;
	struct gp_scan_input in = {.store = store, .deadline_ms = soon()};

	write_file("tc.cf", rules, sizeof(rules) - 1);
	write_file("languages", models, sizeof(models) - 1);
	gp_buf_printf(&conf, "rules = { paths = [\"%s\"]; cache = \"\"; };", dir);
	assert_int_equal(gp_snapshot_load_text("test", gp_buf_cstr(&conf), tables,
					       GP_ARRAY_SIZE(tables), &snap, &report), GP_OK);
	gp_rule_report_init(&problems);
	assert_int_equal(gp_scanner_new(snap, &problems, &scanner, NULL), GP_OK);
	gp_buf_add_cstr(&mail, "Subject: x\n\n");
	for (unsigned i = 0; i < 70; i++)
		gp_buf_add_cstr(&mail, "xyz ");
	in.message = gp_message_parse(arena, NULL, gp_buf_str(&mail));
	gp_scan_finish(gp_scan_begin(scanner, &in, arena), &result);
	assert_non_null(gp_symbols_find(&result.symbols, "R"));
	assert_true(has_token(&result.tokens, "header:xx"));
	assert_false(has_token(&result.tokens, "header:yy"));
	gp_arena_free(arena);
	gp_scanner_free(scanner);
	gp_rule_report_done(&problems);
	gp_snapshot_unref(snap);
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_decide),
		cmocka_unit_test(systems_are_evidence),
		cmocka_unit_test(languages_are_evidence),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
