/*
 * Follows a log file; see the header.
 *
 * Read with pread() and never mapped: a file that is truncated under a mapping ends the
 * process.
 */
#include "controller/maillog_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/maillog_rotated.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"

#define BUFFER_SIZE (4 * MAILLOG_LINE_MAX)

struct maillog_file {
	char *path;
	struct maillog_position pending; /* where to begin, while is_pending */
	bool is_pending;
	int fd;
	struct maillog_position here; /* of fd; the offset is that behind the last line */
	size_t begin, scanned, end;   /* in the buffer: unread bytes, those without a line end */
	bool is_final;		      /* the writer has gone on to another file: read once more */
	bool is_skipping;	      /* within a line that is too long */
	struct maillog_losses losses;
	char buffer[BUFFER_SIZE];
};

struct maillog_file *maillog_file_new(const char *path)
{
	struct maillog_file *f = gp_xcalloc(1, sizeof(*f));

	f->path = gp_xstrdup(path);
	f->fd = -1;
	return f;
}

void maillog_file_free(struct maillog_file **file)
{
	struct maillog_file *f = *file;

	if (!f)
		return;
	*file = NULL;
	gp_fd_close(&f->fd);
	free(f->path);
	free(f);
}

void maillog_file_start(struct maillog_file *f, const struct maillog_position *from)
{
	gp_fd_close(&f->fd);
	f->is_pending = from && from->inode != 0;
	if (f->is_pending)
		f->pending = *from;
}

bool maillog_file_position(const struct maillog_file *f, struct maillog_position *ret)
{
	if (f->fd >= 0)
		*ret = f->here;
	else if (f->is_pending)
		*ret = f->pending;
	return f->fd >= 0 || f->is_pending;
}

void maillog_file_losses(struct maillog_file *f, struct maillog_losses *ret)
{
	*ret = f->losses;
	f->losses = (struct maillog_losses){0};
}

uint64_t maillog_file_lag(const struct maillog_file *f)
{
	uint64_t lag = 0;
	struct stat st;

	if (f->fd >= 0 && fstat(f->fd, &st) == 0 && (uint64_t)st.st_size > f->here.offset)
		lag = (uint64_t)st.st_size - f->here.offset;
	if (stat(f->path, &st) == 0 && (f->fd < 0 || st.st_ino != f->here.inode))
		lag += (uint64_t)st.st_size;
	return lag;
}

/* Goes on in this file, which is taken over. */
static void switch_to(struct maillog_file *f, int fd, const struct maillog_position *at)
{
	struct stat st;

	gp_fd_close(&f->fd);
	f->fd = fd;
	f->here = *at;
	f->here.inode = fstat(fd, &st) == 0 ? st.st_ino : 0;
	f->begin = f->scanned = f->end = 0;
	f->is_final = f->is_skipping = false;
}

/* The first file to read. */
static int open_first(struct maillog_file *f, struct gp_diag *diag)
{
	static const struct maillog_position beginning = {0};
	struct stat st;
	int fd = f->is_pending ? maillog_find(f->path, &f->pending) : -1;

	if (fd >= 0) {
		switch_to(f, fd, &f->pending);
		f->is_pending = false;
		return GP_OK;
	}
	fd = maillog_open(f->path, &st);
	if (fd < 0)
		return errno == ENOENT ? GP_ENOENT : gp_diag_errno(diag, "%s", f->path);
	f->losses.gone += f->is_pending;
	f->is_pending = false;
	switch_to(f, fd, &beginning);
	return GP_OK;
}

static uint64_t read_offset(const struct maillog_file *f)
{
	return f->here.offset + (f->end - f->begin);
}

/* As many of its first bytes as were read are what it is known by. */
static void extend_mark(struct maillog_file *f)
{
	uint32_t len = (uint32_t)GP_MIN(f->here.offset, (uint64_t)MAILLOG_MARK_MAX);

	if (len > f->here.mark_len && maillog_mark(f->fd, len, &f->here.mark))
		f->here.mark_len = len;
}

/* It has less than was read, or begins with something else. */
static bool is_truncated(const struct maillog_file *f)
{
	struct stat st;
	uint64_t mark = 0;

	return fstat(f->fd, &st) < 0 || (uint64_t)st.st_size < read_offset(f) ||
	       (f->here.mark_len > 0 &&
		(!maillog_mark(f->fd, f->here.mark_len, &mark) || mark != f->here.mark));
}

