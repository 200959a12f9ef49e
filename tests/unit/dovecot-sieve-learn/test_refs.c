/*
 * The file of references: added, read, marked, shrunk; messages that move on; what a
 * killed writer leaves; a full disk's cousin, the bound; two processes at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dovecot-sieve-learn/refs.h"
#include "tests/unit/test.h"

#define MANY 1000

struct place {
	char folder[64];
	char path[96], lock[96];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	snprintf(place->folder, sizeof(place->folder), "/tmp/gatepost-refs.XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/refs", place->folder);
	snprintf(place->lock, sizeof(place->lock), "%s/lock", place->folder);
	*state = place;
	return 0;
}

static int drop_place(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	unlink(place->lock);
	assert_int_equal(rmdir(place->folder), 0); /* nothing else was left there */
	free(place);
	return 0;
}

/* A move from folder `from` to folder `to`, UIDs in both. */
static struct gp_ref_move a_move(char from, uint32_t from_uid, char to, uint32_t uid, char class_code)
{
	struct gp_ref_move move = {
		.to = {.uidvalidity = 7, .time = 1000, .class_code = class_code, .flags = 2},
	};

	memset(move.to.place.guid, to, sizeof(move.to.place.guid));
	memset(move.from.guid, from, sizeof(move.from.guid));
	move.to.place.uid = uid;
	move.from.uid = from_uid;
	return move;
}

static struct gp_refs_added add(const char *path, struct gp_ref_move move, unsigned int max)
{
	struct gp_refs_added added = {0};

	assert_int_equal(gp_refs_add(path, 0600, &move, 1, max, &added), 0);
	return added;
}

static off_t size_of(const char *path)
{
	struct stat file;

	assert_int_equal(stat(path, &file), 0);
	return file.st_size;
}

static void test_there_and_back(void **state)
{
	struct place *place = *state;
	struct gp_ref refs[4];
	off_t next;

	assert_false(gp_refs_exist(place->path));
	assert_int_equal(gp_refs_read(place->path, 0, refs, 4, &next), 0);
	assert_int_equal(add(place->path, a_move('a', 1, 'J', 0xfffffffe, 's'), 10).added, 1);
	assert_int_equal(add(place->path, a_move('a', 2, 'J', 2, 'h'), 10).added, 1);
	assert_true(gp_refs_exist(place->path));
	assert_int_equal(gp_refs_read(place->path, 0, refs, 4, &next), 2);
	assert_int_equal(next, 2 * GP_REFS_RECORD);
	assert_int_equal(refs[0].place.uid, 0xfffffffe);
	assert_int_equal(refs[0].place.guid[15], 'J');
	assert_int_equal(refs[0].uidvalidity, 7);
	assert_int_equal(refs[0].time, 1000);
	assert_int_equal(refs[0].class_code, 's');
	assert_int_equal(refs[0].flags, 2);
	assert_int_equal(refs[1].class_code, 'h');
	assert_int_equal(gp_refs_read(place->path, next, refs, 4, &next), 0);
	assert_int_equal(gp_refs_read(place->path, 0, refs, 1, &next), 1);
	assert_int_equal(gp_refs_read(place->path, next, refs, 4, &next), 1);
}

static void test_done_and_trim(void **state)
{
	struct place *place = *state;
	struct gp_ref refs[4];
	off_t next;

	for (uint32_t uid = 1; uid <= 3; uid++)
		add(place->path, a_move('a', 0, 'J', uid, 's'), 10);
	assert_int_equal(gp_refs_done(place->path, GP_REFS_RECORD), 0);
	assert_int_equal(gp_refs_read(place->path, 0, refs, 4, &next), 2);
	assert_int_equal(refs[1].place.uid, 3);
	assert_int_equal(gp_refs_trim(place->path), 0);
	assert_int_equal(size_of(place->path), 2 * GP_REFS_RECORD);
	assert_int_equal(gp_refs_read(place->path, 0, refs, 4, &next), 2);
	assert_int_equal(refs[1].place.uid, 3);
	assert_int_equal(gp_refs_done(place->path, 0), 0);
	assert_int_equal(gp_refs_done(place->path, GP_REFS_RECORD), 0);
	assert_int_equal(gp_refs_trim(place->path), 0);
	assert_int_equal(size_of(place->path), 0);
	assert_false(gp_refs_exist(place->path));
}

/* Into Junk and back before anything was handed over: the last word counts, once. */
static void test_replaced(void **state)
{
	struct place *place = *state;
	struct gp_ref refs[4];
	off_t next;

	add(place->path, a_move('I', 5, 'J', 1, 's'), 10);
	assert_int_equal(add(place->path, a_move('J', 1, 'I', 6, 'h'), 10).replaced, 1);
	assert_int_equal(gp_refs_read(place->path, 0, refs, 4, &next), 1);
	assert_int_equal(refs[0].class_code, 'h');
	assert_int_equal(refs[0].place.guid[0], 'I');
	assert_int_equal(refs[0].place.uid, 6);
}

