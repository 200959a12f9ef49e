/*
 * Contained keys as text: names, values, what people type; and the table of them in memory, with
 * what the store does and does not know.
 */
#include "policyd-ratelimit/contain_table.h"

#include <stdio.h>

#include "policyd-ratelimit/command_parse.h"
#include "tests/unit/test.h"

static struct gp_arena *arena;

static const struct contained joe = {
	.kind = CONTAIN_ACCOUNT, .key = {"joe@example.org", 15}, .rule = {"burst", 5},
	.account = {"joe@example.org", 15}, .host = {"mx1", 3}, .reason = {"4 of 3\nin 1h", 12},
	.action = ANSWER_HOLD, .since_s = 1000, .until_s = 2000, .used = 4, .max = 3,
	.window_ms = 3600000};

static void test_keys(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{"Joe@Example.ORG", "sasl_username:joe@example.org"},
		{"joe", "sasl_username:joe"},
		{"account:joe", "sasl_username:joe"},
		{"sasl_username:JOE", "sasl_username:joe"},
		{"a:b@example.org", "sasl_username:a:b@example.org"}, /* no kind */
		{"192.0.2.1", "client_address:192.0.2.1"},
		{"192.0.2.0/24", "client_address:192.0.2.0/24"},
		{"192.0.2.1/32", "client_address:192.0.2.1"},
		{"2001:DB8::1", "client_address:2001:db8::1"},
		{"client:2001:db8::/32", "client_address:2001:db8::/32"},
		{"::ffff:192.0.2.1", "client_address:192.0.2.1"},
		{"domain:Example.NET.", "sender_domain:example.net"},
		{"sender_domain:b\xc3\xbc" "cher.example", "sender_domain:xn--bcher-kva.example"},
		{"helo:Mail.Example", "helo_name:mail.example"},
		{"sender:a%b@example.org", "sender:a%25b@example.org"},
		{"sender:a%25b@example.org", "sender:a%25b@example.org"}, /* as it is shown */
		{"192.0.2.1/24", NULL}, /* no network: host bits */
		{"300.1.2.3/99", NULL},
		{"300.1.2.3", NULL},
		{"192.0.2.0/33", NULL},
		{"192.0.2.0/", NULL},
		{"192.0.2", NULL},
		{"2001:db8:::1", NULL},
		{"2001:db8::1/32", NULL},
		{"account:300.1.2.3", "sasl_username:300.1.2.3"},
		{"1234", "sasl_username:1234"},
		{"a:b", "sasl_username:a:b"},
		{"10.0.0.1@example.org", "sasl_username:10.0.0.1@example.org"},
		{"3com.example", "sasl_username:3com.example"},
		{"", NULL},
		{"client:nonsense", NULL},
		{"client:", NULL},
		{"sender:", NULL},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		enum contain_kind kind;
		struct gp_str key;
		int r = contained_parse_key(gp_str(cases[i].text), arena, &kind, &key);

		assert_int_equal(r, cases[i].name ? GP_OK : GP_EINVAL);
		if (cases[i].name)
			assert_str(contained_name(arena, kind, key), cases[i].name);
	}
}

static void test_values(void **state)
{
	GP_BUF_AUTO value = GP_BUF_INIT(GP_RECORD_MAX), json = GP_BUF_INIT(4096);
	struct contained c;

	(void)state;
	contained_format(&joe, &value);
	assert_int_equal(contained_parse(GP_STR("sasl_username:joe@example.org"), gp_buf_str(&value),
					 arena, &c),
			 GP_OK);
	assert_str(c.key, "joe@example.org");
	assert_str(c.reason, "4 of 3?in 1h"); /* a line of its own */
	assert_str(c.rule, "burst");
	assert_int_equal(c.until_s, 2000);
	assert_int_equal(c.window_ms, 3600000);
	assert_int_equal(c.action, ANSWER_HOLD);
	contained_json(&c, &json);
	assert_non_null(strstr(gp_buf_cstr(&json), "\"used\":4,\"max\":3,\"window\":3600}"));
}

