/*
 * The store on LMDB: the contract, and what only LMDB can do wrong.
 */
#include <fcntl.h>
#include <lmdb.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "tests/unit/store/contract.h"

extern char **environ;

static char dir[64] = "/tmp/gp-test-lmdb-XXXXXX";

static void advance(int64_t seconds)
{
	gp_clock_set(gp_clock_mono_ms(), gp_clock_real_s() + seconds);
}

static const char *path(const char *name)
{
	static char buf[256];

	snprintf(buf, sizeof(buf), "%s/%s", dir, name);
	return buf;
}

static struct gp_store *open_store(const char *name, unsigned writes, int64_t map_max)
{
	struct gp_store_options o = {.writes = writes, .map_size_max = map_max};
	struct gp_store *st;
	struct gp_diag diag;
	char url[300];

	snprintf(url, sizeof(url), "lmdb:%s", path(name));
	if (gp_store_open(url, &o, &st, &diag) < 0)
		fail_msg("%s", diag.text);
	return st;
}

/* Runs a row of `children` in a process of its own: this program again, because a
 * fork of a process with threads is only half a process. */
static pid_t spawn(const char *child, const char *name)
{
	const char *argv[] = {"test_lmdb", child, dir, name, NULL};
	pid_t pid;

	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL,
				     (char *const *)(uintptr_t)argv, environ),
			 0);
	return pid;
}

