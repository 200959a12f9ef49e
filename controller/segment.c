/*
 * Files of records; see the header.
 *
 * The head of a record: magic (4), length (4), number (8), checksum of number and bytes (8);
 * the whole is padded to a multiple of 8.  Numbers are as this host writes them: the files
 * do not travel.
 */
#include "controller/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"

#define MAGIC 0x31525047u /* "GPR1" */

struct head {
	uint32_t magic, len;
	uint64_t number, sum;
};

_Static_assert(sizeof(struct head) == SEGMENT_HEAD, "the head is what is on disk");

static uint64_t padded(uint64_t len)
{
	return (len + 7) & ~(uint64_t)7;
}

void segment_format(uint64_t number, struct gp_str bytes, struct gp_buf *out)
{
	static const char zeros[8];
	struct head head = {.magic = MAGIC, .len = (uint32_t)bytes.len, .number = number};

	head.sum = gp_hash64(number, bytes.ptr, bytes.len);
	gp_buf_add(out, &head, sizeof(head));
	gp_buf_add_str(out, bytes);
	gp_buf_add(out, zeros, padded(bytes.len) - bytes.len);
}

static void file_name(const struct segments *s, uint64_t first, char ret[40])
{
	snprintf(ret, 40, "%s-%016llx", s->name, (unsigned long long)first);
}

int segment_open_file(const struct segments *s, uint64_t first)
{
	char name[40];

	file_name(s, first, name);
	return openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static int read_all(int fd, void *to, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)to + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? GP_EINVAL : GP_ESYS;
		done += (size_t)n;
	}
	return GP_OK;
}

int segment_read(int fd, uint64_t at, uint64_t size, struct gp_buf *buf, struct segment_record *ret)
{
	struct head head;
	char *room;
	int r;

	if (size < at || size - at < sizeof(head))
		return GP_EINVAL;
	r = read_all(fd, &head, sizeof(head), at);
	if (r < 0)
		return r;
	if (head.magic != MAGIC || head.len > SEGMENT_RECORD_MAX ||
	    size - at - sizeof(head) < padded(head.len))
		return GP_EINVAL;
	room = gp_buf_reserve(buf, head.len + 1);
	if (!room)
		return GP_ELIMIT;
	r = read_all(fd, room, head.len, at + sizeof(head));
	if (r < 0)
		return r;
	if (gp_hash64(head.number, room, head.len) != head.sum)
		return GP_EINVAL;
	buf->len += head.len;
	*ret = (struct segment_record){.number = head.number,
				       .bytes = gp_str_n(room, head.len),
				       .end = at + sizeof(head) + padded(head.len)};
	return GP_OK;
}

static void add(struct segments *s, struct segment item)
{
	s->items = gp_xreallocarray(s->items, s->len + 1, sizeof(*s->items));
	s->items[s->len++] = item;
	s->bytes += item.size;
}