/* Whatever the texts, an entry takes it. */
static void test_longest_value(void **state)
{
	GP_BUF_AUTO value = GP_BUF_INIT(GP_RECORD_MAX);
	static char text[2000];
	struct contained c = joe;

	(void)state;
	memset(text, 'x', sizeof(text));
	c.rule = c.account = c.host = c.reason = gp_str_n(text, sizeof(text));
	c.since_s = c.until_s = c.used = c.max = c.window_ms = INT64_MAX;
	c.version = INT64_MAX - 1;
	c.action = ANSWER_REJECT;
	contained_format(&c, &value);
	assert_false(gp_buf_error(&value));
}

static void test_no_values(void **state)
{
	static const char *const names[] = {"sender:a", "sender:", "sender", "nonsense:a", ":a"};
	static const char *const values[] = {
		"action=hold\nsince=1\nuntil=2\n\n",
		"action=dunno\nsince=1\n\n", "action=warn\n\n", "since=1\n\n", "action=hold\nsince=-1\n\n",
		"action=hold\nmax=x\n\n", "action=hold\n", "", "nonsense\n\n"};
	struct contained c;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		assert_int_equal(contained_parse(gp_str(names[i]), gp_str(values[0]), arena, &c),
				 i ? GP_EINVAL : GP_OK);
	for (size_t i = 1; i < GP_ARRAY_SIZE(values); i++)
		assert_int_equal(contained_parse(gp_str(names[0]), gp_str(values[i]), arena, &c),
				 GP_EINVAL);
}

/* The table. */

static bool is_contained(const char *name, int64_t now_s)
{
	struct contained c;

	return contain_table_find(gp_str(name), now_s, arena, &c);
}

#define JOE "sasl_username:joe@example.org"
#define VALUE "action=reject\nsince=1000\nuntil=5000\n\n"
#define LATER "action=reject\nsince=1200\nuntil=9000\n\n"
#define RELEASED "action=released\nsince=1300\nuntil=5000\n\n"

/* A listing at 1500 of a store that has this, or nothing, for another while. */
static struct contain_loss sync_with(const char *name, const char *value)
{
	struct contain_loss lost;

	contain_table_sync_begin();
	if (name)
		contain_table_sync(gp_str(name), gp_str(value), 3500);
	contain_table_sync_end(1500, &lost);
	return lost;
}

static void sync_same(const char *name, const char *value)
{
	struct contain_loss lost = sync_with(name, value);

	assert_int_equal(lost.contained + lost.released, 0);
}

static uint64_t next(enum contain_change wanted)
{
	struct contained c;
	struct gp_str name;
	uint64_t number = 0;

	assert_int_equal(contain_table_next(arena, &name, &c, &number), wanted);
	return number;
}

/* The value of the next change, which is as good as written. */
static const char *write_next(enum contain_change wanted)
{
	GP_BUF_AUTO value = GP_BUF_INIT(GP_RECORD_MAX);
	uint64_t number = 0;
	struct contained c;
	struct gp_str name;

	assert_int_equal(contain_table_next(arena, &name, &c, &number), wanted);
	contained_format(&c, &value);
	contain_table_written(name, number, true);
	return gp_arena_printf(arena, "%s", gp_buf_cstr(&value));
}

static void test_a_trip_reaches_the_store_once(void **state)
{
	uint64_t number;

	(void)state;
	assert_true(contain_table_is_empty());
	assert_int_equal(contain_table_set(&joe, CONTAIN_ADD), GP_OK);
	assert_int_equal(contain_table_set(&joe, CONTAIN_ADD), GP_EINVAL);
	assert_true(is_contained(JOE, 1999));
	assert_false(is_contained(JOE, 2000));
	sync_same(NULL, NULL); /* the store does not know it yet */
	assert_true(is_contained(JOE, 1500));
	number = next(CONTAIN_ADD);
	assert_true(contain_table_tell(GP_STR(JOE), number));
	assert_false(contain_table_tell(GP_STR(JOE), number));
	contain_table_written(GP_STR(JOE), number, false);
	next(CONTAIN_UNCHANGED);
	sync_same(JOE, VALUE); /* another host was first: that one's holds */
	assert_true(is_contained(JOE, 4999));
	sync_same(JOE, RELEASED); /* elsewhere */
	assert_false(is_contained(JOE, 1500));
	assert_true(contain_table_is_empty());
	contain_table_clear();
}

