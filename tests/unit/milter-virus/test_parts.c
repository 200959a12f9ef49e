/*
 * The small parts: categories, names, the folder of signatures, the pool, the spool, suspects.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "milter-virus/category.h"
#include "milter-virus/database.h"
#include "milter-virus/folder.h"
#include "milter-virus/pool.h"
#include "milter-virus/spool.h"
#include "milter-virus/suspects.h"
#include "tests/unit/test.h"

static void categories(void **state)
{
	static const struct {
		const char *name;
		enum virus_category category;
	} cases[] = {
		{"Win.Test.EICAR_HDB-1", VIRUS_CAT_VIRUS},
		{"Heuristics.Limits.Exceeded.MaxFileSize", VIRUS_CAT_LIMITS},
		{"Heuristics.Limits.Unsupported.Archive", VIRUS_CAT_LIMITS},
		{"Heuristics.Broken.Archive", VIRUS_CAT_BROKEN},
		{"Heuristics.Encrypted.Zip", VIRUS_CAT_ENCRYPTED},
		{"Heuristics.OLE2.ContainsMacros.VBA", VIRUS_CAT_MACRO},
		{"Heuristics.OLE2.Other", VIRUS_CAT_HEURISTICS},
		{"Heuristics.Phishing.Email.SpoofedDomain", VIRUS_CAT_PHISHING},
		{"Heuristics.Broken.Executable", VIRUS_CAT_BROKEN},
		{"Heuristics.Something", VIRUS_CAT_HEURISTICS},
		{"PUA.Win.Packer.Upx", VIRUS_CAT_PUA},
		{"PUAx", VIRUS_CAT_VIRUS},
		{"", VIRUS_CAT_VIRUS},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_int_equal(virus_category_of(gp_str(cases[i].name)), cases[i].category);
}

static void names(void **state)
{
	char name[VIRUS_NAME_MAX], longer[400];

	(void)state;
	virus_name_copy(name, "Some Virus\r\nX: y\x80", 17);
	assert_string_equal(name, "Some_Virus__X:_y_");
	memset(longer, 'a', sizeof(longer));
	virus_name_copy(name, longer, sizeof(longer));
	assert_int_equal(strlen(name), VIRUS_NAME_MAX - 1);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(gp_file_replace(path, text, strlen(text), 0644, NULL), GP_OK);
}

static void databases(void **state)
{
	char dir[] = "/tmp/gatepost-database.XXXXXX";
	struct virus_database empty, one, other, again;
	struct gp_diag diag;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(virus_database_look(dir, &empty, &diag), GP_OK);
	assert_int_equal(empty.files, 0);
	put(dir, "freshclam.dat", "x");
	put(dir, "daily.cvd.tmp", "x");
	assert_int_equal(virus_database_look(dir, &one, &diag), GP_OK);
	assert_int_equal(one.fingerprint, empty.fingerprint);
	put(dir, "a.ndb", "x");
	put(dir, "b.CLD", "y");
	assert_int_equal(virus_database_look(dir, &one, &diag), GP_OK);
	assert_int_equal(one.files, 2);
	assert_true(one.newest_s > 0);
	assert_int_equal(virus_database_look(dir, &again, &diag), GP_OK);
	assert_int_equal(one.fingerprint, again.fingerprint);
	put(dir, "a.ndb", "z");
	assert_int_equal(virus_database_look(dir, &other, &diag), GP_OK);
	assert_int_not_equal(one.fingerprint, other.fingerprint);
	virus_folder_remove(dir);
	assert_int_equal(virus_database_look(dir, &other, &diag), GP_ENOENT);
}

/* The copier of a program that was started anew, beside that of the one that ended. */
static void copies_at_once(void **state)
{
	char from[] = "/tmp/gatepost-test-XXXXXX", to[] = "/tmp/gatepost-test-XXXXXX", path[64];
	struct virus_database have, copy;
	pid_t pids[4];
	int status;

	(void)state;
	assert_non_null(mkdtemp(from));
	assert_non_null(mkdtemp(to));
	put(from, "a.ndb", "one");
	put(from, "b.hdb", "two");
	assert_int_equal(virus_database_look(from, &have, NULL), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] > 0)
			continue;
		for (int round = 0; round < 50; round++)
			if (virus_database_copy(from, to, have.fingerprint, NULL) < 0)
				_exit(1);
		_exit(0);
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	snprintf(path, sizeof(path), "%s/" VIRUS_DATABASE_GOOD, to);
	assert_int_equal(virus_database_look(path, &copy, NULL), GP_OK);
	assert_int_equal(copy.files, 2);
	virus_folder_remove(from);
	virus_folder_remove(to);
}

