/*
 * Who waits for whose verdict, and for how long.
 */
#include <poll.h>

#include "lib/base/clock.h"
#include "milter-virus/pending.h"
#include "tests/unit/test.h"

#define MAX_MS 30000

static struct virus_pending *pending;
static struct virus_party a, b, c;

static void set_time(int64_t ms)
{
	gp_clock_set(ms, 1000);
}

static struct virus_layer layer(unsigned n, uint16_t level, uint32_t size)
{
	struct virus_layer l = {.level = level, .size = size};

	gp_sha256(&n, sizeof(n), l.digest);
	return l;
}

static int open_all(void **state)
{
	(void)state;
	set_time(1000);
	pending = virus_pending_new();
	virus_party_begin(&a, 1);
	virus_party_begin(&b, 1);
	virus_party_begin(&c, 1);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	virus_pending_leave(pending, &a);
	virus_pending_leave(pending, &b);
	virus_pending_leave(pending, &c);
	assert_int_equal(virus_pending_waiting(pending), 0);
	virus_pending_free(&pending);
	return 0;
}

static bool ask(struct virus_party *party, unsigned n, uint16_t level)
{
	struct virus_layer l = layer(n, level, 1 << 20);

	return virus_pending_ask(pending, party, &l, gp_clock_mono_ms() + MAX_MS);
}

static enum virus_pending_wait look(struct virus_party *party)
{
	int64_t ignored;

	return virus_pending_look(pending, party, &ignored);
}

static int64_t until(struct virus_party *party)
{
	int64_t until_ms = 0;

	assert_int_equal(virus_pending_look(pending, party, &until_ms), VIRUS_WAIT_ON);
	return until_ms;
}

