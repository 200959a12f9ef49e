/*
 * Scans by clamd, for hosts that run one already: INSTREAM over its socket (clamd(8)).
 *
 * Several servers are asked in their order: the first that is there scans.  One that cannot be
 * reached is left alone for a while (lib/io/breaker.h).  A server that goes away in the middle
 * of a scan is followed by one more try elsewhere, not by one on each server: the message may
 * be what ended it.  Nor is a scan that takes too long tried again: clamd goes on with it, and
 * the tries would pile up.
 *
 * Threads share it; each scan has a connection of its own.
 */
#ifndef GP_VIRUS_CLAMD_H
#define GP_VIRUS_CLAMD_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"

#define VIRUS_CLAMD_SERVERS_MAX 16
#define VIRUS_CLAMD_TEXT_MAX 128

struct virus_clamd;

enum virus_clamd_status {
	VIRUS_CLAMD_CLEAN,
	VIRUS_CLAMD_FOUND,
	VIRUS_CLAMD_TOO_LARGE, /* above its StreamMaxLength */
	VIRUS_CLAMD_FAILED,    /* it says that it could not */
	VIRUS_CLAMD_LATE,      /* no answer before the deadline */
	VIRUS_CLAMD_LOST,      /* it went away in the middle, twice */
	VIRUS_CLAMD_DOWN,      /* no server can be reached */
};

struct virus_clamd_answer {
	enum virus_clamd_status status;
	char text[VIRUS_CLAMD_TEXT_MAX]; /* FOUND: the signature, as clamd writes it; others: why; or "" */
	const char *server;		 /* that was asked last; lives as long as the object */
	unsigned tries;			 /* servers that the message was sent to */
};

/* Servers as lib/io/address.h has them, 1 … VIRUS_CLAMD_SERVERS_MAX; in the arena, whose end ends
 * it.  rest_ms: how long one that cannot be reached is left alone. */
struct virus_clamd *virus_clamd_new(const char *const *servers, size_t n, int64_t rest_ms,
				    struct gp_arena *arena) __attribute__((returns_nonnull));

struct virus_clamd_request {
	int fd;		     /* its first `size` bytes are sent; its position does not matter */
	uint64_t size;
	int64_t deadline_ms; /* gp_clock_mono_ms() */
	void (*tick)(void *arg); /* called every few seconds while it waits; may be NULL */
	void *arg;
};

/* Blocks up to the deadline. */
void virus_clamd_scan(struct virus_clamd *c, const struct virus_clamd_request *request,
		      struct virus_clamd_answer *ret);

/* What the first server that answers says to VERSION: "ClamAV 1.4.6/27810/Sat Nov 21 …".
 * GP_ETEMP with the reason of the last in the diag. */
int virus_clamd_version(struct virus_clamd *c, int64_t deadline_ms, char *ret, size_t size,
			struct gp_diag *diag) GP_MUST_USE;

#endif