static void assert_succeeds(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int setup(void **state)
{
	assert_non_null(mkdtemp(dir));
	contract_store = open_store("contract", GP_STORE_BAYES | GP_STORE_SPAM | GP_STORE_DKIM | GP_STORE_LIMITS |
						    GP_STORE_VIRUS, 0);
	contract_advance = advance;
	return 0;
}

static int teardown(void **state)
{
	char command[300];

	gp_store_close(&contract_store);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int learn_in(const char *name)
{
	contract_store = open_store(name, GP_STORE_BAYES, 0);
	for (uint64_t i = 0; i < 20; i++)
		learn_one(GP_STR(""), i, GP_BAYES_SPAM, 7, 100);
	gp_store_close(&contract_store);
	return 0;
}

/* The filter runs before anything was learned; learning is noticed within a second. */
static void appears_later(void **state)
{
	struct gp_store *reader = open_store("later", GP_STORE_SPAM, 0), *old = contract_store;
	struct gp_bayes_totals t;
	int64_t end = gp_clock_mono_ms() + 60000;

	assert_int_equal(gp_store_bayes_totals(reader, GP_STR(""), soon(), &t), GP_OK);
	assert_int_equal(t.spam, 0);
	assert_int_equal(gp_store_ping(reader, soon(), NULL), GP_OK);
	assert_succeeds(spawn("learn", "later"));
	while (t.spam == 0 && gp_clock_mono_ms() < end) {
		assert_int_equal(gp_store_bayes_totals(reader, GP_STR(""), soon(), &t), GP_OK);
		usleep(20000);
	}
	assert_int_equal(t.spam, 20);
	/* Reading only, so learning is refused, clearly. */
	{
		struct gp_bayes_message m = {.class = GP_BAYES_SPAM};
		struct gp_diag diag;

		assert_int_equal(gp_store_bayes_learn(reader, GP_STR(""), &m, 1, soon(), &diag),
				 GP_EACCES);
		assert_non_null(strstr(diag.text, "does not write"));
	}
	gp_store_close(&reader);
	contract_store = old;
}

/* Removed and learned anew: the reader changes over. */
static void is_replaced(void **state)
{
	struct gp_store *reader = open_store("replaced", 0, 0), *old = contract_store;
	struct gp_bayes_totals t = {0};
	int64_t end;

	assert_succeeds(spawn("learn", "replaced"));
	for (end = gp_clock_mono_ms() + 60000; t.spam != 20 && gp_clock_mono_ms() < end;) {
		assert_int_equal(gp_store_bayes_totals(reader, GP_STR(""), soon(), &t), GP_OK);
		usleep(20000);
	}
	assert_int_equal(t.spam, 20);
	assert_int_equal(unlink(path("replaced/bayes/data.mdb")), 0);
	assert_int_equal(unlink(path("replaced/bayes/lock.mdb")), 0);
	for (end = gp_clock_mono_ms() + 60000; t.spam != 0 && gp_clock_mono_ms() < end;) {
		assert_int_equal(gp_store_bayes_totals(reader, GP_STR(""), soon(), &t), GP_OK);
		usleep(20000);
	}
	assert_int_equal(t.spam, 0);
	gp_store_close(&reader);
	contract_store = old;
}

/* Each message of the writer has 100 tokens of its own and 100 common ones. */
static int read_while_learning(const char *name)
{
	struct gp_store *st = open_store(name, 0, 0);
	struct gp_bayes_count counts[100];
	struct gp_bayes_totals t = {0};
	uint64_t tokens[100];
	int64_t end = gp_clock_mono_ms() + 20000;

	make_tokens(7, tokens, 100);
	while (t.spam < 20) {
		if (gp_store_bayes_get(st, GP_STR(""), tokens, 100, soon(), counts, &t) < 0)
			return 1;
		for (size_t i = 0; i < 100; i++)
			if (counts[i].spam != t.spam) /* one snapshot, never a mixture */
				return 2;
		if (gp_clock_mono_ms() > end)
			return 3;
	}
	gp_store_close(&st);
	return 0;
}

static void readers_see_whole_transactions(void **state)
{
	pid_t reader[3], writer;

	for (int i = 0; i < 3; i++)
		reader[i] = spawn("read", "both");
	writer = spawn("learn", "both");
	assert_succeeds(writer);
	for (int i = 0; i < 3; i++)
		assert_succeeds(reader[i]);
}

static int push_much(const char *name)
{
	struct gp_store *st = open_store(name, GP_STORE_SPAM, 0);
	GP_FREE char *item = gp_xcalloc(GP_RING_ITEM_MAX, 1);

	for (int i = 0; i < 1600; i++) /* 100 MB, the map begins with 64 */
		if (gp_store_ring_push(st, GP_STR("big"), gp_str_n(item, GP_RING_ITEM_MAX), 100000,
				       soon()) < 0)
			return 1;
	gp_store_close(&st);
	return 0;
}

static bool count_item(void *arg, struct gp_str item)
{
	assert_int_equal(item.len, GP_RING_ITEM_MAX);
	++*(size_t *)arg;
	return true;
}

/* The map grows; another process that has it open already follows. */
static void map_grows(void **state)
{
	struct gp_store *reader = open_store("grow", 0, 0);
	size_t n = 0;
	int64_t end = gp_clock_mono_ms() + 20000;
	pid_t writer = spawn("push", "grow");

	while (n < 1600 && gp_clock_mono_ms() < end) {
		n = 0;
		assert_int_equal(gp_store_ring_read(reader, GP_STR("big"), 5000, soon(),
						    count_item, &n),
				 GP_OK);
		usleep(5000);
	}
	assert_int_equal(n, 1600);
	assert_succeeds(writer);
	gp_store_close(&reader);
}

/* Learns messages of tokens that nobody else has until there is no room; how many. */
static uint64_t learn_until_full(struct gp_store *st, uint64_t from)
{
	GP_FREE uint64_t *tokens = gp_xmalloc(1000 * sizeof(*tokens));
	uint64_t i = from;

	for (; i < from + 5000; i++) {
		struct gp_bayes_message m = {
			.class = GP_BAYES_SPAM, .tokens = tokens, .n_tokens = 1000};

		make_tokens(100000 + i, tokens, 1000);
		make_digest(100000 + i, m.digest);
		if (gp_store_bayes_learn(st, GP_STR(""), &m, 1, soon(), NULL) < 0)
			break;
	}
	assert_in_range(i, from, from + 4999);
	assert_true(gp_store_is_full(st));
	return i - from;
}

/* All steps; each must be done although the store is full. */
static uint64_t forget_rare(struct gp_store *st, unsigned age_days)
{
	struct gp_bayes_expiry e = {.count_max = 1, .age_days = age_days, .seen_days = age_days};
	struct gp_diag diag;

	do {
		if (gp_store_bayes_expire(st, GP_STR(""), &e, soon(), &diag) < 0)
			fail_msg("%s", diag.text);
	} while (e.at != 0);
	assert_int_not_equal(e.digests, 0);
	return e.tokens;
}

/* A full map: rare tokens are forgotten all the same, and learning goes on then. */
static void full_is_made_room_in(void **state)
{
	struct gp_store *st = open_store("full-bayes", GP_STORE_BAYES, 4 << 20);
	uint64_t n, tokens = 0;

	n = learn_until_full(st, 0);
	assert_in_range(n, 2, 5000);
	gp_clock_set(gp_clock_mono_ms(), gp_clock_real_s() + 3 * 86400);
	tokens = forget_rare(st, 2);
	gp_clock_set(0, -1);
	assert_in_range(tokens, n * 900, n * 1000);
	assert_in_range(learn_until_full(st, 10000), n / 2, 5000);
	gp_store_close(&st);
}

/* Where tables have no room left, rings give way: the newest items stay, records are kept. */
static void rings_make_room(void **state)
{
	struct gp_store *st = open_store("full-ring", GP_STORE_SPAM, 1 << 20);
	GP_FREE char *item = gp_xcalloc(GP_RING_ITEM_MAX, 1);
	struct gp_record record = {.len = 500}, got;
	size_t n = 0;
	char key[20];
	bool swapped;

	for (int i = 0; i < 60; i++) {
		assert_int_equal(gp_store_ring_push(st, GP_STR("big"),
						    gp_str_n(item, GP_RING_ITEM_MAX), 1000,
						    soon()),
				 GP_OK);
		snprintf(key, sizeof(key), "key%d", i);
		assert_int_equal(gp_store_record_swap(st, GP_STR("t"), gp_str(key), NULL, &record,
						      1000, soon(), &swapped),
				 GP_OK);
		assert_true(swapped);
	}
	assert_int_equal(gp_store_ring_read(st, GP_STR("big"), 1000, soon(), count_item, &n), GP_OK);
	assert_in_range(n, 4, 16);
	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_int_equal(gp_store_record_get(st, GP_STR("t"), gp_str(key), soon(), &got),
				 GP_OK);
	}
	gp_store_close(&st);
}

/* More at once than there is room for in all, so that no ring can give way for it. */
static int push_too_much(struct gp_store *st)
{
	GP_FREE char *item = gp_xcalloc(GP_RING_ITEM_MAX, 1);
	struct gp_str items[100];

	for (size_t i = 0; i < GP_ARRAY_SIZE(items); i++)
		items[i] = gp_str_n(item, GP_RING_ITEM_MAX);
	return gp_store_ring_add(st, GP_STR("big"), items, GP_ARRAY_SIZE(items), 1000, soon());
}

/* At its limit the store refuses, says why, and what is there stays readable. */
static void full_is_temporary(void **state)
{
	struct gp_store *st = open_store("full", GP_STORE_SPAM, 1 << 20);
	GP_FREE char *item = gp_xcalloc(GP_RING_ITEM_MAX, 1);
	struct gp_diag why;
	size_t n = 0;

	assert_int_equal(gp_store_ring_push(st, GP_STR("big"), gp_str_n(item, GP_RING_ITEM_MAX),
					    1000, soon()),
			 GP_OK);
	assert_int_equal(push_too_much(st), GP_ETEMP);
	assert_false(gp_store_is_up(st));
	gp_store_last_error(st, &why);
	assert_non_null(strstr(why.text, "as large as it may become"));
	assert_int_equal(gp_store_ring_read(st, GP_STR("big"), 1000, soon(), count_item, &n), GP_OK);
	assert_int_equal(n, 1);
	gp_store_close(&st);
}

/* Calls under way together, each of so many new keys, every second in the second window; how
 * many were answered well. */
static int take_both(struct gp_store *st, int from, int n, const int64_t window_ms[2])
{
	struct gp_limit_take takes[20][GP_LIMIT_TAKES_MAX];
	struct gp_limit_call *calls[20];
	struct gp_batch *batch = gp_batch_new(soon());
	int good = 0;

	for (int c = 0; c < n; c++) {
		char keys[GP_LIMIT_TAKES_MAX][300];

		for (int i = 0; i < GP_LIMIT_TAKES_MAX; i++) {
			snprintf(keys[i], sizeof(keys[i]), "%0280d", from + c * GP_LIMIT_TAKES_MAX + i);
			takes[c][i] = (struct gp_limit_take){.key = gp_str(keys[i]), .amount = 1,
							     .limit = {.max = 5, .window_ms = window_ms[i % 2]}};
		}
		calls[c] = gp_store_limit_begin(st, batch, GP_STR("limit-room"), takes[c],
						GP_LIMIT_TAKES_MAX, GP_LIMIT_TAKE, 0);
	}
	for (int c = 0; c < n; c++) {
		if (gp_store_limit_finish(calls[c], takes[c]) < 0)
			continue;
		good++;
		for (int i = 0; i < GP_LIMIT_TAKES_MAX; i++)
			assert_int_equal(takes[c][i].answer.used, 1); /* once, however often it was tried */
	}
	gp_batch_free(&batch);
	return good;
}

static int take_some(struct gp_store *st, int from, int n)
{
	return take_both(st, from, n, (const int64_t[]){10000, 10000});
}

/* What is over makes room for new limits, though nobody asks for it; also for those that shared
 * the transaction that found none. */
static void limits_make_room(void **state)
{
	struct gp_store *st = open_store("room", GP_STORE_LIMITS, 1 << 20);
	int from = 0;

	while (take_some(st, from, 1) == 1 && from < 100000)
		from += GP_LIMIT_TAKES_MAX;
	assert_in_range(from, 500, 10000);
	for (int i = 0; i < 3; i++) {
		advance(30);
		from += 100000;
		assert_int_equal(take_some(st, from, 5), 5);
	}
	advance(30);
	from += 100000;
	assert_in_range(take_some(st, from, 20), 5, 19); /* 1,280 do not fit */
	gp_clock_set(0, -1);
	gp_store_close(&st);
}

/* Every second is over, so that each page is to be changed and none gets empty: there are more of
 * them than may be copied at once. */
static void limits_make_room_among_others(void **state)
{
	const int64_t windows[] = {10000, 3600000};
	struct gp_store *st = open_store("room-among", GP_STORE_LIMITS, 24 << 20);
	int from = 0, good = 0;

	while (take_both(st, from, 1, windows) == 1 && from < 200000)
		from += GP_LIMIT_TAKES_MAX;
	assert_in_range(from, 20000, 199999);
	advance(30);
	for (int i = 0; i < 20; i++) {
		from += 10000;
		good += take_both(st, from, 1, windows);
	}
	assert_int_equal(good, 20);
	gp_clock_set(0, -1);
	gp_store_close(&st);
}

/* Another process lists what the owner holds, and may not change it. */
static bool count_limit(void *arg, const struct gp_limit_item *item)
{
	*(int *)arg += (int)item->key.len;
	return true;
}

static bool count_entry(void *arg, const struct gp_entry *entry)
{
	*(int *)arg += (int)entry->value.len;
	return true;
}

static int list_limits(const char *name)
{
	struct gp_store *st = open_store(name, 0, 0);
	struct gp_str key = GP_STR("abc");
	int limits = 0, entries = 0;
	size_t n;

	assert_int_equal(gp_store_limit_each(st, GP_STR("limit-use"), soon(), count_limit, &limits), GP_OK);
	assert_int_equal(gp_store_entry_each(st, GP_STR("limit-held"), soon(), count_entry, &entries),
			 GP_OK);
	assert_int_equal(gp_store_limit_reset(st, GP_STR("limit-use"), &key, 1, soon(), &n), GP_EACCES);
	assert_int_equal(gp_store_entry_put(st, GP_STR("limit-held"), key, key, 10, soon()), GP_EACCES);
	gp_store_close(&st);
	return limits == 3 && entries == 5 ? 0 : 1;
}

/* The file is removed under its writer, or another one put in its place. */
static void is_taken_away(void **state)
{
	struct gp_store *st = open_store("taken", GP_STORE_LIMITS | GP_STORE_SPAM, 0);
	struct gp_limit_take t = {.key = GP_STR("k"), .amount = 1, .limit = {.max = 9, .window_ms = 3600000}};
	struct gp_store *reader;
	char command[400];
	int entries = 0;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			assert_int_equal(gp_store_limit(st, GP_STR("limit-use"), &t, 1, GP_LIMIT_TAKE, 0, soon()),
					 GP_OK);
		assert_int_equal(t.answer.used, 3);
		if (round == 0)
			snprintf(command, sizeof(command), "cd '%s' && cp -r taken saved && rm taken/limits/data.mdb",
				 path(""));
		else if (round == 1)
			snprintf(command, sizeof(command), "cd '%s' && rm -r taken/limits", path(""));
		else
			snprintf(command, sizeof(command), "cd '%s' && mv saved/limits/data.mdb taken/limits/data.mdb",
				 path(""));
		assert_int_equal(system(command), 0);
		usleep(1100000);
	}
	assert_int_equal(gp_store_limit(st, GP_STR("limit-use"), &t, 1, GP_LIMIT_TAKE, 0, soon()), GP_OK);
	assert_int_equal(t.answer.used, 4);
	reader = open_store("taken", 0, 0);
	assert_int_equal(gp_store_limit_each(reader, GP_STR("limit-use"), soon(), count_limit, &entries), GP_OK);
	assert_int_equal(entries, 1);
	gp_store_close(&reader);
	/* Where nothing can be made calls fail, until it can. */
	snprintf(command, sizeof(command), "cd '%s' && rm -r taken && touch taken", path(""));
	assert_int_equal(system(command), 0);
	usleep(1100000);
	assert_int_equal(gp_store_limit(st, GP_STR("limit-use"), &t, 1, GP_LIMIT_TAKE, 0, soon()), GP_ETEMP);
	assert_int_equal(gp_store_entry_put(st, GP_STR("limit-held"), t.key, t.key, 10, soon()), GP_ETEMP);
	assert_int_equal(unlink(path("taken")), 0);
	usleep(1100000);
	while (gp_store_limit(st, GP_STR("limit-use"), &t, 1, GP_LIMIT_TAKE, 0, soon()) == GP_ETEMP)
		usleep(100000); /* the breaker */
	assert_int_equal(t.answer.used, 1);
	gp_store_close(&st);
}

