/*
 * A scan's questions to store and DNS, from the worker's end to the controller's and back.
 */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/ask_child.h"
#include "controller/ask_serve.h"
#include "controller/ask_wire.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/fakes/fake_dns.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"

static struct gp_loop *loop;
static struct ask_sources sources;
static struct gp_store *store;	       /* the worker's */
static struct gp_resolver *resolver;   /* the worker's */
static struct ask_server *server;
static int worker_fd;

static const char zone[] = "a.example A 192.0.2.1\na.example A 192.0.2.2\n"
			   "t.example TXT v=spf1 -all\nm.example MX 10 mx.example\n"
			   "f.example * !servfail\nslow.example A 192.0.2.9\nslow.example A !delay 30\n"
			   "never.example A !timeout\ns.example A 192.0.2.3\ns.example A !secure\n";

static int group_setup(void **state)
{
	assert_int_equal(gp_loop_open(&loop, NULL), GP_OK);
	sources.loop = loop;
	sources.store = gp_fake_store_new();
	sources.resolver = gp_fake_dns_open(zone, loop);
	gp_fake_store_set_totals(sources.store, 100, 200);
	gp_fake_store_set_count(sources.store, 7, 5, 1);
	assert_int_equal(ask_child_open(&store, &resolver, NULL), GP_OK);
	return 0;
}

static int group_teardown(void **state)
{
	gp_resolver_close(&sources.resolver);
	gp_store_close(&sources.store);
	gp_loop_close(&loop);
	return 0;
}

static void open_in_loop(void *arg)
{
	assert_int_equal(ask_serve_open(&sources, gp_clock_mono_ms() + 60000, &server, &worker_fd),
			 GP_OK);
}

static void close_in_loop(void *arg)
{
	ask_serve_close(&server);
}

static int begin(void **state)
{
	gp_loop_run_in(loop, open_in_loop, NULL);
	ask_child_begin(worker_fd);
	return 0;
}

static int end(void **state)
{
	ask_child_end();
	gp_loop_run_in(loop, close_in_loop, NULL);
	return 0;
}

/* The answer by way of the socket is the answer without. */
static void names(void **state)
{
	static const struct {
		const char *name;
		enum gp_dns_type type;
	} questions[] = {{"a.example", GP_DNS_A},    {"t.example", GP_DNS_TXT},
			 {"m.example", GP_DNS_MX},   {"none.example", GP_DNS_A},
			 {"a.example", GP_DNS_AAAA}, {"f.example", GP_DNS_A},
			 {"slow.example", GP_DNS_A}, {"s.example", GP_DNS_A}};
	struct gp_arena *arena = gp_arena_new(0);

	for (size_t i = 0; i < GP_ARRAY_SIZE(questions); i++) {
		struct gp_str name = gp_str(questions[i].name);
		struct gp_dns_answer direct = {0}, asked = {0};
		int64_t until_ms = gp_clock_mono_ms() + 60000;
		int r = gp_dns_get(sources.resolver, name, questions[i].type, until_ms, arena, &direct);

		assert_int_equal(gp_dns_get(resolver, name, questions[i].type, until_ms, arena, &asked), r);
		assert_int_equal(asked.rcode, direct.rcode);
		assert_int_equal(asked.n_records, direct.n_records);
		assert_int_equal(asked.security, direct.security);
		if (r == GP_OK)
			assert_int_equal(asked.ttl_s, direct.ttl_s);
		assert_true(gp_str_eq(asked.name, direct.name));
		for (size_t n = 0; n < asked.n_records; n++) {
			assert_true(gp_ip_equal(&asked.records[n].ip, &direct.records[n].ip));
			assert_true(gp_str_eq(asked.records[n].text, direct.records[n].text));
			assert_int_equal(asked.records[n].preference, direct.records[n].preference);
		}
	}
	gp_arena_free(arena);
}

static void counts(void **state)
{
	uint64_t tokens[] = {7, 8};
	struct gp_bayes_count found[2];
	struct gp_bayes_totals totals;

	assert_int_equal(gp_store_bayes_get(store, GP_STR("alice"), tokens, 2,
					    gp_clock_mono_ms() + 60000, found, &totals), GP_OK);
	assert_int_equal(found[0].spam, 5);
	assert_int_equal(found[0].ham, 1);
	assert_int_equal(found[1].spam, 0);
	assert_int_equal(totals.ham, 200);
}

static void failing_store(void **state)
{
	uint64_t token = 7;
	struct gp_bayes_count found;
	struct gp_bayes_totals totals;

	gp_fake_store_fail(sources.store, GP_ETEMP, 1);
	assert_int_equal(gp_store_bayes_get(store, GP_STR(""), &token, 1, gp_clock_mono_ms() + 60000,
					    &found, &totals), GP_ETEMP);
}

/* Many at once, some never answered; then the message ends. */
static void many_and_late(void **state)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 3000);
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_dns_question *asked[200], *never;
	struct gp_dns_answer answer;

	never = gp_dns_begin(resolver, batch, GP_STR("never.example"), GP_DNS_A);
	for (size_t i = 0; i < GP_ARRAY_SIZE(asked); i++)
		asked[i] = gp_dns_begin(resolver, batch, GP_STR("a.example"), GP_DNS_A);
	for (size_t i = 0; i < GP_ARRAY_SIZE(asked); i++) {
		assert_int_equal(gp_dns_finish(asked[i], arena, &answer), GP_OK);
		assert_int_equal(answer.n_records, 2);
	}
	assert_int_equal(gp_dns_finish(never, arena, &answer), GP_ETEMP);
	gp_batch_free(&batch);
	gp_arena_free(arena);
}

/* The controller hangs up on a worker that talks nonsense or asks without end. */
static void hang_up_on(const void *data, size_t len, unsigned times)
{
	struct pollfd p = {.events = POLLIN};
	char buf[65536];
	ssize_t n = 1;

	gp_loop_run_in(loop, open_in_loop, NULL);
	p.fd = worker_fd;
	for (unsigned i = 0; i < times; i++)
		if (send(worker_fd, data, len, MSG_NOSIGNAL) < 0)
			break;
	while (n > 0 && poll(&p, 1, 60000) == 1)
		n = recv(worker_fd, buf, sizeof(buf), 0);
	assert_true(n <= 0);
	gp_loop_run_in(loop, close_in_loop, NULL);
	gp_fd_close(&worker_fd);
}

static void nonsense(void **state)
{
	GP_BUF_AUTO frame = GP_BUF_INIT(ASK_FRAME_MAX);
	struct gp_bayes_totals totals = {0};

	hang_up_on("\xff\xff\xff\xff\x54\0\0\0\0", 9, 1);
	hang_up_on("\x05\0\0\0X\0\0\0\0", 9, 1);
	hang_up_on("\x06\0\0\0N\0\0\0\0\0", 10, 1);
	hang_up_on("\x06\0\0\0T\0\0\0\0\0", 10, 1);
	ask_put_counts(&frame, 1, GP_OK, &totals, NULL, 0); /* an answer is no question */
	hang_up_on(frame.data, frame.len, 1);
	gp_buf_reset(&frame);
	ask_put_name(&frame, 1, GP_DNS_A, GP_STR("a.example"));
	hang_up_on(frame.data, frame.len, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names, begin, end),
		cmocka_unit_test_setup_teardown(counts, begin, end),
		cmocka_unit_test_setup_teardown(failing_store, begin, end),
		cmocka_unit_test_setup_teardown(many_and_late, begin, end),
		cmocka_unit_test_setup_teardown(names, begin, end),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
