/*
 * The queue: what is written is read, also by the next process; a file that the disk has
 * spoiled meanwhile is passed over, and what was in it does not wait any more.  However
 * quick the reader is, who wrote a record hears first that it is written.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "controller/journal.h"
#include "lib/base/fd.h"
#include "tests/unit/test.h"

static struct gp_loop *loop;
static struct journal *journal;
static char directory[64];
static sem_t written;
static struct gp_buf bytes;

static void open_journal(void)
{
	struct gp_diag diag = {""};

	assert_int_equal(journal_open(directory, 1 << 20, 1, &journal, &diag), GP_OK);
}

static int setup(void **state)
{
	/* In memory, if it can be: a disk is slow enough for every writer to be told in time. */
	snprintf(directory, sizeof(directory), "/dev/shm/gatepost-journal-XXXXXX");
	if (!mkdtemp(directory)) {
		snprintf(directory, sizeof(directory), "/tmp/gatepost-journal-XXXXXX");
		assert_non_null(mkdtemp(directory));
	}
	sem_init(&written, 0, 0);
	gp_buf_init(&bytes, 1 << 20);
	(void)gp_buf_reserve(&bytes, 1 << 20); /* records point into it */
	assert_int_equal(gp_loop_open(&loop, NULL), GP_OK);
	open_journal();
	return 0;
}

static void path_of(const char *name, char ret[128])
{
	snprintf(ret, 128, "%s/%s", directory, name);
}

static int teardown(void **state)
{
	static const char *const names[] = {"queue-0000000000000001", "position"};
	char path[128];

	journal_close(&journal);
	gp_loop_close(&loop);
	gp_buf_done(&bytes);
	sem_destroy(&written);
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++) {
		path_of(names[i], path);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(directory), 0);
	return 0;
}

static void done(struct journal_write *w, int result)
{
	assert_int_equal(result, GP_OK);
	sem_post(&written);
}

static void append(const char *message)
{
	struct journal_record record = {.kind = JOURNAL_LESSON, .class = 's', .time_s = 1000,
					.user = GP_STR("alice"), .message = gp_str(message)};
	struct journal_write w = {.loop = loop, .done = done};

	assert_int_equal(journal_append(journal, &record, &w), GP_OK);
	assert_int_equal(sem_wait(&written), 0);
}

static uint64_t waiting(void)
{
	struct journal_stats stats;

	journal_stats(journal, &stats);
	return stats.records;
}

static void read_next(const char *message, uint64_t number)
{
	struct journal_record record;

	assert_int_equal(journal_read(journal, &bytes, &record), GP_OK);
	assert_true(gp_str_eq(record.message, gp_str(message)));
	assert_int_equal(record.number, number);
}

static void what_is_written_is_read(void **state)
{
	struct journal_record record;

	append("one");
	append("two");
	read_next("one", 1);
	read_next("two", 2);
	assert_int_equal(journal_read(journal, &bytes, &record), GP_ENOENT);
	assert_int_equal(waiting(), 2);
	assert_int_equal(journal_done(journal, 1, 0, 1, NULL), GP_OK);
	journal_close(&journal);
	open_journal();
	assert_int_equal(waiting(), 1);
	read_next("two", 2);
}

static void a_spoiled_file_is_passed_over(void **state)
{
	struct journal_record record;
	struct journal_stats stats;
	char path[128];

	append("one");
	append("two");
	append("three");
	read_next("one", 1);
	path_of("queue-0000000000000001", path);
	{
		GP_FD_AUTO fd = open(path, O_WRONLY | O_CLOEXEC);
		off_t size = lseek(fd, 0, SEEK_END);

		for (off_t at = size / 3; at < size; at += 8)
			assert_int_equal(pwrite(fd, "\xff", 1, at), 1);
	}
	assert_int_equal(journal_read(journal, &bytes, &record), GP_ENOENT);
	assert_int_equal(waiting(), 1); /* the one that was read and is not done */
	assert_int_equal(journal_done(journal, 1, 1 << 10, 1, NULL), GP_OK);
	journal_stats(journal, &stats);
	assert_int_equal(stats.records, 0);
	assert_int_equal(stats.bytes, 0);
	append("four"); /* goes behind them in the same file */
	read_next("four", 4);
}

#define QUICK 1000 /* they fit into one file */

static uint64_t told; /* the last record whose writer knows; the loop's thread alone */
static atomic_uint early;

static void tell(struct journal_write *w, int result)
{
	assert_int_equal(result, GP_OK);
	told = w->number;
}

struct outcome {
	struct gp_call call;
	uint64_t number;
};

static void come_out(void *arg)
{
	const struct outcome *o = arg;

	if (told < o->number)
		atomic_fetch_add(&early, 1);
	sem_post(&written);
}

/* A reader that waits for nothing, and posts what came out as the learner does. */
static void *read_quickly(void *arg)
{
	struct outcome *outcomes = arg;

	for (unsigned i = 0; i < QUICK; i++) {
		struct journal_record record;

		gp_buf_reset(&bytes);
		while (journal_read(journal, &bytes, &record) != GP_OK)
			sched_yield();
		assert_int_equal(journal_done(journal, record.number, record.size, 1, NULL), GP_OK);
		outcomes[i].number = record.number;
		outcomes[i].call = (struct gp_call){.fn = come_out, .arg = &outcomes[i]};
		gp_loop_post(loop, &outcomes[i].call);
	}
	return NULL;
}

static void the_writer_hears_before_the_reader_is_done(void **state)
{
	static struct outcome outcomes[QUICK];
	static struct journal_write writes[QUICK];
	struct journal_record record = {.kind = JOURNAL_LESSON, .class = 's', .message = GP_STR("x")};
	struct journal_stats stats;
	pthread_t reader;

	told = 0;
	assert_int_equal(pthread_create(&reader, NULL, read_quickly, outcomes), 0);
	for (unsigned i = 0; i < QUICK; i++) {
		writes[i] = (struct journal_write){.loop = loop, .done = tell};
		assert_int_equal(journal_append(journal, &record, &writes[i]), GP_OK);
		assert_int_equal(sem_wait(&written), 0);
	}
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(atomic_load(&early), 0);
	journal_stats(journal, &stats);
	assert_int_equal(stats.records, 0);
	assert_int_equal(stats.bytes, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_spoiled_file_is_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(the_writer_hears_before_the_reader_is_done, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