static void ask_named(struct gp_limit_take *t)
{
	assert_int_equal(gp_store_limit(contract_store, GP_STR("limit-names"), t, 1, GP_LIMIT_TAKE, 0, soon()),
			 GP_OK);
}

static void limits_forget_names(void **state)
{
	struct gp_limit_take t = {.key = GP_STR("named for an hour"), .limit = {.max = 10, .window_ms = 86400000},
				  .whole = GP_STR("old"), .amount = 1};

	(void)state;
	ask_named(&t);
	advance(GP_LIMIT_NAME_S - 60);
	ask_named(&t);
	assert_int_equal(t.answer.used, 1);
	advance(GP_LIMIT_NAME_S + 60);
	ask_named(&t);
	assert_int_equal(t.answer.used, 2);
	gp_clock_set(0, -1);
}

static void limits_are_read_elsewhere(void **state)
{
	struct gp_limit_take t = {.key = GP_STR("abc"), .limit = {.max = 5, .window_ms = 60000}, .amount = 1};
	struct gp_store *st;

	assert_int_equal(list_limits("elsewhere"), 1); /* there is nothing yet */
	st = open_store("elsewhere", GP_STORE_LIMITS, 0);
	assert_int_equal(gp_store_limit(st, GP_STR("limit-use"), &t, 1, GP_LIMIT_TAKE, 0, soon()), GP_OK);
	assert_int_equal(gp_store_entry_put(st, GP_STR("limit-held"), GP_STR("who"), GP_STR("value"), 100,
					    soon()),
			 GP_OK);
	assert_succeeds(spawn("list", "elsewhere"));
	gp_store_close(&st);
}