/* Goes on in the copy, or at the beginning. */
static void leave_truncated(struct maillog_file *f)
{
	struct maillog_position at = f->here;
	int fd = at.offset > 0 ? maillog_find(f->path, &at) : -1;

	if (fd < 0) {
		f->losses.truncated += at.offset > 0;
		at = (struct maillog_position){0};
		fd = f->fd;
		f->fd = -1;
	}
	switch_to(f, fd, &at);
}

/* Another file has the log's name, or none has, and there is one to go on with. */
static bool is_replaced(const struct maillog_file *f)
{
	struct stat st;
	bool is_there = stat(f->path, &st) == 0;
	GP_FD_AUTO next = -1;

	if (is_there && (st.st_ino == f->here.inode || st.st_size > 0))
		return st.st_ino != f->here.inode;
	next = fstat(f->fd, &st) == 0 ? maillog_successor(f->path, &st) : -1;
	return next >= 0;
}

static int go_on_to_next(struct maillog_file *f, struct gp_diag *diag)
{
	static const struct maillog_position beginning = {0};
	struct stat st;
	int fd = fstat(f->fd, &st) == 0 ? maillog_successor(f->path, &st) : -1;

	if (fd < 0) /* the clock was set back, or it is not readable */
		fd = maillog_open(f->path, &st);
	if (fd < 0)
		return errno == ENOENT ? GP_ENOENT : gp_diag_errno(diag, "%s", f->path);
	switch_to(f, fd, &beginning);
	return GP_OK;
}

/* Takes the line that ends at `end` in the buffer, and `more` bytes of its end. */
static struct gp_str take_line(struct maillog_file *f, size_t end, size_t more)
{
	struct gp_str line = gp_str_n(f->buffer + f->begin, end - f->begin);

	f->here.offset += line.len + more;
	f->begin = f->scanned = end + more;
	return line;
}

/* A line in the buffer; bytes of one that is too long are passed over. */
static bool find_line(struct maillog_file *f, struct gp_str *ret)
{
	while (f->begin < f->end) {
		const char *newline = memchr(f->buffer + f->scanned, '\n', f->end - f->scanned);
		bool was_skipping = f->is_skipping;

		if (newline) {
			*ret = take_line(f, (size_t)(newline - f->buffer), 1);
			f->is_skipping = false;
			if (!was_skipping && ret->len <= MAILLOG_LINE_MAX)
				return true;
			f->losses.long_lines += !was_skipping;
			continue;
		}
		f->scanned = f->end;
		if (!f->is_skipping && f->end - f->begin <= MAILLOG_LINE_MAX)
			return false;
		f->losses.long_lines += !f->is_skipping;
		f->is_skipping = true;
		take_line(f, f->end, 0);
	}
	return false;
}

/* Reads on: bytes; 0: at the end; GP_ESYS. */
static int fill(struct maillog_file *f, struct gp_diag *diag)
{
	ssize_t n;

	extend_mark(f);
	if (is_truncated(f))
		leave_truncated(f);
	memmove(f->buffer, f->buffer + f->begin, f->end - f->begin);
	f->scanned -= f->begin;
	f->end -= f->begin;
	f->begin = 0;
	n = pread(f->fd, f->buffer + f->end, sizeof(f->buffer) - f->end, (off_t)read_offset(f));
	if (n < 0)
		return errno == EINTR ? 0 : gp_diag_errno(diag, "%s", f->path);
	f->end += (size_t)n;
	return (int)n;
}

/* At the end: is there more to come in another file?  GP_OK: look again. */
static int look_further(struct maillog_file *f, struct gp_str *ret_line, bool *ret_has_line,
			struct gp_diag *diag)
{
	*ret_has_line = false;
	if (!is_replaced(f))
		return GP_ENOENT;
	if (!f->is_final) {
		f->is_final = true;
		return GP_OK;
	}
	if (f->end > f->begin && !f->is_skipping) { /* a last line without its end */
		*ret_line = take_line(f, f->end, 0);
		*ret_has_line = true;
		return GP_OK;
	}
	return go_on_to_next(f, diag);
}

int maillog_file_next(struct maillog_file *f, struct gp_str *ret_line, uint64_t *ret_place,
		      struct gp_diag *diag)
{
	int r = f->fd < 0 ? open_first(f, diag) : GP_OK;

	while (r >= 0) {
		bool has_line = find_line(f, ret_line);

		if (!has_line) {
			r = fill(f, diag);
			if (r > 0)
				f->is_final = false;
			if (r != 0)
				continue;
			r = look_further(f, ret_line, &has_line, diag);
		}
		if (has_line) {
			*ret_place = f->here.offset;
			return GP_OK;
		}
	}
	return r;
}
