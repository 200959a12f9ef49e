/*
 * A log file as a source, and which source it is.
 */
#include "controller/maillog_source.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "controller/maillog_file.h"
#include "controller/maillog_journal.h"
#include "controller/maillog_watch.h"
#include "lib/base/mem.h"

#define PAST_MAX ((uint64_t)16 << 20) /* bytes read at the first start: some ten thousand messages */

struct file_source {
	struct maillog_source base;
	char *path;
	struct maillog_file *file;
	struct maillog_watch watch;
};

static struct file_source *of(struct maillog_source *s)
{
	return (struct file_source *)s;
}

static void file_end(struct maillog_source *s, struct maillog_position *ret)
{
	struct stat st;

	*ret = (struct maillog_position){0};
	if (stat(of(s)->path, &st) == 0 && S_ISREG(st.st_mode)) {
		ret->inode = st.st_ino;
		ret->offset = (uint64_t)st.st_size;
	}
}

static uint64_t file_start_past(struct maillog_source *s, const struct maillog_position *end)
{
	struct maillog_position begin = {
		.inode = end->inode, .offset = end->offset > PAST_MAX ? end->offset - PAST_MAX : 0};

	maillog_file_start(of(s)->file, &begin);
	return end->offset;
}

static void file_start(struct maillog_source *s, const struct maillog_position *from)
{
	maillog_file_start(of(s)->file, from);
}

static int file_next(struct maillog_source *s, struct gp_str *ret_line, uint64_t *ret_place,
		     struct gp_diag *diag)
{
	struct maillog_position here;
	int r = maillog_file_next(of(s)->file, ret_line, ret_place, diag);

	if (r == GP_ENOENT && !maillog_file_position(of(s)->file, &here))
		gp_diag_set(diag, "%s is not there", of(s)->path);
	return r;
}

static bool file_position(const struct maillog_source *s, struct maillog_position *ret)
{
	return maillog_file_position(((const struct file_source *)s)->file, ret);
}

static void file_losses(struct maillog_source *s, struct maillog_losses *ret)
{
	maillog_file_losses(of(s)->file, ret);
}

static uint64_t file_lag(const struct maillog_source *s)
{
	return maillog_file_lag(((const struct file_source *)s)->file);
}

static void file_wait(struct maillog_source *s)
{
	maillog_watch_wait(&of(s)->watch);
}

static void file_free(struct maillog_source *s)
{
	maillog_file_free(&of(s)->file);
	maillog_watch_done(&of(s)->watch);
	free(of(s)->path);
	free(s);
}

static const struct maillog_source_ops file_ops = {
	.lag_unit = "bytes",
	.gone = "the file that was being read is gone, or packed: the lines that were left in it are "
		"lost",
	.end = file_end,
	.start_past = file_start_past,
	.start = file_start,
	.next = file_next,
	.position = file_position,
	.losses = file_losses,
	.lag = file_lag,
	.wait = file_wait,
	.free = file_free,
};

struct maillog_source *maillog_source_new(const struct maillog_conf *conf, int stop_fd)
{
	const char *folder = maillog_journal_folder(conf->source);
	struct file_source *f;

	if (folder)
		return maillog_journal_new(folder, &conf->units, stop_fd);
	f = gp_xcalloc(1, sizeof(*f));
	f->base.ops = &file_ops;
	f->path = gp_xstrdup(conf->source);
	f->file = maillog_file_new(f->path);
	maillog_watch_init(&f->watch, f->path, stop_fd);
	return &f->base;
}
