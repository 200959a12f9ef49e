/*
 * What rules keep of senders: the scores that AWL and TxRep give, what counts towards them, and what
 * is one sender.
 */
#include "lib/score/rule_sender.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/score/rule_fixture.h"

#define LOAD "loadplugin Mail::SpamAssassin::Plugin::AWL\n"
#define AWL                                                                                        \
	LOAD "header AWL eval:check_from_in_auto_welcomelist()\n"                                  \
	     "tflags AWL userconf noautolearn\n"                                                   \
	     "body ONE /one/\nscore ONE 1\nbody FOUR /four/\nscore FOUR 4\n"

#define CUT                                                                                        \
	"loadplugin Mail::SpamAssassin::Plugin::Shortcircuit\nshortcircuit FOUR on\n"              \
	"header SHORTCIRCUIT eval:check_shortcircuit()\nscore SHORTCIRCUIT 0\n"

#define TXREP                                                                                      \
	"loadplugin Mail::SpamAssassin::Plugin::TxRep\nuse_txrep 1\n"                              \
	"header TXREP eval:check_senders_reputation()\ntflags TXREP userconf noautolearn\n"        \
	"body ONE /one/\nscore ONE 1\nbody FOUR /four/\nscore FOUR -4\n"                                    \
	"body FIVE /five/\nscore FIVE 5\n"

static struct gp_store *store;
static struct gp_arena *scratch;
static char dir[] = "/tmp/gp-test-sender-XXXXXX";

struct mail {
	const char *from, *host, *text;
	const char *signer; /* or NULL */
	bool is_looked_at;  /* not counted */
};

/* The letter's hits with their scores, "ONE=1.000 AWL=-0.500". */
static const char *scored_with(struct fixture *f, struct gp_store *with, const struct mail *m)
{
	struct gp_dkim_result dkim = {.status = GP_AUTH_PASS,
				      .domain = gp_str(m->signer ? m->signer : "")};
	struct gp_auth_result auth = {.dkim = &dkim, .n_dkim = m->signer != NULL};
	const char *text = "";

	f->input.store = with;
	f->input.auth = &auth;
	f->input.counts_senders = !m->is_looked_at;
	f->input.deadline_ms = gp_clock_mono_ms() + 60000;
	fixture_scan(f, gp_arena_printf(f->arena,
					"%s%s%sFrom: %s\nSubject: letter\n\n%s\n",
					m->host ? "Received: from a.example.com (a.example.com [" : "",
					m->host ? m->host : "",
					m->host ? "]) by mx.example.org with ESMTP id 4ABC\n" : "",
					m->from, m->text));
	for (size_t i = 0; i < f->symbols.list.len; i++)
		text = gp_arena_printf(f->arena, "%s%s%s=%.3f", text, *text ? " " : "",
				       f->symbols.list.items[i].name, f->symbols.list.items[i].score);
	return text;
}

static const char *scored(struct fixture *f, const char *from, const char *host, const char *text)
{
	return scored_with(f, store, &(struct mail){.from = from, .host = host, .text = text});
}

static void pulls_towards_the_mean(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, AWL "tflags ONE nice\n");
	assert_string_equal(scored(&f, "mean@a.example", "81.2.3.4", "one"), "ONE=1.000");
	assert_string_equal(scored(&f, "mean@a.example", "81.2.3.4", "four"), "AWL=-1.500 FOUR=4.000");
	assert_string_equal(scored(&f, "mean@a.example", "81.2.3.4", "other"), "AWL=1.250");
	/* 1, 4 and 0 are known: what AWL itself gave is not among them. */
	assert_string_equal(scored(&f, "mean@a.example", "81.2.3.4", "four one"),
			    "AWL=-1.667 ONE=1.000 FOUR=4.000");
	assert_string_equal(scored(&f, "other@a.example", "81.2.3.4", "four"), "FOUR=4.000");
	fixture_done(&f);
}

static void same_score_is_no_hit(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, AWL "meta PULLED AWL\nmeta NOT !AWL\nmeta AFTER NOT && ONE\n");
	assert_string_equal(scored(&f, "same@a.example", "81.2.3.4", "one"),
			    "ONE=1.000 NOT=1.000 AFTER=1.000");
	assert_string_equal(fixture_hits(&f), "ONE NOT AFTER");
	fixture_done(&f);
}