/* From Junk to Trash before it was handed over: what was taught goes along. */
static void test_followed(void **state)
{
	struct place *place = *state;
	struct gp_refs_added added;
	struct gp_ref refs[4];
	off_t next;

	added = add(place->path, a_move('J', 1, 'T', 2, 0), 10);
	assert_int_equal(added.added + added.replaced + added.dropped, 0);
	assert_int_equal(access(place->path, F_OK), -1); /* not even made */
	add(place->path, a_move('I', 5, 'J', 1, 's'), 10);
	added = add(place->path, a_move('J', 9, 'T', 2, 0), 10);
	assert_int_equal(added.added, 0);
	added = add(place->path, a_move('J', 1, 'T', 3, 0), 10);
	assert_int_equal(added.added, 1);
	assert_int_equal(gp_refs_read(place->path, 0, refs, 4, &next), 1);
	assert_int_equal(refs[0].class_code, 's');
	assert_int_equal(refs[0].flags, 2);
	assert_int_equal(refs[0].place.guid[0], 'T');
	assert_int_equal(refs[0].place.uid, 3);
}

static void test_bound(void **state)
{
	struct place *place = *state;
	struct gp_ref_move moves[3];
	struct gp_refs_added added;

	for (uint32_t i = 0; i < 3; i++)
		moves[i] = a_move('a', 0, 'J', i + 1, 's');
	assert_int_equal(gp_refs_add(place->path, 0600, moves, 3, 2, &added), 0);
	assert_int_equal(added.added, 2);
	assert_int_equal(added.dropped, 1);
	assert_int_equal(size_of(place->path), 2 * GP_REFS_RECORD);
	assert_int_equal(add(place->path, moves[0], 2).dropped, 1);
}

/* A writer was killed in the middle of its last record, or something else wrote there. */
static void test_torn(void **state)
{
	static const char rubbish[GP_REFS_RECORD] = "+x? not ours";
	struct place *place = *state;
	struct gp_ref refs[4];
	off_t next;
	int fd;

	add(place->path, a_move('a', 0, 'J', 1, 's'), 10);
	fd = open(place->path, O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, rubbish, sizeof(rubbish)), sizeof(rubbish));
	assert_int_equal(write(fd, "+s0 4a4a", 8), 8);
	close(fd);
	assert_int_equal(gp_refs_read(place->path, 0, refs, 4, &next), 1);
	add(place->path, a_move('a', 0, 'J', 2, 's'), 10);
	assert_int_equal(size_of(place->path), 3 * GP_REFS_RECORD);
	assert_int_equal(gp_refs_read(place->path, 0, refs, 4, &next), 2);
	assert_int_equal(refs[1].place.uid, 2);
	assert_int_equal(gp_refs_trim(place->path), 0);
	assert_int_equal(size_of(place->path), 2 * GP_REFS_RECORD);
}

static void test_locked(void **state)
{
	struct place *place = *state;
	struct gp_ref_move move = a_move('a', 0, 'J', 2, 's');
	struct gp_refs_added added;
	int fd;

	add(place->path, a_move('a', 0, 'J', 1, 's'), 10);
	fd = open(place->path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(gp_refs_add(place->path, 0600, &move, 1, 10, &added), -EAGAIN);
	assert_int_equal(gp_refs_trim(place->path), -EAGAIN);
	close(fd);
	assert_int_equal(size_of(place->path), GP_REFS_RECORD);
	assert_int_equal(gp_refs_add(place->path, 0600, &move, 1, 10, &added), 0);
}

static void test_claim(void **state)
{
	struct place *place = *state;
	int fd = gp_refs_claim(place->lock, 0600);

	assert_true(fd >= 0);
	assert_int_equal(gp_refs_claim(place->lock, 0600), -EAGAIN);
	close(fd);
	fd = gp_refs_claim(place->lock, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(gp_refs_claim("/nowhere/lock", 0600), -ENOENT);
}

static void add_many(const char *path, char folder)
{
	for (uint32_t uid = 1; uid <= MANY; uid++) {
		struct gp_ref_move move = a_move('a', 0, folder, uid, 's');
		struct gp_refs_added added;
		int err;

		do
			err = gp_refs_add(path, 0600, &move, 1, GP_REFS_MAX, &added);
		while (err == -EAGAIN);
		if (err != 0 || added.added != 1)
			_exit(1);
	}
	_exit(0);
}

/* Two add while a third marks and shrinks: each record is seen once, in its order. */
static void test_together(void **state)
{
	struct place *place = *state;
	uint32_t last[2] = {0, 0};
	pid_t writers[2];
	int status;

	for (int i = 0; i < 2; i++) {
		writers[i] = fork();
		if (writers[i] == 0)
			add_many(place->path, i == 0 ? 'A' : 'B');
		assert_true(writers[i] > 0);
	}
	while (last[0] < MANY || last[1] < MANY) {
		struct gp_ref refs[16];
		off_t next;
		int count = gp_refs_read(place->path, 0, refs, 16, &next);

		assert_true(count >= 0);
		for (int i = 0; i < count; i++) {
			uint32_t *at = &last[refs[i].place.guid[0] - 'A'];

			assert_int_equal(refs[i].place.uid, *at + 1);
			*at += 1;
			assert_int_equal(gp_refs_done(place->path, refs[i].at), 0);
		}
		status = gp_refs_trim(place->path);
		assert_true(status == 0 || status == -EAGAIN);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(gp_refs_trim(place->path), 0);
	assert_false(gp_refs_exist(place->path));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)
	const struct CMUnitTest tests[] = {
		TEST(test_there_and_back), TEST(test_done_and_trim), TEST(test_replaced),
		TEST(test_followed),	   TEST(test_bound),	     TEST(test_torn),
		TEST(test_locked),	   TEST(test_claim),	     TEST(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
