/*
 * Limits under many hands: what so many processes and threads count at once comes out exactly,
 * and of a limit of N exactly N pass.
 *
 * "Hosts" are this program again, each a process with a connection to one Redis and sixteen
 * askers on its loop.  An LMDB has one program that writes; there it is askers on the loop and
 * threads that wait.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/store/store.h"
#include "tests/unit/store/redis_server.h"
#include "tests/unit/test.h"

extern char **environ;

#define TABLE GP_STR("limit-shared")
#define ASKERS 16
#define HOSTS 2
#define USES 100000 /* of all together */
#define MEMBERS 500

static int64_t soon(void)
{
	return gp_clock_mono_ms() + 60000;
}

/* Askers on a loop, who begin anew when they have their answer. */

struct crowd {
	struct gp_store *store;
	struct gp_loop *loop;
	struct gp_limit limit;
	const char *key;
	bool has_members;
	_Atomic int64_t left;
	_Atomic int64_t passed, failed, open;
};

struct asker {
	struct crowd *crowd;
	struct gp_batch *batch;
	struct gp_limit_call *call;
	struct gp_call answered;
	struct gp_limit_take take;
	char member[24];
};

static bool next_take(struct crowd *c, struct gp_limit_take *t, char member[24])
{
	int64_t left = atomic_fetch_sub(&c->left, 1);

	if (left <= 0)
		return false;
	*t = (struct gp_limit_take){.key = gp_str(c->key), .limit = c->limit, .amount = 1};
	if (c->has_members) {
		snprintf(member, 24, "%d", (int)(left % MEMBERS));
		t->member = gp_str(member);
	}
	return true;
}

static void begin(struct asker *a)
{
	struct crowd *c = a->crowd;

	if (!next_take(c, &a->take, a->member)) {
		atomic_fetch_sub(&c->open, 1);
		return;
	}
	a->batch = gp_batch_new(soon());
	a->call = gp_store_limit_begin(c->store, a->batch, TABLE, &a->take, 1, GP_LIMIT_TAKE, 0);
	gp_batch_notify(a->batch, c->loop, &a->answered);
}

static void answered(void *arg)
{
	struct asker *a = arg;

	if (gp_store_limit_finish(a->call, &a->take) < 0)
		atomic_fetch_add(&a->crowd->failed, 1);
	else
		atomic_fetch_add(&a->crowd->passed, a->take.answer.passed);
	gp_batch_free(&a->batch);
	begin(a);
}

static void begin_all(void *arg)
{
	struct asker *askers = arg;

	for (size_t i = 0; i < ASKERS; i++)
		begin(&askers[i]);
}

static void crowd_run(struct crowd *c)
{
	struct asker askers[ASKERS] = {0};

	for (size_t i = 0; i < ASKERS; i++) {
		askers[i].crowd = c;
		askers[i].answered = (struct gp_call){.fn = answered, .arg = &askers[i]};
	}
	c->open = ASKERS;
	gp_loop_run_in(c->loop, begin_all, askers);
	while (c->open > 0)
		usleep(1000);
	assert_int_equal(c->failed, 0);
}

static int64_t used_of(struct gp_store *store, const char *key, const struct gp_limit *limit)
{
	struct gp_limit_take t = {.key = gp_str(key), .limit = *limit};

	assert_int_equal(gp_store_limit(store, TABLE, &t, 1, GP_LIMIT_LOOK, 0, soon()), GP_OK);
	return t.answer.used;
}

static void open_store(const char *url, struct gp_loop **ret_loop, struct gp_store **ret)
{
	struct gp_store_options o = {.writes = GP_STORE_LIMITS, .timeout_ms = 60000};
	struct gp_diag diag;

	assert_int_equal(gp_loop_open(ret_loop, &diag), GP_OK);
	o.loop = *ret_loop;
	if (gp_store_open(url, &o, ret, &diag) < 0)
		fail_msg("%s", diag.text);
}

/* What is counted: key, uses, the limit's max, members or not; and what comes out. */
static const struct round {
	const char *key;
	int64_t uses, max, used;
	bool has_members;
} rounds[] = {
	{"sum", USES, GP_LIMIT_MAX, USES, false},
	{"exactly", 40000, 12345, 12345, false},
	{"one", 2000, 1, 1, false},
	{"members", 5000, GP_LIMIT_MAX, MEMBERS, true},
	{"few members", 5000, 77, 77, true},
};

static struct gp_limit limit_of(const struct round *round)
{
	return (struct gp_limit){.max = round->max, .window_ms = 86400000};
}