/* Metas that need AWL are worked out after it, and do not count; others do. */
static void metas_around_it(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, AWL "meta PULLED AWL\nmeta LATER PULLED && TWICE\nmeta TWICE ONE\nscore TWICE 2\n");
	assert_string_equal(scored(&f, "meta@a.example", "81.2.3.4", "one"), "ONE=1.000 TWICE=2.000");
	assert_string_equal(scored(&f, "meta@a.example", "81.2.3.4", "other"), "AWL=1.500 PULLED=1.000");
	assert_string_equal(scored(&f, "meta@a.example", "81.2.3.4", "one"),
			    "AWL=-0.750 ONE=1.000 PULLED=1.000 TWICE=2.000 LATER=1.000");
	fixture_done(&f);
}

static void what_counts(void **state)
{
	static const char rules[] =
		AWL "body LEARNED /learned/\ntflags LEARNED noautolearn\nscore LEARNED 50\n"
		    "body ALONE /solo/\ntflags ALONE noawl\nbody __SUB /one/\n"
		    "body MANY /many/\ntflags MANY multiple\nscore MANY 0.5\n";
	struct fixture f;

	(void)state;
	fixture_load(&f, rules);
	assert_string_equal(scored(&f, "w@a.example", "81.2.3.4", "learned one"),
			    "ONE=1.000 LEARNED=50.000");
	assert_string_equal(scored(&f, "w@a.example", "81.2.3.4", "solo four"),
			    "FOUR=4.000 ALONE=1.000");
	assert_string_equal(scored(&f, "w@a.example", "81.2.3.4", "many many"),
			    "MANY=1.000"); /* both 1.000: the second counted neither */
	assert_string_equal(scored(&f, "w@a.example", "81.2.3.4", "other"), "AWL=0.500");
	fixture_done(&f);
}

static void one_sender(void **state)
{
	static const struct {
		const char *settings;
		const char *host, *other;
		bool is_same;
	} table[] = {
		{"", "81.2.3.4", "81.2.200.1", true},
		{"", "81.2.3.4", "81.3.3.4", false},
		{"", "2a02:1:2::1", "2a02:1:2:ffff::1", true},
		{"", "2a02:1:2::1", "2a02:1:3::1", false},
		{"auto_welcomelist_ipv4_mask_len 24\n", "81.2.3.4", "81.2.4.4", false},
		{"auto_whitelist_ipv4_mask_len 0\n", "81.2.3.4", "9.9.9.9", true},
		{"auto_welcomelist_ipv6_mask_len 128\n", "2a02:1:2::1", "2a02:1:2::2", false},
		{"", "10.1.2.3", "192.168.1.1", true}, /* no public address: none */
		{"", NULL, "10.1.2.3", true},
		{"", NULL, "81.2.3.4", true}, /* … which the first network takes over */
		{"", "81.2.3.4", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct fixture f;
		const char *from, *loud;

		fixture_load(&f, gp_arena_printf(scratch, "%s%s", AWL, table[i].settings));
		from = gp_arena_printf(f.arena, "Who@S%zu.example", i);
		loud = gp_arena_printf(f.arena, "who@s%zu.EXAMPLE", i);
		scored(&f, from, table[i].host, "one");
		assert_string_equal(scored(&f, loud, table[i].other, "other"),
				    table[i].is_same ? "AWL=0.500" : "");
		fixture_done(&f);
	}
}

/* What was known without a network belongs to one network then. */
static void taken_over_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, AWL);
	scored(&f, "once@a.example", NULL, "one");
	assert_string_equal(scored(&f, "once@a.example", "81.2.3.4", "other"), "AWL=0.500");
	assert_string_equal(scored(&f, "once@a.example", "9.9.9.9", "four"), "FOUR=4.000");
	assert_string_equal(scored(&f, "once@a.example", "81.2.3.4", "other"), "AWL=0.250");
	fixture_done(&f);
}

static void signers(void **state)
{
	struct mail there = {"s@a.example", "81.2.3.4", "one", .signer = "a.example"};
	struct mail elsewhere = {"s@a.example", "9.9.9.9", "other", .signer = "a.example"};
	struct mail forged = {"s@a.example", "81.2.3.4", "other"};
	struct fixture f;

	(void)state;
	fixture_load(&f, AWL "auto_welcomelist_distinguish_signed 1\n");
	scored_with(&f, store, &there);
	assert_string_equal(scored_with(&f, store, &forged), "");
	assert_string_equal(scored_with(&f, store, &elsewhere), "AWL=0.500");
	fixture_done(&f);
}