/* Somebody else holds the write lock: the asker's deadline holds, reads go on. */
static int hold_lock(const char *name)
{
	MDB_env *env;
	MDB_txn *txn;
	char file[300];

	snprintf(file, sizeof(file), "%s/spam", path(name));
	if (mdb_env_create(&env) != 0 || mdb_env_open(env, file, 0, 0600) != 0 ||
	    mdb_txn_begin(env, NULL, 0, &txn) != 0)
		return 1;
	snprintf(file, sizeof(file), "%s/held", dir);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	while (access(path("let-go"), F_OK) < 0)
		usleep(5000);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return 0;
}

static void held_lock_costs_the_deadline(void **state)
{
	struct gp_store *st = open_store("held-lock", GP_STORE_SPAM, 0);
	struct gp_record record;
	int64_t begun, value;
	pid_t holder = spawn("hold", "held-lock");

	while (access(path("held"), F_OK) < 0)
		usleep(5000);
	begun = gp_clock_mono_ms();
	assert_int_equal(gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 60,
					      gp_clock_mono_ms() + 100, &value),
			 GP_ETEMP);
	assert_true(gp_clock_mono_ms() - begun >= 100);
	assert_int_equal(gp_store_record_get(st, GP_STR("t"), GP_STR("k"), soon(), &record),
			 GP_ENOENT);
	close(open(path("let-go"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_succeeds(holder);
	assert_int_equal(gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 60, soon(), &value),
			 GP_OK);
	gp_store_close(&st);
}

/* Two programs on one directory, each with tables of its own. */
static void tables_have_owners(void **state)
{
	struct gp_store *spam = open_store("owners", GP_STORE_SPAM, 0);
	struct gp_store *dkim = open_store("owners", GP_STORE_DKIM, 0);
	int64_t value;

	assert_int_equal(gp_store_counter_add(spam, GP_STR("t"), GP_STR("k"), 1, 60, soon(), &value),
			 GP_OK);
	assert_int_equal(gp_store_counter_add(dkim, GP_STR("dkim-t"), GP_STR("k"), 1, 60, soon(),
					      &value),
			 GP_OK);
	assert_int_equal(gp_store_ring_push(spam, GP_STR("dkim-t"), GP_STR("x"), 9, soon()),
			 GP_EACCES);
	assert_int_equal(gp_store_ring_push(dkim, GP_STR("t"), GP_STR("x"), 9, soon()), GP_EACCES);
	gp_store_close(&spam);
	gp_store_close(&dkim);
	assert_int_equal(access(path("owners/spam/data.mdb"), F_OK), 0);
	assert_int_equal(access(path("owners/dkim/data.mdb"), F_OK), 0);
}

static int count_and_die(const char *name)
{
	struct gp_store *st = open_store(name, GP_STORE_SPAM, 0);
	int64_t value;

	if (gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 1000, soon(), &value) < 0)
		return 200;
	_exit((int)value);
}

