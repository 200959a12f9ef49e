/*
 * The store on Redis: the contract on a private redis-server, and the drills:
 * down, killed, restarted, full, locked, slow, silent, not Redis at all.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "tests/unit/store/contract.h"
#include "tests/unit/store/redis_server.h"

static struct redis_server server; /* of the contract */
static char dir[] = "/tmp/gp-test-redis-XXXXXX"; /* the fakes' sockets, password files */

static void advance(int64_t seconds)
{
	usleep((useconds_t)seconds * 1000000 + 50000);
}

static struct gp_store *open_with(const char *url, const struct gp_store_options *o)
{
	struct gp_store *st;
	struct gp_diag diag;

	if (gp_store_open(url, o, &st, &diag) < 0)
		fail_msg("%s", diag.text);
	return st;
}

/* A short timeout, so that the drills are quick. */
static struct gp_store *open_store(const char *url)
{
	struct gp_store_options o = {.timeout_ms = 500, .breaker_ms = 300};

	return open_with(url, &o);
}

static int setup(void **state)
{
	struct gp_store_options o = {0};

	assert_non_null(mkdtemp(dir));
	contract_advance = advance;
	if (!redis_is_installed())
		return 0;
	redis_start(&server, NULL);
	contract_store = open_with(server.url, &o);
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	gp_store_close(&contract_store);
	if (redis_is_installed())
		redis_remove(&server);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int count(struct gp_store *st, int64_t *ret)
{
	return gp_store_counter_add(st, GP_STR("drill"), GP_STR("key"), 1, 1000, soon(), ret);
}

static void assert_error(struct gp_store *st, const char *text)
{
	struct gp_diag why;

	gp_store_last_error(st, &why);
	if (!strstr(why.text, text))
		fail_msg("\"%s\" does not say \"%s\"", why.text, text);
}

/* Until the store works again. */
static void assert_recovers(struct gp_store *st)
{
	int64_t end = gp_clock_mono_ms() + 60000, n;
	int r;

	while ((r = count(st, &n)) < 0 && gp_clock_mono_ms() < end)
		usleep(20000);
	assert_int_equal(r, GP_OK);
	assert_true(gp_store_is_up(st));
}

static void down_at_start(void **state)
{
	struct redis_server s = {0};
	struct gp_store *st;
	int64_t begun, n;

	redis_start(&s, NULL);
	redis_kill(&s);
	st = open_store(s.url);
	begun = gp_clock_mono_ms();
	for (int i = 0; i < 1000; i++) /* waiting a tenth of a second for each would be too long */
		assert_int_equal(count(st, &n), GP_ETEMP);
	assert_in_range(gp_clock_mono_ms() - begun, 0, 50000);
	assert_false(gp_store_is_up(st));
	assert_error(st, s.socket);
	redis_start(&s, NULL);
	assert_recovers(st);
	gp_store_close(&st);
	redis_remove(&s);
}

/* Killed and started anew, it knows neither connection nor scripts. */
static void killed_and_restarted(void **state)
{
	struct redis_server s = {0};
	struct gp_store *st;
	int64_t n;

	redis_start(&s, NULL);
	st = open_store(s.url);
	assert_int_equal(count(st, &n), GP_OK);
	assert_int_equal(n, 1);
	redis_kill(&s);
	assert_int_equal(count(st, &n), GP_ETEMP);
	redis_start(&s, NULL);
	assert_recovers(st);
	assert_string_equal(redis_command(&s, "SCRIPT FLUSH"), "+OK");
	assert_int_equal(count(st, &n), GP_OK);
	gp_store_close(&st);
	redis_remove(&s);
}

static int begin_named(struct gp_store *st, const char *name, bool *ret_unsure)
{
	struct gp_limit_take t = {.key = GP_STR("k"), .whole = gp_str(name), .amount = 1,
				  .limit = {.max = 10, .window_ms = 86400000}};
	struct gp_batch *batch = gp_batch_new(soon());
	struct gp_limit_call *call =
		gp_store_limit_begin(st, batch, GP_STR("limit-test"), &t, 1, GP_LIMIT_TAKE, 0);
	int r = gp_store_limit_finish(call, &t);

	*ret_unsure = gp_store_limit_is_unsure(call);
	gp_batch_free(&batch);
	return r == GP_OK ? (int)t.answer.used : r;
}

/* Who gets no answer knows whether it may have been counted; asked again under its name it is
 * counted once. */
static void limits_not_answered(void **state)
{
	struct redis_server s = {0};
	struct gp_store *st;
	bool unsure;
	int r;

	redis_start(&s, NULL);
	st = open_store(s.url);
	assert_int_equal(begin_named(st, "a", &unsure), 1);
	assert_string_equal(redis_command(&s, "EVAL \"return redis.call('TTL', redis.call('KEYS', '*}n*')[1])\" 0"),
			    ":3600");
	assert_string_equal(redis_command(&s, "CLIENT PAUSE 1000"), "+OK");
	assert_int_equal(begin_named(st, "b", &unsure), GP_ETEMP);
	assert_true(unsure);
	while ((r = begin_named(st, "b", &unsure)) == GP_ETEMP)
		usleep(100000);
	assert_int_equal(r, 2);
	redis_kill(&s);
	while (begin_named(st, "c", &unsure) != GP_ETEMP || unsure)
		usleep(10000);
	gp_store_close(&st);
	redis_remove(&s);
}

/* Full: writes are refused with the reason, reads go on. */
static void full_memory(void **state)
{
	struct redis_server s = {0};
	struct gp_store *old = contract_store;
	uint64_t tokens[3000];
	struct gp_bayes_message m = {
		.class = GP_BAYES_SPAM, .tokens = tokens, .n_tokens = GP_ARRAY_SIZE(tokens)};
	struct gp_bayes_totals t;
	struct gp_diag diag;

	redis_start(&s, NULL);
	contract_store = open_store(s.url);
	learn_one(GP_STR(""), 1, GP_BAYES_SPAM, 1, 100);
	assert_string_equal(redis_command(&s, "CONFIG SET maxmemory 500kb"), "+OK");
	make_tokens(2, tokens, GP_ARRAY_SIZE(tokens));
	make_digest(2, m.digest);
	assert_int_equal(gp_store_bayes_learn(contract_store, GP_STR(""), &m, 1, soon(), &diag),
			 GP_ETEMP);
	assert_non_null(strstr(diag.text, "OOM"));
	assert_int_equal(gp_store_bayes_totals(contract_store, GP_STR(""), soon(), &t), GP_OK);
	assert_int_equal(t.spam, 1);
	assert_string_equal(redis_command(&s, "CONFIG SET maxmemory 0"), "+OK");
	assert_int_equal(gp_store_bayes_learn(contract_store, GP_STR(""), &m, 1, soon(), &diag),
			 GP_OK);
	assert_int_equal(m.learned, GP_LEARNED_NEW);
	gp_store_close(&contract_store);
	contract_store = old;
	redis_remove(&s);
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

/* maxmemory reached, nothing is evicted: rare tokens are forgotten all the same, and learning goes on then. */
static void full_is_made_room_in(void **state)
{
	const char *options[] = {"--maxmemory", "12mb", "--maxmemory-policy", "noeviction", NULL};
	struct redis_server s = {0};
	struct gp_store *st;
	uint64_t n, tokens = 0;

	redis_start(&s, options);
	st = open_store(s.url);
	n = learn_until_full(st, 0);
	assert_in_range(n, 2, 5000);
	gp_clock_set(gp_clock_mono_ms(), gp_clock_real_s() + 3 * 86400);
	tokens = forget_rare(st, 2);
	gp_clock_set(0, -1);
	assert_in_range(tokens, n * 900, n * 1000);
	assert_in_range(learn_until_full(st, 10000), n / 2, 5000);
	gp_store_close(&st);
	redis_remove(&s);
}

static const char *password_file(const char *name, const char *text)
{
	static char path[100];
	struct gp_diag diag;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(gp_file_replace(path, text, strlen(text), 0600, &diag), GP_OK);
	return path;
}

static void passwords(void **state)
{
	const char *options[] = {"--requirepass", "open sesame", NULL};
	struct gp_store_options o = {.timeout_ms = 500};
	struct redis_server s = {0};
	struct gp_store *st;
	char url[200];
	int64_t n;

	redis_start(&s, options);
	st = open_with(s.url, &o);
	assert_int_equal(count(st, &n), GP_ETEMP);
	assert_error(st, "NOAUTH");
	gp_store_close(&st);

	o.password_file = password_file("wrong", "open\n");
	st = open_with(s.url, &o);
	assert_int_equal(count(st, &n), GP_ETEMP);
	assert_error(st, "WRONGPASS");
	gp_store_close(&st);

	password_file("right", "open sesame\n");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	o.password_file = "right"; /* relative: a credential */
	snprintf(url, sizeof(url), "%s?db=3", s.url);
	st = open_with(url, &o);
	assert_int_equal(count(st, &n), GP_OK);
	gp_store_close(&st);
	o.username = "default";
	st = open_with(url, &o);
	assert_int_equal(count(st, &n), GP_OK);
	assert_int_equal(n, 2);
	gp_store_close(&st);
	unsetenv("CREDENTIALS_DIRECTORY");
	redis_remove(&s);
}

static int free_port(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

static void tls(void **state)
{
	char command[600], key[100], cert[100], port[10], url[100];
	const char *options[] = {"--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
				 "--tls-ca-cert-file", cert, "--tls-auth-clients", "no", NULL};
	struct gp_store_options o = {.timeout_ms = 2000, .tls_ca_file = cert};
	struct redis_server s = {0};
	struct gp_store *st;
	struct gp_diag diag;
	int64_t n;

	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		 "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
		 "-keyout '%s' -out '%s' 2>/dev/null", key, cert);
	if (system(command) != 0)
		skip();
	snprintf(port, sizeof(port), "%d", free_port());
	redis_start(&s, options);
	snprintf(url, sizeof(url), "rediss://localhost:%s/1", port);
	st = open_with(url, &o);
	if (count(st, &n) < 0) {
		gp_store_last_error(st, &diag);
		fail_msg("%s", diag.text);
	}
	gp_store_close(&st);
	snprintf(url, sizeof(url), "rediss://127.0.0.1:%s/1", port);
	st = open_with(url, &o);
	assert_int_equal(count(st, &n), GP_OK);
	assert_int_equal(n, 2);
	gp_store_close(&st);
	/* Somebody else's name; an authority that did not sign it; no TLS at all. */
	o.tls_name = "redis.example.org";
	st = open_with(url, &o);
	assert_int_equal(count(st, &n), GP_ETEMP);
	assert_error(st, "certificate");
	gp_store_close(&st);
	o = (struct gp_store_options){.timeout_ms = 2000};
	st = open_with(url, &o);
	assert_int_equal(count(st, &n), GP_ETEMP);
	assert_error(st, "certificate");
	gp_store_close(&st);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%s", port);
	st = open_with(url, &o);
	assert_int_equal(count(st, &n), GP_ETEMP);
	gp_store_close(&st);
	o.tls_ca_file = "/nonexistent.pem";
	assert_int_equal(gp_store_open("rediss://localhost", &o, &st, &diag), GP_EINVAL);
	assert_non_null(strstr(diag.text, "/nonexistent.pem"));
	redis_remove(&s);
}

/* Learning in another process shows after the cache's time at the latest. */
static void others_learn(void **state)
{
	struct gp_store *other = open_store(server.url), *mine = contract_store;
	struct gp_bayes_count counts[50];
	struct gp_bayes_totals t;
	uint64_t tokens[50];
	int64_t end = gp_clock_mono_ms() + 60000;

	make_tokens(500, tokens, 50);
	assert_int_equal(gp_store_bayes_get(mine, GP_STR("others"), tokens, 50, soon(), counts, &t),
			 GP_OK);
	contract_store = other;
	learn_one(GP_STR("others"), 1, GP_BAYES_SPAM, 500, 50);
	learn_one(GP_STR("others"), 2, GP_BAYES_SPAM, 500, 25);
	contract_store = mine;
	do {
		assert_int_equal(gp_store_bayes_get(mine, GP_STR("others"), tokens, 50, soon(),
						    counts, &t),
				 GP_OK);
		for (size_t i = 0; i < 50; i++) /* one state, not a mixture */
			assert_int_equal(counts[i].spam, i < 25 ? t.spam : t.spam > 0);
	} while (t.spam < 2 && gp_clock_mono_ms() < end);
	assert_int_equal(t.spam, 2);
	gp_store_close(&other);
}

/* The rest needs no server. */

static const char *fake_url(const char *path)
{
	static char url[200];

	snprintf(url, sizeof(url), "redis+unix://%s", path);
	return url;
}

static const char *fake_path(void)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/fake.sock", dir);
	return path;
}

/* A late answer belongs to its question: the next asker does not get it. */
static void late_answers_are_dropped(void **state)
{
	struct redis_fake *fake = fake_start(fake_path(), FAKE_SLOW, 700);
	struct gp_store_options o = {.timeout_ms = 30000};
	struct gp_store *st = open_with(fake_url(fake_path()), &o);
	int64_t begun, n;

	assert_int_equal(count(st, &n), GP_OK); /* the greeting was answer 0 */
	assert_int_equal(n, 1);
	begun = gp_clock_mono_ms();
	assert_int_equal(gp_store_counter_add(st, GP_STR("t"), GP_STR("k"), 1, 60,
					      gp_clock_mono_ms() + 60, &n),
			 GP_ETEMP);
	assert_true(gp_clock_mono_ms() - begun >= 60);
	assert_int_equal(count(st, &n), GP_OK);
	assert_int_equal(n, 3);
	gp_store_close(&st);
	fake_stop(fake);
}

/* It costs one bounded wait, then (nearly) nothing. */
static void silent_server(void **state)
{
	struct redis_fake *fake = fake_start(fake_path(), FAKE_SILENT, 0);
	struct gp_store_options o = {.timeout_ms = 200, .breaker_ms = 10000};
	struct gp_store *st = open_with(fake_url(fake_path()), &o);
	int64_t begun = gp_clock_mono_ms(), n;
	struct gp_bayes_totals t;

	assert_int_equal(count(st, &n), GP_ETEMP);
	assert_true(gp_clock_mono_ms() - begun >= 150);
	for (int i = 0; i < 3; i++)
		assert_int_equal(count(st, &n), GP_ETEMP);
	begun = gp_clock_mono_ms();
	for (int i = 0; i < 10000; i++)
		assert_int_equal(count(st, &n), GP_ETEMP);
	assert_in_range(gp_clock_mono_ms() - begun, 0, 50000);
	assert_int_equal(gp_store_bayes_totals(st, GP_STR(""), soon(), &t), GP_ETEMP);
	gp_store_close(&st);
	fake_stop(fake);
}

static void not_redis(void **state)
{
	static const enum fake_manner manners[] = {FAKE_GARBAGE, FAKE_HUGE};

	for (size_t i = 0; i < GP_ARRAY_SIZE(manners); i++) {
		struct redis_fake *fake = fake_start(fake_path(), manners[i], 0);
		struct gp_store *st = open_store(fake_url(fake_path()));
		int64_t n;

		assert_int_equal(count(st, &n), GP_ETEMP);
		assert_error(st, "not Redis' protocol");
		gp_store_close(&st);
		fake_stop(fake);
	}
}

/* Wrong types of answer are an error of the server, not a crash. */
static void wrong_answers(void **state)
{
	struct redis_fake *fake = fake_start(fake_path(), FAKE_SLOW, 0);
	struct gp_store *st = open_store(fake_url(fake_path()));
	struct gp_bayes_totals t;
	struct gp_record record;

	assert_int_equal(gp_store_bayes_totals(st, GP_STR(""), soon(), &t), GP_ESYS);
	assert_int_equal(gp_store_record_get(st, GP_STR("t"), GP_STR("k"), soon(), &record),
			 GP_ESYS);
	gp_store_close(&st);
	fake_stop(fake);
}

static void urls(void **state)
{
	static const struct {
		const char *url, *why;
	} bad[] = {
		{"redis://user:secret@localhost", "password_file"},
		{"redis://", "HOST"},
		{"redis://host:99999", "HOST"},
		{"redis://[::1", "HOST"},
		{"redis://host/x", "database"},
		{"redis://host/-1", "database"},
		{"redis+unix://relative/path", "SOCKET"},
		{"redis+unix:///path?password=x", "db=N"},
		{"redis+unix:///path?db=", ""},
	};
	struct gp_store *st;
	struct gp_diag diag;

	for (size_t i = 0; i + 1 < GP_ARRAY_SIZE(bad); i++) {
		if (gp_store_open(bad[i].url, NULL, &st, &diag) != GP_EINVAL)
			fail_msg("%s was taken", bad[i].url);
		assert_non_null(strstr(diag.text, bad[i].why));
	}
	for (const char **good = (const char *[]){"redis://[::1]:6379/2", "redis://u@127.0.0.1",
						  "redis+unix:///nowhere?db=2", NULL};
	     *good; good++) {
		if (gp_store_open(*good, NULL, &st, &diag) < 0)
			fail_msg("%s: %s", *good, diag.text);
		gp_store_close(&st);
	}
}

int main(void)
{
	static const struct CMUnitTest with_server[] = {
		cmocka_unit_test(others_learn), cmocka_unit_test(down_at_start),
		cmocka_unit_test(killed_and_restarted), cmocka_unit_test(full_memory),
		cmocka_unit_test(full_is_made_room_in), cmocka_unit_test(limits_not_answered),
		cmocka_unit_test(passwords),	cmocka_unit_test(tls),
	};
	static const struct CMUnitTest without[] = {
		cmocka_unit_test(late_answers_are_dropped), cmocka_unit_test(silent_server),
		cmocka_unit_test(not_redis),		    cmocka_unit_test(wrong_answers),
		cmocka_unit_test(urls),
	};
	struct CMUnitTest *all = gp_xcalloc(contract_tests_n + 20, sizeof(*all));
	size_t n = 0;
	int failed;

	memcpy(all, without, sizeof(without));
	n += GP_ARRAY_SIZE(without);
	if (redis_is_installed()) {
		memcpy(all + n, contract_tests, contract_tests_n * sizeof(*all));
		n += contract_tests_n;
		memcpy(all + n, with_server, sizeof(with_server));
		n += GP_ARRAY_SIZE(with_server);
	} else {
		fprintf(stderr, "skipped: redis-server is not installed\n");
	}
	failed = _cmocka_run_group_tests("store/redis", all, n, setup, teardown);
	free(all);
	return failed;
}