static void looked_at_is_not_counted(void **state)
{
	struct mail m = {"look@a.example", "81.2.3.4", "four", .is_looked_at = true};
	struct fixture f;

	(void)state;
	fixture_load(&f, AWL);
	assert_string_equal(scored_with(&f, store, &m), "FOUR=4.000");
	assert_string_equal(scored_with(&f, store, &m), "FOUR=4.000");
	scored(&f, "look@a.example", "81.2.3.4", "other");
	assert_string_equal(scored_with(&f, store, &m), "AWL=-2.000 FOUR=4.000");
	assert_string_equal(scored_with(&f, store, &m), "AWL=-2.000 FOUR=4.000");
	fixture_done(&f);
}

/* Two rules of it are one message, one hit. */
static void counts_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, AWL "header AWL2 eval:check_from_in_auto_whitelist()\n");
	scored(&f, "twice@a.example", "81.2.3.4", "one");
	scored(&f, "twice@a.example", "81.2.3.4", "one");
	assert_string_equal(scored(&f, "twice@a.example", "81.2.3.4", "four"), "AWL=-1.500 FOUR=4.000");
	scored(&f, "twice@a.example", "81.2.3.4", "one");
	assert_string_equal(scored(&f, "twice@a.example", "81.2.3.4", "other"), "AWL=0.875");
	fixture_done(&f);
}

static void not_wanted(void **state)
{
	static const char *const settings[] = {
		"use_auto_welcomelist 0\n", "use_auto_whitelist no\n", "auto_welcomelist_factor 0\n",
		"score AWL 0\n",
		CUT,
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(settings); i++) {
		struct fixture f;
		const char *from;

		fixture_load(&f, gp_arena_printf(scratch, "%s%s", AWL, settings[i]));
		from = gp_arena_printf(f.arena, "not%zu@a.example", i);
		scored(&f, from, "81.2.3.4", "one");
		scored(&f, from, "81.2.3.4", "four");
		assert_true(strncmp(fixture_hits(&f), "FOUR", 4) == 0);
		assert_null(strstr(fixture_hits(&f), "AWL"));
		fixture_done(&f);
	}
}

static void without_a_sender(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, AWL);
	assert_string_equal(scored(&f, "", "81.2.3.4", "one"), "ONE=1.000");
	assert_string_equal(scored(&f, "", "81.2.3.4", "four"), "FOUR=4.000");
	assert_string_equal(scored_with(&f, NULL, &(struct mail){"n@a.example", NULL, "one"}), "ONE=1.000");
	assert_false(gp_rule_scan_stats(f.scan)->is_store_missing);
	fixture_done(&f);
}

static void store_is_down(void **state)
{
	struct gp_store_options options = {.timeout_ms = 100};
	struct gp_store *down;
	struct gp_diag diag;
	struct fixture f;

	(void)state;
	assert_int_equal(gp_store_open("redis+unix:///nonexistent/socket", &options, &down, &diag), GP_OK);
	fixture_load(&f, AWL);
	assert_string_equal(scored_with(&f, down, &(struct mail){"d@a.example", "81.2.3.4", "four"}),
			    "FOUR=4.000");
	assert_true(gp_rule_scan_stats(f.scan)->is_store_missing);
	fixture_done(&f);
	gp_store_close(&down);
}

/* An entry that cannot be read as one begins anew. */
static void broken_entries(void **state)
{
	static const char *const texts[] = {"", "x", "3", "0 4", "-1 4", "3 nan", "3 4 5", "99999999999999999999 1"};
	struct gp_rule_input in = {.store = store, .deadline_ms = gp_clock_mono_ms() + 60000};
	const struct gp_str table = GP_STR("senders"), key = GP_STR("broken");
	struct gp_sender_entry e = {0};
	bool is_done;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(texts); i++) {
		struct gp_record now = {.len = strlen(texts[i])};

		memcpy(now.data, texts[i], now.len);
		assert_int_equal(gp_store_record_swap(store, table, key, e.is_kept ? &e.record : NULL,
						      &now, 100, in.deadline_ms, &is_done), GP_OK);
		assert_true(is_done);
		assert_int_equal(gp_sender_read(&in, table, key, &e), GP_OK);
		assert_true(e.is_kept && e.count == 0 && e.total == 0);
	}
	assert_true(gp_sender_add(&in, table, key, &e, 2.5));
	assert_int_equal(gp_sender_read(&in, table, key, &e), GP_OK);
	assert_true(e.count == 1 && e.total == 2.5);
}

