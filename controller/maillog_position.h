/*
 * Where the follower of Postfix's log is: in a file, or in a journal.
 */
#ifndef GP_CONTROLLER_MAILLOG_POSITION_H
#define GP_CONTROLLER_MAILLOG_POSITION_H

#include <stdbool.h>
#include <stdint.h>

/* A cursor is some 150 bytes, which systemd does not promise. */
#define MAILLOG_CURSOR_MAX 255
/* What a position in a journal has for an inode; no file has that. */
#define MAILLOG_JOURNAL UINT64_MAX

struct maillog_position {
	uint64_t inode;	   /* 0: none */
	uint64_t offset;   /* behind what was read last; of a journal: its time, in microseconds */
	uint32_t mark_len; /* bytes that the mark is of: the first ones, at most offset */
	uint64_t mark;
	/* Of a journal: the entry that was read last; "": what comes at the time or later is to be
	 * read.  Of a file "". */
	char cursor[MAILLOG_CURSOR_MAX + 1];
};

#endif