/* Redis went away, or hung, with our word in hand: tried again, the store says that somebody was first.
 * That was us, and nobody else tells it. */
static void test_who_was_first_is_us(void **state)
{
	GP_BUF_AUTO value = GP_BUF_INIT(GP_RECORD_MAX);
	struct contained other = joe;
	uint64_t number;

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool is_unsure = i & 1, is_same = i & 2;

		assert_int_equal(contain_table_set(&joe, CONTAIN_ADD), GP_OK);
		number = next(CONTAIN_ADD);
		if (is_unsure)
			contain_table_unanswered(GP_STR(JOE), number);
		contain_table_written(GP_STR(JOE), number, false);
		other.version = joe.since_s;
		other.used = is_same ? joe.used : 5;
		gp_buf_reset(&value);
		contained_format(&other, &value);
		sync_same(JOE, gp_buf_cstr(&value));
		if (is_unsure && is_same) {
			number = next(CONTAIN_PUT);
			assert_true(contain_table_tell(GP_STR(JOE), number));
			contain_table_written(GP_STR(JOE), number, true);
		}
		sync_same(JOE, gp_buf_cstr(&value));
		next(CONTAIN_UNCHANGED);
		contain_table_clear();
	}
}

static void test_what_the_store_does_not_take_holds_here(void **state)
{
	(void)state;
	assert_int_equal(contain_table_set(&joe, CONTAIN_ADD), GP_OK);
	contain_table_written(GP_STR(JOE), next(CONTAIN_ADD), false);
	sync_same(NULL, NULL);
	next(CONTAIN_UNCHANGED);
	assert_true(is_contained(JOE, 1500));
	contain_table_clear();
}

/* What the store had, and lost, goes there once more, with its time; what it never had waits on, and
 * whose time is over is not put back. */
static void test_a_store_that_lost_them_gets_them_back(void **state)
{
	struct contained c, ann = joe;
	struct contain_loss lost;
	struct gp_str name;
	uint64_t number;

	(void)state;
	ann.key = GP_STR("ann");
	sync_same(JOE, VALUE);
	assert_int_equal(contain_table_set(&ann, CONTAIN_PUT), GP_OK);
	lost = sync_with(NULL, NULL);
	assert_int_equal(lost.contained, 1);
	contain_table_written(GP_STR("sasl_username:ann"), next(CONTAIN_PUT), true);
	assert_int_equal(contain_table_next(arena, &name, &c, &number), CONTAIN_ADD);
	assert_true(gp_str_eq(name, GP_STR(JOE)));
	assert_int_equal(c.until_s, 5000);
	assert_false(contain_table_tell(name, number)); /* that was told */
	contain_table_written(name, number, true);
	next(CONTAIN_UNCHANGED);
	contain_table_sync_begin();
	contain_table_sync(GP_STR(JOE), GP_STR(VALUE), 1);
	contain_table_sync_end(1500, &lost);
	assert_int_equal(lost.contained, 1); /* ann, who was not there yet when it was lost */
	(void)write_next(CONTAIN_ADD);
	contain_table_sync_begin();
	contain_table_sync(GP_STR("sasl_username:ann"), GP_STR(VALUE), 3500);
	contain_table_sync_end(1500, &lost); /* joe went as he had to */
	assert_int_equal(lost.contained, 0);
	assert_false(is_contained(JOE, 1500));
	contain_table_sync_begin();
	contain_table_sync_end(5000, &lost);
	assert_int_equal(lost.contained, 0);
	assert_true(contain_table_is_empty());
	contain_table_clear();
}