/* Who counts on top of what has changed since it was read loses nothing. */
static void counted_at_once(void **state)
{
	struct gp_rule_input in = {.store = store, .deadline_ms = gp_clock_mono_ms() + 60000};
	const struct gp_str table = GP_STR("senders"), key = GP_STR("race");
	struct gp_sender_entry old, e;

	(void)state;
	assert_int_equal(gp_sender_read(&in, table, key, &old), GP_OK);
	assert_true(gp_sender_add(&in, table, key, &old, 1));
	assert_true(gp_sender_add(&in, table, key, &old, 2));
	assert_int_equal(gp_sender_read(&in, table, key, &e), GP_OK);
	assert_true(e.count == 2 && e.total == 3);
	assert_false(gp_sender_drop(&in, table, key, &old)); /* that is not it any more */
	assert_int_equal(gp_sender_read(&in, table, key, &e), GP_OK);
	assert_true(e.count == 2);
}

/* Sums of thousandths stay what they are. */
static void sums_are_exact(void **state)
{
	struct gp_rule_input in = {.store = store, .deadline_ms = gp_clock_mono_ms() + 60000};
	const struct gp_str table = GP_STR("senders"), key = GP_STR("sum");
	struct gp_sender_entry e;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(gp_sender_read(&in, table, key, &e), GP_OK);
		assert_true(gp_sender_add(&in, table, key, &e, 0.007));
	}
	assert_int_equal(gp_sender_read(&in, table, key, &e), GP_OK);
	assert_true(e.count == 200 && e.total == 1.4);
	assert_true(gp_sender_rounded(-0.0004) == 0 && gp_sender_rounded(1.2345678) == 1.235);
}

/* (1 - 4) / 2 + 4 = 2.5 in each respect that is known, times 0.5. */
static void several_respects(void **state)
{
	static const struct {
		const char *settings, *from, *host, *expected, *text;
	} table[] = {
		{"", "joe@s.example", "81.2.3.4", "TXREP=1.250 FOUR=-4.000"},
		/* of weights 10, 2, 0.5, 3, 4 the host, its HELO and the domain are known */
		{"", "ann@s.example", "81.2.3.4", "TXREP=0.417 FOUR=-4.000"},
		/* … the address, the HELO */
		{"", "joe@s.example", "9.9.9.9", "TXREP=0.224 FOUR=-4.000"},
		{"txrep_weight_helo 0\ntxrep_weight_email 0\n", "joe@s.example", "9.9.9.9", "FOUR=-4.000"},
		{"txrep_factor 1\n", "joe@s.example", "81.2.3.4", "TXREP=2.500 FOUR=-4.000"},
		/* spam of one that is known for a little: 1 / 2, as SpamAssassin has it */
		{"", "joe@s.example", "81.2.3.4", "TXREP=0.250 FIVE=5.000", "five"},
	};
	struct fixture f;

	(void)state;
	fixture_load(&f, TXREP);
	assert_string_equal(scored(&f, "joe@s.example", "81.2.3.4", "one"), "ONE=1.000");
	fixture_done(&f);
	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct mail m = {table[i].from, table[i].host,
				 table[i].text ? table[i].text : "four", .is_looked_at = true};

		fixture_load(&f, gp_arena_printf(scratch, "%s%s", TXREP, table[i].settings));
		assert_string_equal(scored_with(&f, store, &m), table[i].expected);
		fixture_done(&f);
	}
}

static void the_same_message_again(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, TXREP);
	scored(&f, "again@t.example", "82.2.3.4", "one");
	scored(&f, "again@t.example", "82.2.3.4", "one");
	assert_string_equal(scored(&f, "again@t.example", "82.2.3.4", "one"), "ONE=1.000");
	fixture_done(&f);
	fixture_load(&f, TXREP "score ONE 4\n"); /* it is worth more by now: (4 + 0.5) / 1.5 */
	assert_string_equal(scored(&f, "again@t.example", "82.2.3.4", "one"), "TXREP=-1.000 ONE=4.000");
	fixture_done(&f);
	fixture_load(&f, TXREP "txrep_weight_helo 0\n"); /* one message is known */
	assert_string_equal(scored(&f, "again@t.example", "82.2.3.4", "four"), "TXREP=1.250 FOUR=-4.000");
	fixture_done(&f);
}