static int exit_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/* A crash of the process loses nothing; after one of the host nothing is trusted. */
static void crashes(void **state)
{
	struct gp_diag diag;

	assert_int_equal(exit_status(spawn("die", "crash")), 1);
	assert_int_equal(exit_status(spawn("die", "crash")), 2);
	assert_int_equal(gp_file_replace(path("crash/spam/boot"), "another boot", 12, 0600, &diag),
			 GP_OK);
	assert_int_equal(exit_status(spawn("die", "crash")), 1);
	assert_int_equal(access(path("crash/spam/data.mdb.unclean"), F_OK), 0);
	{
		struct gp_store *st = open_store("crash", GP_STORE_SPAM, 0);

		gp_store_close(&st);
	}
	assert_int_equal(access(path("crash/spam/boot"), F_OK), -1);
	assert_int_equal(exit_status(spawn("die", "crash")), 2);
}

/* The group can read whatever the umask; root's files belong to the directory's owner. */
static void files_are_shared(void **state)
{
	mode_t old = umask(077);
	struct gp_store *st;
	struct stat is;

	assert_int_equal(mkdir(path("shared"), 0750), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path("shared"), 12345, 23456), 0);
	st = open_store("shared", GP_STORE_BAYES, 0);
	umask(old);
	gp_store_close(&st);
	assert_int_equal(stat(path("shared/bayes"), &is), 0);
	assert_int_equal(is.st_mode & 07777, 0750);
	assert_int_equal(stat(path("shared/bayes/lock.mdb"), &is), 0);
	assert_int_equal(is.st_mode & 07777, 0660);
	assert_int_equal(is.st_uid, geteuid() == 0 ? 12345 : geteuid());
	if (geteuid() == 0)
		assert_int_equal(is.st_gid, 23456);
}

