/*
 * Watching the folder; see the header.
 */
#include "milter-virus/watch.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"

#define QUIET_MS 1000	/* since the last change */
#define QUIET_MAX_MS 20000 /* … but no longer than this since the first */
#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)

struct virus_watch {
	struct gp_loop *loop;
	const char *path;
	int64_t interval_ms;
	void (*changed)(void *arg);
	void *arg;
	int fd;
	int id; /* of the folder's watch; -1: there is none */
	struct gp_watch *watch;
	struct gp_timer poll, quiet;
	int64_t first_ms; /* change that was not reported yet; 0: none */
};

static void look_later(struct virus_watch *w)
{
	gp_timer_set(w->loop, &w->poll, gp_clock_mono_ms() + w->interval_ms);
}

static void add_folder(struct virus_watch *w)
{
	if (w->fd >= 0 && w->id < 0)
		w->id = inotify_add_watch(w->fd, w->path, EVENTS);
}

static void polled(void *arg)
{
	struct virus_watch *w = arg;

	add_folder(w);
	look_later(w);
	w->changed(w->arg);
}

static void is_quiet(void *arg)
{
	struct virus_watch *w = arg;

	w->first_ms = 0;
	w->changed(w->arg);
}

static void told(void *arg, unsigned events)
{
	struct virus_watch *w = arg;
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int64_t now_ms = gp_clock_mono_ms();
	ssize_t n;

	(void)events;
	while ((n = read(w->fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buf + at);

			if (e->mask & IN_IGNORED)
				w->id = -1; /* the folder went; another may come */
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
	add_folder(w);
	if (!w->first_ms)
		w->first_ms = now_ms;
	gp_timer_set(w->loop, &w->quiet, GP_MIN(now_ms + QUIET_MS, w->first_ms + QUIET_MAX_MS));
}

struct virus_watch *virus_watch_new(struct gp_loop *loop, const char *path, int64_t interval_ms,
				    void (*changed)(void *arg), void *arg)
{
	struct virus_watch *w = gp_xcalloc(1, sizeof(*w));

	*w = (struct virus_watch){.loop = loop, .path = path, .interval_ms = interval_ms,
				  .changed = changed, .arg = arg, .id = -1};
	w->poll = (struct gp_timer){.fn = polled, .arg = w};
	w->quiet = (struct gp_timer){.fn = is_quiet, .arg = w};
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd >= 0)
		w->watch = gp_loop_watch_fd(loop, w->fd, GP_IO_READ, told, w);
	add_folder(w);
	look_later(w);
	return w;
}

void virus_watch_set_interval(struct virus_watch *w, int64_t interval_ms)
{
	w->interval_ms = interval_ms;
	look_later(w);
}

void virus_watch_free(struct virus_watch **watch)
{
	struct virus_watch *w = *watch;

	if (!w)
		return;
	*watch = NULL;
	gp_timer_clear(w->loop, &w->poll);
	gp_timer_clear(w->loop, &w->quiet);
	gp_watch_free(&w->watch);
	gp_fd_close(&w->fd);
	free(w);
}