/* Whoever signs is the same from anywhere, and nobody else is. */
static void reputation_of_signers(void **state)
{
	struct mail there = {"s@u.example", "83.2.3.4", "one", .signer = "u.example"};
	struct mail elsewhere = {"s@u.example", "9.9.9.9", "four", .signer = "u.example",
				 .is_looked_at = true};
	struct mail forged = {"s@u.example", "9.9.9.9", "four", .is_looked_at = true};
	struct fixture f;

	(void)state;
	fixture_load(&f, TXREP "txrep_weight_helo 0\ntxrep_weight_ip 0\n");
	scored_with(&f, store, &there);
	assert_string_equal(scored_with(&f, store, &elsewhere), "TXREP=1.250 FOUR=-4.000");
	assert_string_equal(scored_with(&f, store, &forged), "FOUR=-4.000");
	fixture_done(&f);
}

static void not_beside_another(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, TXREP LOAD);
	assert_int_equal(f.report.inert, 1);
	fixture_done(&f);
	fixture_load(&f, TXREP LOAD "use_auto_welcomelist 0\n");
	assert_int_equal(f.report.inert, 0);
	fixture_done(&f);
}

static void directives(void **state)
{
	static const struct {
		const char *line;
		bool is_taken;
	} table[] = {
		{"auto_welcomelist_factor 0.25", true},  {"auto_welcomelist_factor x", false},
		{"auto_welcomelist_factor 1.5", false},  {"auto_welcomelist_factor", false},
		{"auto_welcomelist_ipv4_mask_len 32", true}, {"auto_welcomelist_ipv4_mask_len 33", false},
		{"auto_welcomelist_ipv6_mask_len 4.5", false}, {"use_auto_welcomelist yes", true},
		{"use_auto_welcomelist 2", false}, {"auto_welcomelist_ipv6_mask_len -1", false},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct fixture f;

		fixture_load(&f, gp_arena_printf(scratch, "%s%s\n", LOAD, table[i].line));
		assert_int_equal(*fixture_problem(&f, GP_RULE_ERROR) == '\0', table[i].is_taken);
		fixture_done(&f);
	}
}

static void wants_its_plugin(void **state)
{
	struct fixture f;

	(void)state;
	fixture_load(&f, "header AWL eval:check_from_in_auto_welcomelist()\nauto_welcomelist_factor 9\n"
			 "ifplugin Mail::SpamAssassin::Plugin::AWL\nbody THERE /one/\nendif\nbody ONE /one/\n");
	assert_int_equal(f.report.inert, 1);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	scored(&f, "p@a.example", "81.2.3.4", "other");
	assert_string_equal(scored(&f, "p@a.example", "81.2.3.4", "one"), "ONE=1.000");
	fixture_done(&f);
	fixture_load(&f, AWL);
	assert_int_equal(f.report.inert, 0);
	fixture_done(&f);
}

static int setup(void **state)
{
	struct gp_store_options o = {.writes = GP_STORE_SPAM};
	struct gp_diag diag;
	char url[100];

	(void)state;
	scratch = gp_arena_new(0);
	assert_non_null(mkdtemp(dir));
	snprintf(url, sizeof(url), "lmdb:%s", dir);
	return gp_store_open(url, &o, &store, &diag);
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	gp_store_close(&store);
	gp_arena_free(scratch);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pulls_towards_the_mean),
		cmocka_unit_test(same_score_is_no_hit),
		cmocka_unit_test(metas_around_it),
		cmocka_unit_test(what_counts),
		cmocka_unit_test(one_sender),
		cmocka_unit_test(taken_over_once),
		cmocka_unit_test(signers),
		cmocka_unit_test(looked_at_is_not_counted),
		cmocka_unit_test(counts_once),
		cmocka_unit_test(not_wanted),
		cmocka_unit_test(without_a_sender),
		cmocka_unit_test(store_is_down),
		cmocka_unit_test(broken_entries),
		cmocka_unit_test(counted_at_once),
		cmocka_unit_test(sums_are_exact),
		cmocka_unit_test(several_respects),
		cmocka_unit_test(the_same_message_again),
		cmocka_unit_test(reputation_of_signers),
		cmocka_unit_test(not_beside_another),
		cmocka_unit_test(directives),
		cmocka_unit_test(wants_its_plugin),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