static void unusable_directory_is_named(void **state)
{
	struct gp_store_options o = {.writes = GP_STORE_BAYES};
	struct gp_store *st;
	struct gp_diag diag;
	char url[300];
	int fd = open(path("file"), O_CREAT | O_WRONLY, 0600);

	close(fd);
	snprintf(url, sizeof(url), "lmdb:%s", path("file"));
	assert_int_equal(gp_store_open(url, &o, &st, &diag), GP_ESYS);
	assert_non_null(strstr(diag.text, "/bayes"));
	assert_int_equal(gp_store_open("lmdb:relative", &o, &st, &diag), GP_EINVAL);
	assert_int_equal(gp_store_open("mysql://x", &o, &st, &diag), GP_EINVAL);
	assert_non_null(strstr(diag.text, "redis://"));
}

/* Not ours: refused when writing, an error (not a crash, not "empty") when reading. */
static void garbage_is_refused(void **state)
{
	struct gp_store_options o = {.writes = GP_STORE_BAYES};
	char junk[8192], url[300];
	struct gp_bayes_totals t;
	struct gp_store *st;
	struct gp_diag diag;

	memset(junk, 'x', sizeof(junk));
	assert_int_equal(mkdir(path("junk"), 0700), 0);
	assert_int_equal(mkdir(path("junk/bayes"), 0700), 0);
	assert_int_equal(gp_file_replace(path("junk/bayes/data.mdb"), junk, sizeof(junk), 0600,
					 &diag),
			 GP_OK);
	snprintf(url, sizeof(url), "lmdb:%s", path("junk"));
	assert_int_equal(gp_store_open(url, &o, &st, &diag), GP_ESYS);
	assert_non_null(strstr(diag.text, "junk/bayes"));
	st = open_store("junk", 0, 0);
	assert_int_equal(gp_store_bayes_totals(st, GP_STR(""), soon(), &t), GP_ESYS);
	gp_store_close(&st);
}

