/*
 * The file of references: lock, records, adding, marking, shrinking.
 *
 * Adding is one write at the end of the file; marking is one byte written in place;
 * shrinking writes a new file and renames it.  So whoever is killed at any point leaves
 * a file whose records are whole, but for the last, which the next one who adds cuts off.
 */
#include "dovecot-sieve-learn/refs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char hex_digits[] = "0123456789abcdef";

/* Tries for GP_REFS_LOCK_MS.  0 or -EAGAIN. */
static int lock_fd(int fd)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (unsigned int i = 0; i < GP_REFS_LOCK_MS; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EAGAIN;
}

/* Opens and locks the file that has this name now: it may be renamed over while we wait. */
static int open_locked(const char *path, int flags, mode_t mode, struct stat *ret_stat)
{
	struct stat named;

	for (unsigned int i = 0; i < GP_REFS_LOCK_MS; i++) {
		int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
		int err;

		if (fd < 0)
			return -errno;
		err = lock_fd(fd);
		if (err == 0 && fstat(fd, ret_stat) < 0)
			err = -errno;
		if (err == 0 && stat(path, &named) == 0 && named.st_ino == ret_stat->st_ino &&
		    named.st_dev == ret_stat->st_dev)
			return fd;
		close(fd);
		if (err < 0)
			return err;
	}
	return -EAGAIN;
}

static void write_hex(char *to, uint32_t value, unsigned int digits)
{
	while (digits-- > 0) {
		to[digits] = hex_digits[value & 15];
		value >>= 4;
	}
}

static int hex_value(char c)
{
	const char *at = c != '\0' ? strchr(hex_digits, c) : NULL;

	return at != NULL ? (int)(at - hex_digits) : -1;
}

