/*
 * Engines over the fake one, for tests: real processes, without libclamav and without confinement.
 *
 *	start("good", VIRUS_RELOAD_OVERLAP);
 *	v = scan("a VIRUS");
 *
 * The test's main() is to call virus_spawner_main(&fake_engine, …) first.
 */
#ifndef GP_TEST_VIRUS_OVER_FAKE_H
#define GP_TEST_VIRUS_OVER_FAKE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "milter-virus/database.h"
#include "milter-virus/folder.h"
#include "milter-virus/loader.h"
#include "milter-virus/scan.h"
#include "milter-virus/spawner.h"
#include "milter-virus/spool.h"
#include "tests/fakes/fake_engine.h"
#include "tests/unit/test.h"

#define WAIT_MS 60000

static char dir[] = "/tmp/gatepost-engines.XXXXXX";
static char folder[64], database[80], temporary[64], slow[80], copies[64], kept[80];
static const char *copy = "";
static size_t cache_size = 100;
static int64_t workers = 2, deadline_ms = WAIT_MS, check_ms = 50;
static struct gp_loop *loop;
static struct virus_scanner scanner;
static struct virus_conf conf;

static inline void put_database(const char *word)
{
	assert_int_equal(gp_file_replace(database, word, strlen(word), 0644, NULL), GP_OK);
}

static inline struct virus_status_report report(void)
{
	struct virus_status_report r;

	virus_engines_report(scanner.engines, &r);
	return r;
}

/* Until a condition holds. */
#define wait_for(cond)                                                                             \
	do {                                                                                       \
		int64_t end_ = gp_clock_mono_ms() + WAIT_MS;                                       \
		while (!(cond) && gp_clock_mono_ms() < end_)                                       \
			usleep(2000);                                                              \
		assert_true(cond);                                                                 \
	} while (0)

/* Until a condition of the status holds. */
#define wait_until(cond)                                                                           \
	do {                                                                                       \
		int64_t end_ = gp_clock_mono_ms() + WAIT_MS;                                       \
		struct virus_status_report r = report();                                           \
		while (!(cond) && gp_clock_mono_ms() < end_) {                                     \
			usleep(5000);                                                              \
			r = report();                                                              \
		}                                                                                  \
		assert_true(cond);                                                                 \
	} while (0)

static inline size_t idle_workers(void)
{
	struct virus_pool_counts n;

	virus_pool_count(scanner.pool, &n);
	return n.idle;
}

/* With a spawner whose descriptor is this. */
static inline void start_with(int spawner_fd, const char *word, enum virus_reload reload)
{
	struct virus_engines_options options = {.conf = &conf, .spawner_fd = spawner_fd};

	conf = (struct virus_conf){.database = folder,
				   .database_copy = copy,
				   .temporary = temporary,
				   .database_check_ms = check_ms,
				   .reload = reload,
				   .workers = workers,
				   .deadline_ms = deadline_ms,
				   .queue_max = 10,
				   .queue_wait_ms = WAIT_MS};
	if (word)
		put_database(word);
	else
		(void)unlink(database);
	assert_int_equal(gp_loop_open(&loop, NULL), GP_OK);
	options.loop = loop;
	options.pool = scanner.pool = virus_pool_new();
	options.cache = scanner.cache = virus_cache_new(cache_size, 60000);
	scanner.pending = virus_pending_new();
	scanner.engines = virus_engines_open(&options);
}

static inline void start(const char *word, enum virus_reload reload)
{
	static const struct gp_conf_log log = {.level = GP_LOG_ERROR};
	struct virus_spawner_options spawner = {.program = "/proc/self/exe", .user = "", .log = &log};
	int fd;

	assert_int_equal(virus_spawner_start(&spawner, &fd, NULL), GP_OK);
	start_with(fd, word, reload);
}

static inline int stop(void **state)
{
	(void)state;
	virus_engines_close(&scanner.engines);
	virus_pool_free(&scanner.pool);
	virus_cache_free(&scanner.cache);
	virus_pending_free(&scanner.pending);
	gp_loop_close(&loop);
	return 0;
}

static inline struct virus_verdict scan(const char *text)
{
	GP_FD_AUTO fd = virus_spool_text(gp_str(text));
	struct virus_scan_request request = {.fd = fd, .size = strlen(text), .conf = &conf};
	struct virus_verdict v;

	virus_scan_message(&scanner, &request, &v);
	return v;
}

static inline int make_folders(void **state)
{
	(void)state;
	gp_log_setup(GP_LOG_ERROR, GP_LOG_TEXT, NULL);
	assert_non_null(mkdtemp(dir));
	snprintf(folder, sizeof(folder), "%s/database", dir);
	snprintf(database, sizeof(database), "%s/" FAKE_DATABASE, folder);
	snprintf(slow, sizeof(slow), "%s/slow.ndb", folder);
	snprintf(copies, sizeof(copies), "%s/copies", dir);
	snprintf(kept, sizeof(kept), "%s/" VIRUS_DATABASE_GOOD "/" FAKE_DATABASE, copies);
	snprintf(temporary, sizeof(temporary), "%s/temporary", dir);
	return mkdir(temporary, 0700) | mkdir(folder, 0700) | mkdir(copies, 0700);
}

static inline int remove_folders(void **state)
{
	(void)state;
	virus_folder_remove(dir);
	return 0;
}

#endif
