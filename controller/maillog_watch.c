/*
 * Waiting for a log file; see the header.
 */
#include "controller/maillog_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/str.h"

#define POLL_MS 1000	  /* with inotify */
#define POLL_ALONE_MS 250 /* without */

void maillog_watch_init(struct maillog_watch *w, const char *path, int stop_fd)
{
	*w = (struct maillog_watch){.path = path, .stop_fd = stop_fd, .file = -1, .folder = -1,
				    .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
}

void maillog_watch_done(struct maillog_watch *w)
{
	gp_fd_close(&w->fd);
}

static void watch_folder(struct maillog_watch *w)
{
	struct gp_str folder = gp_str(w->path);
	char text[4096];

	while (folder.len > 1 && folder.ptr[folder.len - 1] != '/')
		folder.len--;
	if (gp_str_copy(text, sizeof(text), folder))
		w->folder = inotify_add_watch(w->fd, text, IN_CREATE | IN_MOVED_TO);
}

/* Watches what has the name now; true: that is another file than before. */
static bool watch_file(struct maillog_watch *w)
{
	int before = w->file;

	w->file = inotify_add_watch(w->fd, w->path, IN_MODIFY);
	if (w->file == before)
		return false;
	if (before >= 0)
		inotify_rm_watch(w->fd, before);
	return w->file >= 0;
}

void maillog_watch_wait(struct maillog_watch *w)
{
	struct pollfd fds[] = {{.fd = w->stop_fd, .events = POLLIN}, {.fd = w->fd, .events = POLLIN}};
	char events[4096];

	if (w->fd >= 0 && w->folder < 0)
		watch_folder(w);
	if (w->fd >= 0 && watch_file(w))
		return; /* it may have grown before it was watched */
	poll(fds, 2, w->file >= 0 ? POLL_MS : POLL_ALONE_MS);
	/* What they say does not matter. */
	while (w->fd >= 0 && read(w->fd, events, sizeof(events)) > 0)
		;
}