static bool read_hex(const char *from, unsigned int digits, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < digits; i++) {
		int digit = hex_value(from[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (uint32_t)digit;
	}
	*ret_value = value;
	return true;
}

/* Columns of a record. */
enum { AT_CLASS = 1, AT_FLAGS = 2, AT_GUID = 4, AT_VALIDITY = 37, AT_UID = 46, AT_TIME = 55 };

static void format_record(const struct gp_ref *ref, char record[GP_REFS_RECORD])
{
	memset(record, ' ', GP_REFS_RECORD);
	record[0] = '+';
	record[AT_CLASS] = ref->class_code;
	record[AT_FLAGS] = hex_digits[ref->flags & 15];
	for (unsigned int i = 0; i < GP_REFS_GUID_SIZE; i++)
		write_hex(record + AT_GUID + 2 * i, ref->place.guid[i], 2);
	write_hex(record + AT_VALIDITY, ref->uidvalidity, 8);
	write_hex(record + AT_UID, ref->place.uid, 8);
	write_hex(record + AT_TIME, ref->time, 8);
	record[GP_REFS_RECORD - 1] = '\n';
}

/* False: done, or not a record of ours. */
static bool parse_record(const char record[GP_REFS_RECORD], struct gp_ref *ret)
{
	struct gp_ref ref = {.class_code = record[AT_CLASS]};
	int flags = hex_value(record[AT_FLAGS]);
	uint32_t byte;

	if (record[0] != '+' || record[GP_REFS_RECORD - 1] != '\n' || flags < 0 ||
	    ref.class_code == '\0' || strchr("shu", ref.class_code) == NULL)
		return false;
	for (unsigned int i = 0; i < GP_REFS_GUID_SIZE; i++) {
		if (!read_hex(record + AT_GUID + 2 * i, 2, &byte))
			return false;
		ref.place.guid[i] = (unsigned char)byte;
	}
	if (!read_hex(record + AT_VALIDITY, 8, &ref.uidvalidity) ||
	    !read_hex(record + AT_UID, 8, &ref.place.uid) ||
	    !read_hex(record + AT_TIME, 8, &ref.time))
		return false;
	ref.flags = (unsigned char)flags;
	*ret = ref;
	return true;
}

static int write_at(int fd, const void *data, size_t size, off_t at)
{
	const char *from = data;

	while (size > 0) {
		ssize_t done = pwrite(fd, from, size, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENOSPC;
		from += done;
		at += done;
		size -= (size_t)done;
	}
	return 0;
}

/* All whole records of the file, to be freed; the last of a killed writer may be torn. */
static int read_all(int fd, off_t size, char **ret_data, size_t *ret_records)
{
	size_t records = (size_t)size / GP_REFS_RECORD, want, have = 0;
	char *data;

	if (records > 2 * (size_t)GP_REFS_MAX)
		return -EFBIG;
	want = records * GP_REFS_RECORD;
	data = malloc(want + 1);
	if (data == NULL)
		return -ENOMEM;
	while (have < want) {
		ssize_t got = pread(fd, data + have, want - have, (off_t)have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			int err = got < 0 ? -errno : -EIO;

			free(data);
			return err;
		}
		have += (size_t)got;
	}
	*ret_data = data;
	*ret_records = records;
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct gp_ref_place *one = a, *other = b;
	int order = memcmp(one->guid, other->guid, sizeof(one->guid));

	if (order != 0)
		return order;
	return (one->uid > other->uid) - (one->uid < other->uid);
}

/* The waiting records of `data`, sorted by place; `place` is the first member of gp_ref. */
static struct gp_ref *sort_waiting(const char *data, size_t records, size_t *ret_count)
{
	struct gp_ref *refs = calloc(records + 1, sizeof(*refs));
	size_t count = 0;

	if (refs == NULL)
		return NULL;
	for (size_t i = 0; i < records; i++) {
		if (!parse_record(data + i * GP_REFS_RECORD, &refs[count]))
			continue;
		refs[count++].at = (off_t)(i * GP_REFS_RECORD);
	}
	qsort(refs, count, sizeof(*refs), compare_places);
	*ret_count = count;
	return refs;
}

struct addition {
	int fd;
	struct gp_ref *waiting; /* sorted; class 0 where it was replaced */
	size_t waiting_count;
	char *records; /* to be added */
	struct gp_refs_added added;
};

/* The waiting record of the place that a message left, if any; it is done with that. */
static struct gp_ref *replace(struct addition *add, const struct gp_ref_place *from)
{
	struct gp_ref *found;

	if (from->uid == 0 || add->waiting_count == 0)
		return NULL;
	found = bsearch(from, add->waiting, add->waiting_count, sizeof(*found), compare_places);
	if (found == NULL || found->class_code == 0)
		return NULL;
	add->added.replaced++;
	return found;
}

static void collect(struct addition *add, const struct gp_ref_move *move, size_t room)
{
	struct gp_ref ref = move->to;
	struct gp_ref *old = replace(add, &move->from);

	if (old != NULL && ref.class_code == 0) {
		ref.class_code = old->class_code;
		ref.flags = old->flags;
	}
	if (ref.class_code != 0 && add->added.added < room)
		format_record(&ref, add->records + GP_REFS_RECORD * add->added.added++);
	else if (ref.class_code != 0)
		add->added.dropped++;
	if (old != NULL)
		old->class_code = 0;
}

/* The new records go to the end first: a kill in between leaves both, which is harmless. */
static int write_addition(const struct addition *add, off_t end)
{
	int err = write_at(add->fd, add->records, (size_t)add->added.added * GP_REFS_RECORD, end);

	if (err < 0) {
		while (ftruncate(add->fd, end) < 0 && errno == EINTR)
			;
		return err;
	}
	for (size_t i = 0; i < add->waiting_count; i++) {
		if (add->waiting[i].class_code == 0)
			(void)write_at(add->fd, "-", 1, add->waiting[i].at);
	}
	return 0;
}

static int add_locked(struct addition *add, off_t size, const struct gp_ref_move *moves,
		      size_t count, unsigned int max)
{
	char *data;
	size_t records, room;
	int err = read_all(add->fd, size, &data, &records);

	if (err < 0)
		return err;
	add->waiting = sort_waiting(data, records, &add->waiting_count);
	free(data);
	add->records = malloc(count * GP_REFS_RECORD + 1);
	if (add->waiting == NULL || add->records == NULL)
		return -ENOMEM;
	room = records < max ? max - records : 0;
	for (size_t i = 0; i < count; i++)
		collect(add, &moves[i], room);
	return write_addition(add, (off_t)(records * GP_REFS_RECORD));
}

int gp_refs_add(const char *path, mode_t mode, const struct gp_ref_move *moves, size_t count,
		unsigned int max, struct gp_refs_added *ret_added)
{
	struct addition add = {0};
	struct stat file;
	bool teaches = false;
	int err;

	for (size_t i = 0; i < count && !teaches; i++)
		teaches = moves[i].to.class_code != 0;
	if (!teaches && !gp_refs_exist(path)) {
		*ret_added = add.added;
		return 0;
	}
	add.fd = open_locked(path, O_RDWR | O_CREAT, mode, &file);
	if (add.fd < 0)
		return add.fd;
	err = add_locked(&add, file.st_size, moves, count, max);
	free(add.waiting);
	free(add.records);
	close(add.fd);
	if (err == 0)
		*ret_added = add.added;
	return err;
}

bool gp_refs_exist(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 && file.st_size > 0;
}

int gp_refs_read(const char *path, off_t from, struct gp_ref *refs, size_t max, off_t *ret_next)
{
	char record[GP_REFS_RECORD];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), count = 0;

	*ret_next = from;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((size_t)count < max && count < INT_MAX) {
		ssize_t got = pread(fd, record, sizeof(record), *ret_next);

		if (got != (ssize_t)sizeof(record))
			break;
		if (parse_record(record, &refs[count]))
			refs[count++].at = *ret_next;
		*ret_next += (off_t)sizeof(record);
	}
	close(fd);
	return count;
}

int gp_refs_done(const char *path, off_t at)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), err;

	if (fd < 0)
		return -errno;
	err = write_at(fd, "-", 1, at);
	close(fd);
	return err;
}