static void folders(void **state)
{
	char dir[] = "/tmp/gatepost-folders.XXXXXX", left[200], mine[VIRUS_FOLDER_MAX],
	     worker[VIRUS_FOLDER_MAX], fresh[200];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(left, sizeof(left), "%s/gatepost-virus-abcdef", dir);
	assert_int_equal(mkdir(left, 0700), 0);
	put(left, "file", "left behind");
	put(left, "lock", "");
	snprintf(fresh, sizeof(fresh), "%s/gatepost-virus-fresh", dir);
	assert_int_equal(mkdir(fresh, 0700), 0);
	assert_int_equal(virus_folder_make(dir, mine, NULL), GP_OK);
	assert_int_equal(virus_folder_make_worker(mine, 3, worker, NULL), GP_OK);
	virus_folder_clean(dir);
	assert_int_equal(stat(left, &st), -1);	 /* nobody holds it */
	assert_int_equal(stat(worker, &st), 0);	 /* we do */
	assert_int_equal(stat(fresh, &st), 0);	 /* somebody may be about to */
	gp_clock_set(1000, gp_clock_real_s() + 120);
	virus_folder_clean(dir);
	gp_clock_set(0, -1);
	assert_int_equal(stat(fresh, &st), -1);
	assert_int_equal(stat(worker, &st), 0);
	virus_folder_remove(dir);
	assert_int_equal(stat(dir, &st), -1);
}

/* The same bytes whatever the pieces, up to what is wanted. */
static void spools(void **state)
{
	static char text[700000], back[700000];
	static const size_t pieces[] = {1000, 70000, 700000};

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + i / 1000);
	for (size_t p = 0; p < GP_ARRAY_SIZE(pieces); p++) {
		struct virus_spool s;

		virus_spool_begin(&s, 600000);
		for (size_t at = 0; at < sizeof(text); at += pieces[p])
			virus_spool_add(&s, 1 << 30, text + at, GP_MIN(pieces[p], sizeof(text) - at));
		assert_int_equal(s.size, sizeof(text));
		assert_int_equal(s.kept, 600000);
		assert_int_equal(virus_spool_held(), 600000);
		assert_int_equal(virus_spool_finish(&s), GP_OK);
		assert_int_equal(pread(s.fd, back, sizeof(back), 0), 600000);
		assert_memory_equal(back, text, 600000);
		assert_int_equal(write(s.fd, "x", 1), -1); /* sealed */
		virus_spool_done(&s);
		virus_spool_done(&s);
		assert_int_equal(virus_spool_held(), 0);
	}
}

static void spools_are_bounded_together(void **state)
{
	struct virus_spool a, b;
	char text[5000] = "";

	(void)state;
	virus_spool_begin(&a, 10000);
	virus_spool_begin(&b, 10000);
	virus_spool_add(&a, 8000, text, sizeof(text));
	virus_spool_add(&b, 8000, text, sizeof(text));
	assert_int_equal(b.err, GP_ELIMIT);
	assert_int_equal(virus_spool_finish(&b), GP_ELIMIT);
	assert_int_equal(virus_spool_finish(&a), GP_OK);
	virus_spool_done(&a);
	virus_spool_done(&b);
	assert_int_equal(virus_spool_held(), 0);
}

static void suspects(void **state)
{
	unsigned char one[GP_SHA256_SIZE] = {1}, many[GP_SHA256_SIZE] = {2};

	(void)state;
	gp_clock_set(1000, 1000);
	assert_false(virus_suspects_any());
	assert_int_equal(virus_suspects_add(one), 1);
	assert_int_equal(virus_suspects_add(one), 2);
	assert_int_equal(virus_suspects_count(one), 2);
	assert_int_equal(virus_suspects_count(many), 0);
	for (unsigned i = 0; i < 2 * VIRUS_SUSPECTS_MAX; i++) {
		memcpy(many + 1, &i, sizeof(i));
		assert_int_equal(virus_suspects_add(many), 1);
	}
	gp_clock_set(1000 + VIRUS_SUSPECT_MS + 1, 1000);
	assert_int_equal(virus_suspects_count(many), 0);
}

/* Its process ends between its last answer and its return: whoever had it is told. */
static void a_worker_that_ends_while_it_is_out(void **state)
{
	struct virus_wait wait = {.queue_max = 0};
	struct virus_pool *pool = virus_pool_new();
	struct virus_worker *sound = virus_worker_new(-1, -1, 1), *ended = virus_worker_new(-1, -1, 1);
	struct virus_worker *out;
	struct virus_pool_counts n;

	(void)state;
	virus_pool_serve(pool, 1);
	virus_pool_expect(pool, true);
	virus_pool_add(pool, sound);
	assert_int_equal(virus_pool_acquire(pool, &wait, &out), GP_OK);
	assert_true(virus_pool_release(pool, out, true));
	assert_true(virus_pool_drop(pool, sound, NULL));
	virus_pool_add(pool, ended);
	assert_int_equal(virus_pool_acquire(pool, &wait, &out), GP_OK);
	assert_false(virus_pool_drop(pool, ended, NULL));
	assert_false(virus_pool_release(pool, out, true));
	virus_pool_count(pool, &n);
	assert_int_equal(n.idle + n.busy, 0);
	virus_pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(categories),
		cmocka_unit_test(names),
		cmocka_unit_test(databases),
		cmocka_unit_test(copies_at_once),
		cmocka_unit_test(folders),
		cmocka_unit_test(a_worker_that_ends_while_it_is_out),
		cmocka_unit_test(spools),
		cmocka_unit_test(spools_are_bounded_together),
		cmocka_unit_test(suspects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