/* An older copy of the store: what was changed since holds, whichever way. */
static void test_a_store_that_came_back_older(void **state)
{
	static const struct {
		const char *was, *is;
		size_t contained, released;
	} cases[] = {
		{VALUE, VALUE, 0, 0},
		{LATER, VALUE, 1, 0}, /* blocked for longer */
		{RELEASED, VALUE, 0, 1},
		{LATER, "action=released\nsince=1100\nuntil=5000\n\n", 1, 0},
		{VALUE, RELEASED, 0, 0}, /* that is newer */
		{VALUE, LATER, 0, 0},
		{RELEASED, "action=reject\nsince=1300\nv=1301\nuntil=5000\n\n", 0, 0},
		{RELEASED, NULL, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		bool is_back = cases[i].contained + cases[i].released > 0;
		const char *holds = is_back ? cases[i].was : cases[i].is;
		struct contain_loss lost;

		sync_same(JOE, cases[i].was);
		lost = sync_with(cases[i].is ? JOE : NULL, cases[i].is);
		assert_int_equal(lost.contained, cases[i].contained);
		assert_int_equal(lost.released, cases[i].released);
		assert_int_equal(is_contained(JOE, 1500), strncmp(holds, "action=reject", 13) == 0);
		if (is_back) {
			assert_false(contain_table_tell(GP_STR(JOE), next(cases[i].is ? CONTAIN_PUT : CONTAIN_ADD)));
			assert_string_equal(write_next(cases[i].is ? CONTAIN_PUT : CONTAIN_ADD), holds);
		}
		next(CONTAIN_UNCHANGED);
		sync_same(JOE, holds);
		contain_table_clear();
	}
}

/* Also where no listing has shown it yet. */
static void test_a_release_is_not_undone(void **state)
{
	const char *released;
	struct contain_loss lost;

	(void)state;
	sync_same(JOE, VALUE);
	assert_int_equal(contain_table_drop(GP_STR(JOE), 1400), GP_OK);
	assert_int_equal(contain_table_drop(GP_STR(JOE), 1400), GP_ENOENT);
	assert_false(is_contained(JOE, 1500));
	assert_true(contain_table_is_empty());
	sync_same(JOE, VALUE); /* the store does not know it yet */
	assert_false(is_contained(JOE, 1500));
	released = write_next(CONTAIN_PUT);
	assert_string_equal(released, "action=released\nsince=1400\nuntil=5000\n\n");
	lost = sync_with(JOE, VALUE);
	assert_int_equal(lost.released, 1);
	assert_string_equal(write_next(CONTAIN_PUT), released);
	sync_same(JOE, released);
	assert_int_equal(contain_table_drop(GP_STR(JOE), 1400), GP_ENOENT);
	contain_table_clear();
}

/* By a host whose clock is behind: it is the later one all the same.  Not remembered for ever. */
static void test_a_release_by_another_clock(void **state)
{
	(void)state;
	sync_same(JOE, "action=reject\nsince=1000\nuntil=900000\n\n");
	assert_int_equal(contain_table_drop(GP_STR(JOE), 900), GP_OK);
	assert_string_equal(write_next(CONTAIN_PUT), "action=released\nsince=900\nuntil=87300\nv=1001\n\n");
	contain_table_clear();
	sync_same(JOE, "action=reject\nsince=1\nv=9223372036854775807\nuntil=5000\n\n");
	assert_int_equal(contain_table_drop(GP_STR(JOE), 900), GP_OK); /* there is none behind it */
	(void)write_next(CONTAIN_PUT);
	contain_table_clear();
}

/* Released and tripped again before the store knows: the new one is put in place of the old. */
static void test_a_release_then_a_trip(void **state)
{
	uint64_t drop, put;

	(void)state;
	sync_same(JOE, VALUE);
	assert_int_equal(contain_table_drop(GP_STR(JOE), 1400), GP_OK);
	drop = next(CONTAIN_PUT);
	assert_int_equal(contain_table_set(&joe, CONTAIN_ADD), GP_OK);
	contain_table_written(GP_STR(JOE), drop, true); /* an old change says nothing of the new one */
	put = next(CONTAIN_PUT);
	assert_true(put != drop);
	assert_true(is_contained(JOE, 1500));
	assert_true(contain_table_tell(GP_STR(JOE), put));
	contain_table_written(GP_STR(JOE), put, true);
	next(CONTAIN_UNCHANGED);
	contain_table_clear();
}

/* Hosts that were cut off from the store and each other: the last one's word holds, and a trip that
 * found a release there is told. */
static void test_what_hosts_did_apart(void **state)
{
	(void)state;
	assert_int_equal(contain_table_set(&joe, CONTAIN_ADD), GP_OK);
	sync_same(JOE, RELEASED); /* later than the trip, at 1000 */
	next(CONTAIN_UNCHANGED);
	assert_false(is_contained(JOE, 1500));
	contain_table_clear();
	assert_int_equal(contain_table_set(&joe, CONTAIN_ADD), GP_OK);
	contain_table_written(GP_STR(JOE), next(CONTAIN_ADD), false);
	sync_same(JOE, "action=released\nsince=900\nuntil=5000\n\n");
	assert_true(contain_table_tell(GP_STR(JOE), next(CONTAIN_PUT)));
	assert_true(is_contained(JOE, 1500));
	contain_table_clear();
}

static void test_who_is_told(void **state)
{
	struct contained c = joe, found;

	(void)state;
	assert_int_equal(contain_table_set(&c, CONTAIN_ADD), GP_OK);
	c.key = GP_STR("ann");
	c.max = 0; /* by command */
	assert_int_equal(contain_table_set(&c, CONTAIN_PUT), GP_OK);
	assert_false(contain_table_take_untold(1000, arena, &found)); /* too new */
	assert_true(contain_table_take_untold(1001, arena, &found));
	assert_str(found.key, "joe@example.org");
	assert_false(contain_table_take_untold(1001, arena, &found));
	contain_table_clear();
}

static void contain_network(const char *text)
{
	struct contained c = joe;

	c.kind = CONTAIN_CLIENT;
	c.key = gp_str(text);
	assert_int_equal(contain_table_set(&c, CONTAIN_PUT), GP_OK);
}

static bool is_client(const char *text)
{
	struct contained c;
	struct gp_ip ip;

	assert_int_equal(gp_ip_parse(gp_str(text), &ip), GP_OK);
	return contain_table_find_client(&ip, 1500, arena, &c);
}

static void test_networks(void **state)
{
	static const struct gp_ip local;
	struct contained c;

	(void)state;
	contain_network("192.0.2.0/24");
	contain_network("198.51.100.7");
	contain_network("2001:db8::/32");
	assert_true(is_client("192.0.2.200"));
	assert_false(is_client("192.0.3.1"));
	assert_true(is_client("198.51.100.7"));
	assert_false(is_client("198.51.100.8"));
	assert_true(is_client("2001:db8:1::1"));
	assert_false(is_client("2001:db9::1"));
	assert_false(contain_table_find_client(&local, 1500, arena, &c));
	assert_int_equal(contain_table_drop(GP_STR("client_address:192.0.2.0/24"), 1500), GP_OK);
	assert_false(is_client("192.0.2.200"));
	contain_table_clear();
	assert_false(is_client("198.51.100.7"));
}

static bool count(void *arg, const struct contained *c)
{
	size_t *n = arg;

	(void)c;
	++*n;
	return true;
}

static void test_there_is_an_end(void **state)
{
	struct contained c = joe;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < CONTAIN_TABLE_MAX; i++) {
		c.key = gp_str(gp_arena_printf(arena, "u%zu", i));
		assert_int_equal(contain_table_set(&c, CONTAIN_ADD), GP_OK);
	}
	c.key = GP_STR("one more");
	assert_int_equal(contain_table_set(&c, CONTAIN_ADD), GP_ELIMIT);
	c.key = GP_STR("u7");
	assert_int_equal(contain_table_set(&c, CONTAIN_PUT), GP_OK); /* is there already */
	sync_same("sender:another", VALUE); /* has no room, and takes none */
	contain_table_each(1500, count, &n);
	assert_int_equal(n, CONTAIN_TABLE_MAX);
	contain_table_clear();
}

static int make_arena(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int free_arena(void **state)
{
	(void)state;
	gp_arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_longest_value),
		cmocka_unit_test(test_no_values),
		cmocka_unit_test(test_a_trip_reaches_the_store_once),
		cmocka_unit_test(test_who_was_first_is_us),
		cmocka_unit_test(test_what_the_store_does_not_take_holds_here),
		cmocka_unit_test(test_a_store_that_lost_them_gets_them_back),
		cmocka_unit_test(test_a_store_that_came_back_older),
		cmocka_unit_test(test_a_release_is_not_undone),
		cmocka_unit_test(test_a_release_by_another_clock),
		cmocka_unit_test(test_a_release_then_a_trip),
		cmocka_unit_test(test_what_hosts_did_apart),
		cmocka_unit_test(test_who_is_told),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_there_is_an_end),
	};

	return cmocka_run_group_tests(tests, make_arena, free_arena);
}