/* Writes the waiting records, in their order, to a new file and gives it the name. */
static int rewrite(const char *path, mode_t mode, const char *data, size_t records)
{
	char name[PATH_MAX];
	struct gp_ref ref;
	off_t end = 0;
	int fd, err = 0;

	if ((size_t)snprintf(name, sizeof(name), "%s.new", path) >= sizeof(name))
		return -ENAMETOOLONG;
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < records && err == 0; i++) {
		if (!parse_record(data + i * GP_REFS_RECORD, &ref))
			continue;
		err = write_at(fd, data + i * GP_REFS_RECORD, GP_REFS_RECORD, end);
		end += (off_t)GP_REFS_RECORD;
	}
	if (err == 0 && rename(name, path) < 0)
		err = -errno;
	if (err < 0)
		(void)unlink(name);
	close(fd);
	return err;
}

int gp_refs_trim(const char *path)
{
	struct gp_ref ref;
	struct stat file;
	size_t records, waiting = 0;
	char *data = NULL;
	int fd = open_locked(path, O_RDWR, 0, &file), err;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = read_all(fd, file.st_size, &data, &records);
	for (size_t i = 0; err == 0 && i < records; i++)
		waiting += parse_record(data + i * GP_REFS_RECORD, &ref) ? 1 : 0;
	if (err == -EFBIG || (err == 0 && waiting == 0))
		err = ftruncate(fd, 0) < 0 ? -errno : 0;
	else if (err == 0 && waiting < records)
		err = rewrite(path, file.st_mode & 0777, data, records);
	free(data);
	close(fd);
	return err;
}

int gp_refs_claim(const char *lock_path, mode_t mode)
{
	int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode), err;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	err = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	close(fd);
	return err;
}
