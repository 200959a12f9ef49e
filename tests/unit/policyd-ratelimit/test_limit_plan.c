/*
 * What requests take: whatever stages a message is asked about at, it comes to the same, and
 * nothing is taken where it is not known.
 */
#include <stdio.h>

#include "lib/conf/shared.h"
#include "policyd-ratelimit/limit_memory.h"
#include "policyd-ratelimit/limit_plan.h"
#include "policyd-ratelimit/ratelimit.h"
#include "tests/unit/test.h"

struct ratelimit ratelimit; /* main.c's: its loop has the timers of limit_watch.c */

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &ratelimit_table};
static struct gp_snapshot *snap;
static struct limits limits;
static struct gp_arena *arena;

#define WINDOW "windows = \"1000000 per 1h\";"
static const char settings[] =
	"policyd-ratelimit = { limits = {"
	"messages = { " WINDOW " };"
	"recipients = { count = \"recipients\"; " WINDOW " };"
	"distinct = { count = \"distinct_recipients\"; " WINDOW " };"
	"bytes = { count = \"bytes\"; windows = \"1G per 1h\"; };"
	"to = { by = \"recipient_domain\"; count = \"recipients\"; " WINDOW " };"
	"held = { count = \"recipients\"; action = \"hold\"; " WINDOW " };"
	"tried = { count = \"recipients\"; dry_run = true; " WINDOW " };"
	"back = { count = \"bounces\"; ratio = 10; windows = \"5 per 1h\"; };"
	"failed = { count = \"auth_failures\"; by = \"client_address\"; windows = \"5 per 1h\"; };"
	"}; };";
enum { MESSAGES, RECIPIENTS, DISTINCT, BYTES, TO, HELD, TRIED, BACK, FAILED, RULES };

/* Asks as one request does, remembers as if there was room, and adds what was taken. */
static void ask(enum policy_stage stage, int instance, struct gp_str recipient, int64_t count,
		int64_t size, bool has_room, int64_t sums[RULES])
{
	static const struct limit_directory nothing;
	struct policy_request r = {.stage = stage, .recipients = count, .size = size};
	struct limit_subject s = {.arena = arena, .account = GP_STR("joe"), .recipient = recipient};
	uint64_t message = limit_memory_message(
		gp_str(gp_arena_printf(arena, "m.%d", instance)), GP_STR("192.0.2.1"));
	struct limit_plan plan;

	r.texts[POLICY_sasl_username] = s.account;
	r.texts[POLICY_recipient] = recipient;
	assert_int_equal(gp_ip_parse(GP_STR("192.0.2.1"), &r.client), GP_OK);
	s.client = r.client;
	limit_plan_make(&limits, &r, &s, &nothing, message, 0, &plan);
	for (int kind = 0; kind < LIMIT_PARTS; kind++) {
		const struct limit_part *part = &plan.parts[kind];

		for (size_t i = 0; i < part->len; i++)
			sums[part->items[i].rule->index] += part->takes[i].amount;
		for (size_t i = 0; has_room && i < part->marks.len; i++)
			limit_memory_add(message, part->marks.items[i].what, part->marks.items[i].amount, 0);
	}
}

static void test_all_combinations(void **state)
{
	static const char *const to[] = {"a@example.net", "B@example.net", "c@example.com", "d@x.example",
					 "e@x.example", "f@x.example"};
	int instance = 0;

	(void)state;
	for (unsigned stages = 1; stages < 8; stages++) {
		for (size_t n = 1; n <= GP_ARRAY_SIZE(to); n++) {
			int64_t sums[RULES] = {0};
			bool rcpt = stages & 1, end = stages & 4, who = rcpt || n == 1;
			struct gp_str one = n == 1 ? gp_str(to[0]) : (struct gp_str){0};
			int64_t all = (int64_t)n;

			instance++;
			for (size_t i = 0; rcpt && i < n; i++)
				ask(POLICY_RCPT, instance, gp_str(to[i]), 0, 5000, true, sums);
			if (stages & 2)
				ask(POLICY_DATA, instance, one, all, 5000, true, sums);
			if (end)
				ask(POLICY_END_OF_MESSAGE, instance, one, all, 4321, true, sums);
			assert_int_equal(sums[MESSAGES], 1);
			assert_int_equal(sums[RECIPIENTS], all);
			assert_int_equal(sums[DISTINCT], who ? all : 0);
			assert_int_equal(sums[BYTES], end ? 4321 : 0);
			assert_int_equal(sums[TO], who ? all : 0);
			assert_int_equal(sums[HELD], all);
			assert_int_equal(sums[TRIED], all);
			assert_int_equal(sums[BACK], all); /* the recipients that bounces are compared with */
			assert_int_equal(sums[FAILED], 0);
		}
	}
}

/* Two restriction lists that ask at the same stage; one recipient given twice. */
static void test_asked_twice(void **state)
{
	int64_t sums[RULES] = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		ask(POLICY_RCPT, 1000, GP_STR("a@example.net"), 0, 0, true, sums);
		ask(POLICY_RCPT, 1000, GP_STR("A@EXAMPLE.net"), 0, 0, true, sums);
	}
	for (int i = 0; i < 2; i++)
		ask(POLICY_END_OF_MESSAGE, 1000, GP_STR("a@example.net"), 1, 100, true, sums);
	assert_int_equal(sums[MESSAGES], 1);
	assert_int_equal(sums[RECIPIENTS], 1);
	assert_int_equal(sums[DISTINCT], 1);
	assert_int_equal(sums[BYTES], 100);
}