/* The whole records of one file. */
static int scan(struct segments *s, uint64_t first, segment_found_fn *found, void *arg,
		struct gp_diag *diag)
{
	GP_FD_AUTO fd = segment_open_file(s, first);
	GP_BUF_AUTO buf = GP_BUF_INIT(SEGMENT_RECORD_MAX + 1);
	struct segment_place place = {.segment = first};
	struct segment_record record;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return gp_diag_errno(diag, "%s-%016llx", s->name, (unsigned long long)first);
	while (segment_read(fd, place.at, (uint64_t)st.st_size, &buf, &record) == GP_OK &&
	       record.number >= s->next) {
		if (found)
			found(arg, &place, &record);
		s->next = record.number + 1;
		place.at = record.end;
		gp_buf_reset(&buf);
	}
	s->cut += (uint64_t)st.st_size - place.at;
	add(s, (struct segment){.first = first, .size = place.at});
	return GP_OK;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The numbers of the files that are there, sorted, in memory for the caller. */
static size_t list(const struct segments *s, uint64_t **ret)
{
	size_t n = 0, prefix = strlen(s->name);
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	uint64_t first;

	*ret = NULL;
	while (dir && (e = readdir(dir)) != NULL) {
		struct gp_str name = gp_str(e->d_name);

		if (name.len != prefix + 17 || !gp_str_starts(name, gp_str(s->name)) ||
		    name.ptr[prefix] != '-' ||
		    gp_num_parse_uint(gp_str_sub(name, prefix + 1, 16), 16, &first) < 0)
			continue;
		*ret = gp_xreallocarray(*ret, n + 1, sizeof(**ret));
		(*ret)[n++] = first;
	}
	if (dir)
		closedir(dir);
	if (n > 0)
		qsort(*ret, n, sizeof(**ret), by_number);
	return n;
}

int segments_open(struct segments *s, const char *directory, const char *name, uint64_t segment_max,
		  segment_found_fn *found, void *arg, struct gp_diag *diag)
{
	GP_FREE uint64_t *files = NULL;
	size_t n;
	int r = GP_OK;

	*s = (struct segments){.dir_fd = -1, .write_fd = -1, .next = 1, .segment_max = segment_max};
	(void)gp_str_copy(s->name, sizeof(s->name), gp_str(name));
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return gp_diag_errno(diag, "%s", directory);
	s->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return gp_diag_errno(diag, "%s", directory);
	n = list(s, &files);
	for (size_t i = 0; r == GP_OK && i < n; i++)
		r = scan(s, files[i], found, arg, diag);
	if (r < 0) {
		gp_diag_prepend(diag, "%s", directory);
		segments_close(s);
	}
	return r;
}

void segments_close(struct segments *s)
{
	gp_fd_close(&s->write_fd);
	gp_fd_close(&s->dir_fd);
	gp_freep(&s->items);
	s->len = 0;
}

/* A new file, there for good before anything is written to it. */
static int begin_file(struct segments *s, uint64_t first, struct gp_diag *diag)
{
	char name[40];

	gp_fd_close(&s->write_fd);
	file_name(s, first, name);
	/* One of this name holds nothing whole, or its number would be taken. */
	s->write_fd = openat(s->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			     0600);
	if (s->write_fd < 0)
		return gp_diag_errno(diag, "%s", name);
	if (fsync(s->dir_fd) < 0) {
		gp_fd_close(&s->write_fd);
		return gp_diag_errno(diag, "%s", name);
	}
	if (s->len == 0 || s->items[s->len - 1].first != first)
		add(s, (struct segment){.first = first});
	return GP_OK;
}

static int write_all(int fd, struct gp_str bytes, uint64_t at)
{
	while (bytes.len > 0) {
		ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return GP_ESYS;
		bytes = gp_str_sub(bytes, (size_t)n, bytes.len);
		at += (uint64_t)n;
	}
	return fdatasync(fd) < 0 ? GP_ESYS : GP_OK;
}

static void drop_file(struct segments *s, size_t i)
{
	char name[40];

	file_name(s, s->items[i].first, name);
	(void)unlinkat(s->dir_fd, name, 0);
	s->bytes -= s->items[i].size;
	s->len--;
	memmove(s->items + i, s->items + i + 1, (s->len - i) * sizeof(*s->items));
}

/* What is there of a failed write must not be taken for records later, or else their numbers
 * are not given again; and after a failed sync nobody knows what is on disk, so that file
 * is not written to any more. */
static void give_up_file(struct segments *s, uint64_t last)
{
	const struct segment *item = &s->items[s->len - 1];

	if (ftruncate(s->write_fd, (off_t)item->size) < 0)
		s->next = last + 1;
	gp_fd_close(&s->write_fd);
	if (item->size == 0)
		drop_file(s, s->len - 1);
}

int segments_append(struct segments *s, uint64_t first, uint64_t last, struct gp_str records,
		    struct segment_place *ret_place, struct gp_diag *diag)
{
	struct segment *item;
	int r;

	if (s->write_fd < 0 || s->items[s->len - 1].size >= s->segment_max) {
		r = begin_file(s, first, diag);
		if (r < 0)
			return r;
	}
	item = &s->items[s->len - 1];
	r = write_all(s->write_fd, records, item->size);
	if (r < 0) {
		(void)gp_diag_errno(diag, "writing the %s", s->name);
		give_up_file(s, last);
		return r;
	}
	*ret_place = (struct segment_place){.segment = item->first, .at = item->size};
	item->size += records.len;
	s->bytes += records.len;
	s->next = last + 1;
	return GP_OK;
}

void segments_drop_oldest(struct segments *s)
{
	if (s->len == 1)
		gp_fd_close(&s->write_fd);
	drop_file(s, 0);
}