/* A breaker in the way of writes leaves reads alone; refusal is quick. */
static void breaker_is_per_side(void **state)
{
	struct gp_store *st = open_store("breaker", GP_STORE_SPAM, 1 << 20);
	struct gp_record record;
	int64_t begun, value;

	for (int i = 0; i < 20; i++)
		assert_int_equal(push_too_much(st), GP_ETEMP);
	begun = gp_clock_cpu_us();
	for (int i = 0; i < 1000; i++)
		assert_int_equal(gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 60, soon(),
						      &value),
				 GP_ETEMP);
	assert_in_range(gp_clock_cpu_us() - begun, 0, 200000);
	assert_int_equal(gp_store_record_get(st, GP_STR("t"), GP_STR("k"), soon(), &record),
			 GP_ENOENT);
	gp_store_close(&st);
}

static int run_child(char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(const char *name);
	} children[] = {{"learn", learn_in}, {"read", read_while_learning}, {"push", push_much},
			{"hold", hold_lock},  {"die", count_and_die}, {"list", list_limits}};

	snprintf(dir, sizeof(dir), "%s", argv[2]);
	for (size_t i = 0; i < GP_ARRAY_SIZE(children); i++)
		if (strcmp(argv[1], children[i].name) == 0)
			return children[i].fn(argv[3]);
	return 99;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest own[] = {
		cmocka_unit_test(appears_later),
		cmocka_unit_test(is_replaced),
		cmocka_unit_test(readers_see_whole_transactions),
		cmocka_unit_test(map_grows),
		cmocka_unit_test(rings_make_room),
		cmocka_unit_test(full_is_temporary),
		cmocka_unit_test(full_is_made_room_in), cmocka_unit_test(limits_make_room),
		cmocka_unit_test(is_taken_away), cmocka_unit_test(limits_forget_names),
		cmocka_unit_test(limits_make_room_among_others),
		cmocka_unit_test(limits_are_read_elsewhere),
		cmocka_unit_test(held_lock_costs_the_deadline),
		cmocka_unit_test(crashes), cmocka_unit_test(tables_have_owners),
		cmocka_unit_test(files_are_shared),
		cmocka_unit_test(unusable_directory_is_named),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(breaker_is_per_side),
	};
	struct CMUnitTest *all = gp_xcalloc(contract_tests_n + GP_ARRAY_SIZE(own), sizeof(*all));
	int failed;

	if (argc == 4) {
		free(all);
		return run_child(argv);
	}
	memcpy(all, contract_tests, contract_tests_n * sizeof(*all));
	memcpy(all + contract_tests_n, own, sizeof(own));
	failed = _cmocka_run_group_tests("store/lmdb", all, contract_tests_n + GP_ARRAY_SIZE(own),
					 setup, teardown);
	free(all);
	return failed;
}
