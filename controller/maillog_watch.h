/*
 * Waiting for a log file to grow or to be replaced: inotify, and at least every second, as
 * there are file systems without it and files that were renamed while they are read.
 */
#ifndef GP_CONTROLLER_MAILLOG_WATCH_H
#define GP_CONTROLLER_MAILLOG_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct maillog_watch {
	const char *path; /* borrowed */
	int stop_fd;	  /* readable: to be stopped */
	int fd;		  /* inotify's; -1: the kernel has none to give */
	int file, folder; /* its watches; -1: not there */
};

void maillog_watch_init(struct maillog_watch *w, const char *path, int stop_fd);
void maillog_watch_done(struct maillog_watch *w);
/* Returns when something may have changed, or to be stopped. */
void maillog_watch_wait(struct maillog_watch *w);

#endif