/* What was refused was not taken: it is asked for again. */
static void test_refused(void **state)
{
	int64_t refused[RULES] = {0}, sums[RULES] = {0};

	(void)state;
	ask(POLICY_RCPT, 1001, GP_STR("a@example.net"), 0, 0, false, refused);
	ask(POLICY_RCPT, 1001, GP_STR("b@example.net"), 0, 0, true, sums);
	ask(POLICY_DATA, 1001, GP_STR("b@example.net"), 1, 0, true, sums);
	assert_int_equal(refused[RECIPIENTS], 1);
	assert_int_equal(sums[MESSAGES], 1);
	assert_int_equal(sums[RECIPIENTS], 1);
	assert_int_equal(sums[DISTINCT], 1);
}

/* Without an instance nothing is remembered; fewer at DATA than at RCPT takes nothing back. */
static void test_odd(void **state)
{
	int64_t sums[RULES] = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		ask(POLICY_RCPT, 1002, gp_str(gp_arena_printf(arena, "%d@x", i)), 0, 0, true, sums);
	ask(POLICY_DATA, 1002, (struct gp_str){0}, 2, 0, true, sums);
	ask(POLICY_DATA, 1002, (struct gp_str){0}, 0, 0, true, sums);
	assert_int_equal(sums[RECIPIENTS], 3);
	ask(POLICY_VRFY, 1003, GP_STR("a@example.net"), 0, 0, true, sums);
	ask(POLICY_ETRN, 1003, (struct gp_str){0}, 0, 0, true, sums);
	assert_int_equal(sums[RECIPIENTS], 3);
	assert_int_equal(sums[MESSAGES], 1);
}

/* Each part has what belongs to it. */
static void test_parts(void **state)
{
	static const struct limit_directory nothing;
	struct policy_request r = {.stage = POLICY_RCPT};
	struct limit_subject s = {.arena = arena, .account = GP_STR("joe"), .recipient = GP_STR("a@x.net")};
	struct limit_plan plan;

	(void)state;
	r.texts[POLICY_sasl_username] = s.account;
	r.texts[POLICY_recipient] = s.recipient;
	assert_int_equal(gp_ip_parse(GP_STR("192.0.2.1"), &r.client), GP_OK);
	s.client = r.client;
	limit_plan_make(&limits, &r, &s, &nothing, 0, 0, &plan);
	assert_int_equal(plan.parts[LIMIT_PART_LOOK].len, 2); /* back, back/sent */
	assert_str(plan.parts[LIMIT_PART_LOOK].takes[1].key, "back/sent\t1h\tjoe");
	assert_int_equal(plan.parts[LIMIT_PART_TAKE].len, 5); /* messages, recipients, distinct, to, failed */
	assert_str(plan.parts[LIMIT_PART_TAKE].takes[0].key, "messages\t1h\tjoe");
	assert_str(plan.parts[LIMIT_PART_TAKE].takes[2].member, "a@x.net");
	assert_str(plan.parts[LIMIT_PART_TAKE].takes[4].key, "failed\t1h\t192.0.2.1");
	assert_int_equal(plan.parts[LIMIT_PART_TAKE].takes[4].amount, 0);
	assert_int_equal(plan.parts[LIMIT_PART_DRY].len, 1);
	assert_int_equal(plan.parts[LIMIT_PART_PASS].len, 2); /* held, back/sent */
	assert_int_equal(plan.parts[LIMIT_PART_PASS].takes[1].limit.max, GP_LIMIT_MAX);
}

/* The directory's word counts where there is no map; a name is for that limit alone. */
static void test_directory(void **state)
{
	struct gp_str values[] = {GP_STR("recipients: 7 per 1h"), GP_STR("nonsense"), GP_STR("3 per 1m")};
	struct limit_directory d = {values, 3};
	struct limit_subject s = {.arena = arena, .account = GP_STR("joe")};
	struct limit_windows w;
	static const struct {
		int rule;
		int64_t max;
	} cases[] = {{MESSAGES, 3}, {RECIPIENTS, 7}, {BYTES, 1 << 30}, {TO, 1000000}, {FAILED, 5}};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		limit_windows_for(&limits.rules.items[cases[i].rule], &s, GP_STR("joe"), &d, &w);
		assert_int_equal(w.items[0].limit.max, cases[i].max);
	}
	values[2] = GP_STR("unlimited");
	limit_windows_for(&limits.rules.items[MESSAGES], &s, GP_STR("joe"), &d, &w);
	assert_int_equal(w.len, 0);
}

static void run_inside(void *arg)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_combinations), cmocka_unit_test(test_asked_twice),
		cmocka_unit_test(test_refused),		 cmocka_unit_test(test_odd),
		cmocka_unit_test(test_parts),		 cmocka_unit_test(test_directory),
	};

	*(int *)arg = cmocka_run_group_tests(tests, NULL, NULL);
	limit_memory_done();
}

int main(void)
{
	struct gp_conf_report report;
	int failed = -1;

	gp_conf_report_init(&report);
	arena = gp_arena_new(0);
	if (gp_loop_open(&ratelimit.loop, NULL) < 0 ||
	    gp_snapshot_load_text("g", settings, tables, GP_ARRAY_SIZE(tables), &snap, &report) < 0 ||
	    limit_rules_build(&ratelimit_table, limits_groups(gp_snapshot_get(snap, &ratelimit_table), snap),
			      gp_snapshot_arena(snap), &limits.rules, &report) < 0)
		return 1;
	limits.watches = GP_ARENA_NEW_N(arena, limits.rules.len, struct limit_watch *);
	for (size_t i = 0; i < limits.rules.len; i++)
		limits.watches[i] = limit_watch_get(limits.rules.items[i].name);
	gp_loop_run_in(ratelimit.loop, run_inside, &failed); /* where timers live */
	gp_loop_close(&ratelimit.loop);
	gp_snapshot_unrefp(&snap);
	gp_conf_report_done(&report);
	gp_arena_free(arena);
	return failed;
}
