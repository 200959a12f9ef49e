/*
 * Files of records that only grow, one after the other: what the queue and the log of
 * lessons are made of.
 *
 * A directory holds files NAME-HEX, HEX being the number of the first record.  A record
 * has a number, larger than the one before it, a checksum, and bytes.  What is not whole
 * at the end of a file (a write that a crash cut off) is no record: the next process
 * begins a new file behind it, and never writes to one that it did not make.
 *
 * Not thread-safe, but that several may read what was published.
 */
#ifndef GP_CONTROLLER_SEGMENT_H
#define GP_CONTROLLER_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define SEGMENT_RECORD_MAX ((size_t)80 << 20) /* above the largest learn.size_max */
#define SEGMENT_HEAD 24			      /* bytes before a record's own */

struct segment {
	uint64_t first; /* number of its first record */
	uint64_t size;	/* bytes of whole records */
};

struct segments {
	int dir_fd;
	char name[16];
	struct segment *items; /* oldest first */
	size_t len;
	uint64_t bytes;	 /* of all */
	uint64_t next;	 /* number of the next record */
	uint64_t cut;	 /* bytes behind the last whole record that were found at opening */
	int write_fd;	 /* of the last one, if this process made it */
	uint64_t segment_max; /* a new one is begun beyond */
};

/* A record where it stands. */
struct segment_place {
	uint64_t segment; /* struct segment.first */
	uint64_t at;	  /* offset of its head */
};

struct segment_record {
	uint64_t number;
	struct gp_str bytes; /* in the reader's buffer */
	uint64_t end;	     /* offset behind it */
};

/* Called for every record found; `at` is its place. */
typedef void segment_found_fn(void *arg, const struct segment_place *at,
			      const struct segment_record *record);

/* Opens what is in the directory (mode 0700, made if it is not there): reads and checks all
 * of it.  `found` may be NULL. */
int segments_open(struct segments *s, const char *directory, const char *name, uint64_t segment_max,
		  segment_found_fn *found, void *arg, struct gp_diag *diag) GP_MUST_USE;
void segments_close(struct segments *s);

/* Appends the form of a record to a buffer that will be written. */
void segment_format(uint64_t number, struct gp_str bytes, struct gp_buf *out);
/* Writes whole records with the numbers first … last (first: s->next), begins a new file where
 * needed, and waits until they are on disk.  On failure nothing was written that counts.
 * *ret_place is where they begin. */
int segments_append(struct segments *s, uint64_t first, uint64_t last, struct gp_str records,
		    struct segment_place *ret_place, struct gp_diag *diag) GP_MUST_USE;
/* Reads the record at a place; GP_EINVAL if there is none.  fd: from segment_open_file. */
int segment_read(int fd, uint64_t at, uint64_t size, struct gp_buf *buf,
		 struct segment_record *ret) GP_MUST_USE;
/* -1 with errno. */
int segment_open_file(const struct segments *s, uint64_t first);
/* Removes the oldest file; there is one. */
void segments_drop_oldest(struct segments *s);

#endif
