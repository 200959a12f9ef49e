/*
 * Rotated logs; see the header.
 */
#include "controller/maillog_rotated.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/hash.h"

#define ENTRIES_MAX 10000 /* of the folder, looked at */

static bool is_number_next(struct gp_str s)
{
	return s.len >= 2 && (s.ptr[0] == '.' || s.ptr[0] == '-') && gp_is_digit(s.ptr[1]);
}

bool maillog_is_rotated(struct gp_str log, struct gp_str name)
{
	size_t dot = gp_str_find_last(log, '.');
	struct gp_str stem = gp_str_sub(log, 0, dot), end = gp_str_sub(log, dot, log.len);

	if (gp_str_starts(name, log) && is_number_next(gp_str_sub(name, log.len, name.len)))
		return gp_is_digit(name.ptr[name.len - 1]);
	return end.len > 0 && gp_str_starts(name, stem) &&
	       is_number_next(gp_str_sub(name, stem.len, name.len)) &&
	       name.len > stem.len + end.len && gp_str_iends(name, end);
}

bool maillog_mark(int fd, uint32_t len, uint64_t *ret)
{
	char bytes[MAILLOG_MARK_MAX];

	if (len > sizeof(bytes) || pread(fd, bytes, len, 0) != (ssize_t)len)
		return false;
	*ret = gp_hash64(0x6d61726b, bytes, len);
	return true;
}

int maillog_open(const char *path, struct stat *ret_stat)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (fstat(fd, ret_stat) == 0 && S_ISREG(ret_stat->st_mode))
		return fd;
	gp_fd_close(&fd);
	errno = EINVAL;
	return -1;
}

/* Calls fn for the log and all that it was rotated into, each open; fn takes the fd over. */
static void each_file(const char *path, void (*fn)(void *arg, int fd, const struct stat *st),
		      void *arg)
{
	const char *slash = strrchr(path, '/');
	const char *log = slash ? slash + 1 : path;
	char folder[4096], file[4096 + 256];
	struct stat st;
	const struct dirent *entry;
	unsigned n = 0;
	int fd = maillog_open(path, &st);
	DIR *dir;

	if (fd >= 0)
		fn(arg, fd, &st);
	if (!gp_str_copy(folder, sizeof(folder), gp_str_n(path, slash ? (size_t)(slash - path) + 1 : 0)))
		return;
	dir = opendir(*folder ? folder : ".");
	while (dir && n++ < ENTRIES_MAX && (entry = readdir(dir))) {
		if (!maillog_is_rotated(gp_str(log), gp_str(entry->d_name)))
			continue;
		snprintf(file, sizeof(file), "%s%s", folder, entry->d_name);
		fd = maillog_open(file, &st);
		if (fd >= 0)
			fn(arg, fd, &st);
	}
	if (dir)
		closedir(dir);
}

struct find {
	const struct maillog_position *position;
	int fd; /* the best so far */
	bool is_same_inode;
};

static void look_at_mark(void *arg, int fd, const struct stat *st)
{
	struct find *f = arg;
	bool is_same_inode = st->st_ino == f->position->inode;
	uint64_t mark = 0;

	if ((uint64_t)st->st_size < f->position->offset ||
	    (f->position->mark_len == 0 && !is_same_inode) ||
	    !maillog_mark(fd, f->position->mark_len, &mark) ||
	    (f->position->mark_len > 0 && mark != f->position->mark) ||
	    (f->fd >= 0 && (f->is_same_inode || !is_same_inode))) {
		gp_fd_close(&fd);
		return;
	}
	gp_fd_close(&f->fd);
	f->fd = fd;
	f->is_same_inode = is_same_inode;
}

int maillog_find(const char *path, const struct maillog_position *position)
{
	struct find f = {.position = position, .fd = -1};

	each_file(path, look_at_mark, &f);
	return f.fd;
}

struct successor {
	const struct stat *of;
	struct stat st;
	int fd;
};

static bool is_before(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
						      : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

static void look_at_age(void *arg, int fd, const struct stat *st)
{
	struct successor *s = arg;

	if (st->st_size == 0 || st->st_ino == s->of->st_ino || is_before(st, s->of) ||
	    (s->fd >= 0 && is_before(&s->st, st))) {
		gp_fd_close(&fd);
		return;
	}
	gp_fd_close(&s->fd);
	s->fd = fd;
	s->st = *st;
}

int maillog_successor(const char *path, const struct stat *of)
{
	struct successor s = {.of = of, .fd = -1};

	each_file(path, look_at_age, &s);
	return s.fd;
}
