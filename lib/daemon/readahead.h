/*
 * Fewer system calls for libmilter: its connections are read ahead.
 *
 * libmilter takes every packet off its socket by three calls of poll(2) and two of
 * read(2), and a message has some forty packets: two thirds of a filter's CPU.  It has
 * no interface for another transport; so this module defines poll, read and close for
 * the whole process, and serves libmilter's small reads from a buffer.
 */
#ifndef GP_DAEMON_READAHEAD_H
#define GP_DAEMON_READAHEAD_H

#include <stdbool.h>

/* For the negotiation callback: the connection that this thread polled and read from last
 * is read ahead until it is closed.  False if there is none (a libmilter that waits by
 * other means than poll): everything stays as it is. */
bool gp_readahead_begin(void);

#endif