/* Of members, those that are known pass always. */
static void check(struct gp_store *store, const struct round *round, int64_t passed)
{
	struct gp_limit limit = limit_of(round);

	assert_int_equal(used_of(store, round->key, &limit), round->used);
	if (!round->has_members)
		assert_int_equal(passed, round->used);
}

/* Hosts. */

static int host_main(char **argv)
{
	uint64_t number = 0;
	const struct round *round;
	struct gp_store *store;
	struct gp_loop *loop;
	struct crowd c = {0};
	int64_t sum;

	if (gp_num_parse_uint(gp_str(argv[2]), 10, &number) < 0 || number >= GP_ARRAY_SIZE(rounds))
		return 2;
	round = &rounds[number];
	open_store(argv[1], &loop, &store);
	c.store = store;
	c.loop = loop;
	c.limit = limit_of(round);
	c.key = round->key;
	c.has_members = round->has_members;
	c.left = round->uses / HOSTS;
	crowd_run(&c);
	assert_int_equal(gp_store_counter_add(store, TABLE, gp_str(round->key), c.passed, 86400, soon(), &sum),
			 GP_OK);
	gp_store_close(&store);
	gp_loop_close(&loop);
	return 0;
}

static void hosts_share_a_redis(void **state)
{
	struct redis_server server = {0};
	struct gp_store *store;
	struct gp_loop *loop;

	(void)state;
	if (!redis_is_installed())
		skip();
	redis_start(&server, NULL);
	open_store(server.url, &loop, &store);
	for (size_t i = 0; i < GP_ARRAY_SIZE(rounds); i++) {
		char number[8];
		const char *argv[] = {"test_shared", server.url, number, NULL};
		pid_t pids[HOSTS];
		int64_t passed;

		snprintf(number, sizeof(number), "%zu", i);
		for (size_t k = 0; k < HOSTS; k++)
			assert_int_equal(posix_spawn(&pids[k], "/proc/self/exe", NULL, NULL,
						     (char *const *)(uintptr_t)argv, environ),
					 0);
		for (size_t k = 0; k < HOSTS; k++) {
			int status;

			assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		}
		assert_int_equal(gp_store_counter_add(store, TABLE, gp_str(rounds[i].key), 0, 86400, soon(),
						      &passed),
				 GP_OK);
		check(store, &rounds[i], passed);
	}
	gp_store_close(&store);
	gp_loop_close(&loop);
	redis_remove(&server);
}

/* Threads beside the loop. */

static void *thread_main(void *arg)
{
	struct crowd *c = arg;
	struct gp_limit_take t;
	char member[24];

	while (next_take(c, &t, member)) {
		if (gp_store_limit(c->store, TABLE, &t, 1, GP_LIMIT_TAKE, 0, soon()) < 0)
			atomic_fetch_add(&c->failed, 1);
		else
			atomic_fetch_add(&c->passed, t.answer.passed);
	}
	return NULL;
}

static void threads_share_an_lmdb(void **state)
{
	char dir[] = "/tmp/gp-test-shared-XXXXXX", url[64], command[64];
	struct gp_store *store;
	struct gp_loop *loop;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(url, sizeof(url), "lmdb:%s", dir);
	open_store(url, &loop, &store);
	for (size_t i = 0; i < GP_ARRAY_SIZE(rounds); i++) {
		struct crowd c = {.store = store, .loop = loop, .limit = limit_of(&rounds[i]),
				  .key = rounds[i].key, .has_members = rounds[i].has_members,
				  .left = rounds[i].uses};
		pthread_t threads[4];

		for (size_t k = 0; k < 4; k++)
			assert_int_equal(pthread_create(&threads[k], NULL, thread_main, &c), 0);
		crowd_run(&c);
		for (size_t k = 0; k < 4; k++)
			pthread_join(threads[k], NULL);
		assert_int_equal(c.failed, 0);
		check(store, &rounds[i], c.passed);
	}
	/* A new beginning forgets nothing. */
	gp_store_close(&store);
	gp_loop_close(&loop);
	open_store(url, &loop, &store);
	for (size_t i = 0; i < GP_ARRAY_SIZE(rounds); i++) {
		struct gp_limit limit = limit_of(&rounds[i]);

		assert_int_equal(used_of(store, rounds[i].key, &limit), rounds[i].used);
	}
	gp_store_close(&store);
	gp_loop_close(&loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_share_a_redis),
		cmocka_unit_test(threads_share_an_lmdb),
	};

	if (argc == 3)
		return host_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
