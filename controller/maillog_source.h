/*
 * What the follower reads Postfix's log from: a file (maillog_file.h) or systemd's journal
 * (maillog_journal.h), as maillog.source says.
 */
#ifndef GP_CONTROLLER_MAILLOG_SOURCE_H
#define GP_CONTROLLER_MAILLOG_SOURCE_H

#include "controller/maillog_conf.h"
#include "controller/maillog_position.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

/* What went wrong, since the last time it was asked. */
struct maillog_losses {
	unsigned gone;	    /* what was read last is not there any more: a file, an entry */
	unsigned truncated; /* times that the rest of a truncated file was not found */
	unsigned long_lines;
};

struct maillog_source;

struct maillog_source_ops {
	const char *lag_unit;
	const char *gone; /* what losses.gone means */
	/* Where the log ends now; inode 0: it is not there.  Called before all others, by the
	 * thread that makes it, and does not wait. */
	void (*end)(struct maillog_source *s, struct maillog_position *ret);
	/* Begins where messages on their way at `end` may begin, within bounds; what is read up
	 * to the place that it returns is past. */
	uint64_t (*start_past)(struct maillog_source *s, const struct maillog_position *end);
	/* The others: as in maillog_file.h. */
	void (*start)(struct maillog_source *s, const struct maillog_position *from);
	int (*next)(struct maillog_source *s, struct gp_str *ret_line, uint64_t *ret_place,
		    struct gp_diag *diag);
	bool (*position)(const struct maillog_source *s, struct maillog_position *ret);
	void (*losses)(struct maillog_source *s, struct maillog_losses *ret);
	uint64_t (*lag)(const struct maillog_source *s);
	/* Returns when there may be more to read, or to be stopped. */
	void (*wait)(struct maillog_source *s);
	void (*free)(struct maillog_source *s);
};

/* The beginning of each source's own struct. */
struct maillog_source {
	const struct maillog_source_ops *ops;
};

/* `stop_fd` is readable when the thread is to be stopped. */
struct maillog_source *maillog_source_new(const struct maillog_conf *conf, int stop_fd);

#endif