static bool is_awake(const struct virus_party *party)
{
	struct pollfd fd = {.fd = virus_party_fd(party), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static void waits_for_the_end(void **state)
{
	(void)state;
	assert_false(ask(&a, 1, 1));
	assert_false(ask(&b, 2, 1));
	assert_true(ask(&b, 1, 1));
	assert_true(ask(&c, 1, 0)); /* clean deeper down is clean here */
	assert_int_equal(virus_pending_waiting(pending), 2);
	assert_false(is_awake(&b));
	assert_int_equal(until(&b), 1000 + MAX_MS);
	virus_pending_leave(pending, &a);
	assert_true(is_awake(&b) && is_awake(&c));
	assert_int_equal(look(&b), VIRUS_WAIT_OVER);
	assert_int_equal(look(&c), VIRUS_WAIT_OVER);
	assert_int_equal(virus_pending_waiting(pending), 0);
}

static void some_are_not_waited_for(void **state)
{
	struct virus_layer small = layer(2, 1, VIRUS_WAIT_MIN - 1);
	struct virus_party newer;

	(void)state;
	virus_party_begin(&newer, 2);
	assert_false(ask(&a, 1, 1));
	assert_false(ask(&a, 1, 1));	 /* its own */
	assert_false(ask(&newer, 1, 1)); /* other signatures */
	assert_false(ask(&b, 1, 2));	 /* it lies deeper */
	assert_false(virus_pending_ask(pending, &a, &small, 1000 + MAX_MS));
	assert_false(virus_pending_ask(pending, &c, &small, 1000 + MAX_MS));
	virus_pending_leave(pending, &newer);
}

static void chains_have_one_link(void **state)
{
	(void)state;
	assert_false(ask(&a, 1, 1));
	assert_false(ask(&b, 2, 1));
	assert_true(ask(&b, 1, 1));
	assert_false(ask(&c, 2, 1)); /* b has it, and waits */
	assert_false(ask(&a, 2, 1)); /* b waits for a; c has it, but a is waited for */
	virus_pending_leave(pending, &a);
	assert_int_equal(look(&b), VIRUS_WAIT_OVER);
	virus_party_begin(&a, 1);
	assert_true(ask(&a, 2, 1)); /* b, or c */
}

/* Nobody waits for long for what comes after the layer in the other's message. */
static void the_rest_is_not_waited_for(void **state)
{
	(void)state;
	assert_false(ask(&a, 1, 1));
	assert_true(ask(&b, 1, 1));
	set_time(1100);
	assert_false(ask(&a, 2, 2)); /* within it */
	assert_int_equal(until(&b), 1000 + MAX_MS);
	set_time(1300);
	assert_false(ask(&a, 3, 1)); /* after it: it took 300 ms */
	assert_true(is_awake(&b));
	assert_int_equal(until(&b), 1900);
	set_time(1899);
	assert_true(ask(&c, 1, 1));
	assert_int_equal(until(&b), 1900);
	set_time(1900);
	assert_int_equal(look(&b), VIRUS_WAIT_LATE);
	assert_int_equal(look(&c), VIRUS_WAIT_LATE);
	assert_int_equal(virus_pending_waiting(pending), 0);
	assert_false(ask(&b, 4, 1));
	assert_false(ask(&c, 1, 1));
}

/* An archive in which something was waited for did not take so long itself. */
static void time_that_was_waited_is_nobodys(void **state)
{
	(void)state;
	assert_false(ask(&a, 1, 2));
	assert_false(ask(&b, 2, 1));
	set_time(1100);
	assert_true(ask(&b, 1, 2)); /* within it */
	set_time(9100);
	virus_pending_leave(pending, &a);
	assert_int_equal(look(&b), VIRUS_WAIT_OVER);
	assert_true(ask(&c, 2, 1));
	set_time(9200);
	assert_false(ask(&b, 3, 1)); /* after it: it took 200 ms */
	assert_int_equal(until(&c), 9600);
}

static void has_an_end(void **state)
{
	(void)state;
	assert_false(ask(&a, 1, 1));
	assert_true(ask(&b, 1, 1));
	set_time(1000 + MAX_MS);
	assert_int_equal(look(&b), VIRUS_WAIT_LATE);
	/* It has waited for as long as it may. */
	assert_false(virus_pending_ask(pending, &b, &(struct virus_layer){.size = UINT32_MAX},
				       gp_clock_mono_ms()));
}

static void not_in_vain_again(void **state)
{
	struct virus_layer l = layer(1, 1, 1 << 20);

	(void)state;
	assert_false(ask(&a, 1, 1));
	virus_pending_in_vain(pending, &l);
	assert_false(ask(&b, 1, 1));
	for (unsigned i = 0; i < 200; i++) {
		l = layer(1000 + i, 1, 1 << 20);
		virus_pending_in_vain(pending, &l);
	}
	assert_true(ask(&c, 1, 1)); /* forgotten for others */
	virus_pending_leave(pending, &c);
	virus_party_begin(&c, 1);
	l = layer(1, 1, 1 << 20);
	virus_pending_in_vain(pending, &l);
	assert_false(ask(&c, 1, 1));
	virus_pending_leave(pending, &c);
	virus_party_begin(&c, 1);
	set_time(1000 + 100000);
	assert_true(ask(&c, 1, 1)); /* things change */
}

static void one_that_waits_may_go(void **state)
{
	(void)state;
	assert_false(ask(&a, 1, 1));
	assert_true(ask(&b, 1, 1));
	virus_pending_leave(pending, &b);
	assert_int_equal(virus_pending_waiting(pending), 0);
	virus_party_begin(&b, 1);
	assert_false(ask(&b, 2, 1));
	assert_true(ask(&a, 2, 1)); /* nobody waits for it any more */
}

/* A worker asks at will; what is beyond the bound is just not waited for. */
static void is_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_false(ask(&a, i, 1));
	assert_int_equal(a.n_layers, VIRUS_PARTY_LAYERS);
	assert_false(ask(&b, 999, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waits_for_the_end, open_all, close_all),
		cmocka_unit_test_setup_teardown(some_are_not_waited_for, open_all, close_all),
		cmocka_unit_test_setup_teardown(chains_have_one_link, open_all, close_all),
		cmocka_unit_test_setup_teardown(the_rest_is_not_waited_for, open_all, close_all),
		cmocka_unit_test_setup_teardown(time_that_was_waited_is_nobodys, open_all, close_all),
		cmocka_unit_test_setup_teardown(has_an_end, open_all, close_all),
		cmocka_unit_test_setup_teardown(not_in_vain_again, open_all, close_all),
		cmocka_unit_test_setup_teardown(one_that_waits_may_go, open_all, close_all),
		cmocka_unit_test_setup_teardown(is_bounded, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
