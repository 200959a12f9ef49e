/*
 * Walking files, directories, Maildirs and mboxes.
 */
#include "cli/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"

#define MESSAGE_MAX ((size_t)GP_MAX_BODY_SIZE * 2)

typedef int visit_fn(void *arg, const char *path, const struct stat *st);

static void report(struct gp_input *in, const char *path, const char *why)
{
	char text[4352];

	in->errors++;
	snprintf(text, sizeof(text), "%s: %s", path, why);
	in->error(in->arg, text);
}

static bool is_self_or_parent(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Files that mail stores keep beside the mail. */
static bool is_skipped(const char *name, bool in_maildir)
{
	static const char *const control[] = {"dovecot", "maildirfolder", "subscriptions",
					      "courier"};

	if (name[0] == '.')
		return !in_maildir || is_self_or_parent(name);
	for (size_t i = 0; in_maildir && i < GP_ARRAY_SIZE(control); i++)
		if (strncmp(name, control[i], strlen(control[i])) == 0)
			return true;
	return in_maildir && strcmp(name, "tmp") == 0;
}

static bool is_maildir(const char *path)
{
	static const char *const needed[] = {"cur", "new", "tmp"};
	char sub[4096];
	struct stat st;

	for (size_t i = 0; i < GP_ARRAY_SIZE(needed); i++) {
		snprintf(sub, sizeof(sub), "%s/%s", path, needed[i]);
		if (stat(sub, &st) || !S_ISDIR(st.st_mode))
			return false;
	}
	return true;
}

static int walk(const char *path, visit_fn *visit, void *arg, struct gp_input *in, unsigned depth);

static int walk_directory(const char *path, visit_fn *visit, void *arg, struct gp_input *in,
			  unsigned depth)
{
	bool maildir = is_maildir(path), has_all = in && in->has_all;
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort);
	int r = GP_OK;

	if (n < 0 && in)
		report(in, path, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		char sub[4096];

		if (r == GP_OK &&
		    !(has_all ? is_self_or_parent(name) : is_skipped(name, maildir)) &&
		    (size_t)snprintf(sub, sizeof(sub), "%s/%s", path, name) <
			    sizeof(sub))
			r = walk(sub, visit, arg, in, depth + 1);
		free(names[i]);
	}
	free(names);
	return r;
}

/* Depth-first; symbolic links are followed, so a loop ends at the depth cap. */
static int walk(const char *path, visit_fn *visit, void *arg, struct gp_input *in, unsigned depth)
{
	struct stat st;

	if (stat(path, &st)) {
		if (in)
			report(in, path, strerror(errno));
		return GP_OK;
	}
	if (S_ISDIR(st.st_mode) && depth < 32)
		return walk_directory(path, visit, arg, in, depth);
	if (S_ISREG(st.st_mode) || (depth == 0 && !S_ISDIR(st.st_mode)))
		return visit(arg, path, &st);
	return GP_OK;
}

/* End of the mbox message that starts at `from`: the next "From " line after an
 * empty line. */
static size_t mbox_end(struct gp_str box, size_t from)
{
	for (size_t i = from;;) {
		i = gp_str_find(box, GP_STR("\nFrom "), i);
		if (i == box.len)
			return i;
		if (i > 0 && (box.ptr[i - 1] == '\n' ||
			      (i > 1 && box.ptr[i - 1] == '\r' && box.ptr[i - 2] == '\n')))
			return i + 1;
		i++;
	}
}

/* Undoes mboxrd quoting: a line ">From " (any number of '>') loses one '>'. */
static void unquote(struct gp_str s, struct gp_buf *out)
{
	gp_buf_reset(out);
	while (s.len) {
		size_t line = gp_str_find_chr(s, '\n', 0), q = 0;

		line = GP_MIN(line + 1, s.len);
		while (q < line && s.ptr[q] == '>')
			q++;
		if (q && gp_str_starts(gp_str_sub(s, q, line - q), GP_STR("From ")))
			gp_buf_add(out, s.ptr + 1, line - 1);
		else
			gp_buf_add(out, s.ptr, line);
		s = gp_str_sub(s, line, s.len);
	}
}

static int read_mbox(struct gp_input *in, const char *path, struct gp_str box)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(MESSAGE_MAX);
	unsigned number = 0;
	int r = GP_OK;

	for (size_t at = 0; at < box.len && r == GP_OK;) {
		size_t end = mbox_end(box, at);
		size_t start = GP_MIN(gp_str_find_chr(box, '\n', at) + 1, end);
		char label[4160];

		snprintf(label, sizeof(label), "%s:%u", path, ++number);
		unquote(gp_str_sub(box, start, end - start), &buf);
		if (gp_buf_error(&buf))
			report(in, label, "larger than this program reads; left out");
		else
			r = in->message(in->arg, label, gp_buf_str(&buf));
		at = end;
	}
	return r;
}

/* Whole-file read lock, as mail programs take on an mbox; waits for a writer. */
static void lock_mbox(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	while (fcntl(fd, F_SETLKW, &lock) < 0 && errno == EINTR)
		;
}

static int read_file(struct gp_input *in, int fd, const char *path, bool is_regular)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(MESSAGE_MAX);
	char start[5] = "";
	int r;

	if (is_regular && pread(fd, start, 5, 0) == 5 && memcmp(start, "From ", 5) == 0) {
		struct stat st;
		void *map;

		lock_mbox(fd);
		if (fstat(fd, &st) || st.st_size == 0)
			return GP_OK;
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED) {
			report(in, path, strerror(errno));
			return GP_OK;
		}
		r = read_mbox(in, path, gp_str_n(map, (size_t)st.st_size));
		munmap(map, (size_t)st.st_size);
		return r;
	}
	r = gp_fd_read_all(fd, &buf);
	if (r) {
		report(in, path, r == GP_ELIMIT ? "larger than this program reads; left out"
						: strerror(errno));
		return GP_OK;
	}
	if (!is_regular && gp_str_starts(gp_buf_str(&buf), GP_STR("From ")))
		return read_mbox(in, path, gp_buf_str(&buf));
	return in->message(in->arg, path, gp_buf_str(&buf));
}

static int visit_message(void *arg, const char *path, const struct stat *st)
{
	struct gp_input *in = arg;
	GP_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		report(in, path, strerror(errno));
		return GP_OK;
	}
	return read_file(in, fd, path, S_ISREG(st->st_mode));
}

static int visit_size(void *arg, const char *path, const struct stat *st)
{
	(void)path;
	*(uint64_t *)arg += (uint64_t)st->st_size;
	return GP_OK;
}

int gp_input_walk(struct gp_input *in, const char *const *paths, size_t n)
{
	int r = GP_OK;

	for (size_t i = 0; i < n && r == GP_OK; i++) {
		if (strcmp(paths[i], "-") == 0)
			r = read_file(in, STDIN_FILENO, "-", false);
		else
			r = walk(paths[i], visit_message, in, in, 0);
	}
	return r;
}

uint64_t gp_input_size(const char *const *paths, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(paths[i], "-") != 0 && walk(paths[i], visit_size, &total, NULL, 0))
			break;
	return total;
}
