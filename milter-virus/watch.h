/*
 * Notices that the folder of signatures was changed.
 *
 * The kernel tells (inotify), and the folder is looked at now and then besides: it may lie where
 * the kernel does not tell, or not be there yet.  A change is reported when the folder has been
 * quiet for a moment, because freshclam replaces several files one after the other.
 */
#ifndef GP_VIRUS_WATCH_H
#define GP_VIRUS_WATCH_H

#include "lib/io/loop.h"

struct virus_watch;

/* changed() is called on the loop's thread, which must look for itself what is new, if anything.
 * Call on the loop's thread; the path must live as long. */
struct virus_watch *virus_watch_new(struct gp_loop *loop, const char *path, int64_t interval_ms,
				    void (*changed)(void *arg), void *arg)
	__attribute__((returns_nonnull));
void virus_watch_set_interval(struct virus_watch *w, int64_t interval_ms);
void virus_watch_free(struct virus_watch **w);

#endif
