/*
 * Layers that workers are looking at, and messages that wait for what comes of it.
 *
 * A layer that is not known but is being looked at by another worker need not be looked at twice:
 * the question about it stays open until the other's message has ended, and its verdict is in the
 * cache, or will not be.
 *
 *	virus_party_begin(&party, generation);		a worker has a message
 *	… it asks about a layer that the cache does not know:
 *	if (virus_pending_ask(pending, &party, &layer, until_ms))
 *		poll virus_party_fd(&party) … until virus_pending_look() says how the wait ended
 *	virus_pending_leave(pending, &party);		its verdicts are in the cache, or forgotten
 *
 * Nobody stands still: nobody waits for a message that waits itself, and a message that somebody
 * waits for does not begin to wait.  Nor does anybody wait for long on what comes after the layer
 * in the other's message: a verdict is told at its end, so once the layer is done with, the
 * wait lasts at most twice as long again.  A layer that was waited for in vain is not waited for
 * again for a while.  Engines of different generations do not answer each other.  Any thread; a
 * party is one thread's.
 */
#ifndef GP_VIRUS_PENDING_H
#define GP_VIRUS_PENDING_H

#include "milter-virus/engine.h"

/* Bytes: a smaller layer is looked at sooner than waited for.  Measured over all that a message costs,
 * where four come at once: of 2 kB a third more CPU time than without the wait, of 8 kB as much, of
 * 32 kB a tenth less, of 128 kB a sixth less and two thirds of the time. */
#define VIRUS_WAIT_MIN (16u << 10)
#define VIRUS_PARTY_LAYERS 32u /* of a message that others may wait for: a worker asks at will */

struct virus_pending;

struct virus_pending_layer {
	unsigned char digest[GP_SHA256_SIZE];
	uint16_t level;
	int64_t began_ms, done_ms; /* done_ms 0: it is being looked at, for all that is known */
};

/* A message that a worker has. */
struct virus_party {
	uint32_t generation;
	int fd; /* -1: has not waited yet */
	/* The table's, under its lock. */
	bool is_listed;
	struct virus_party *next;
	size_t n_layers;
	struct virus_pending_layer layers[VIRUS_PARTY_LAYERS];
	unsigned n_waiters;	       /* that wait for it */
	struct virus_party *waits_for; /* NULL: it does not wait */
	size_t waits_at;	       /* whose layer */
	int64_t wait_began_ms, wait_until_ms;
};

enum virus_pending_wait {
	VIRUS_WAIT_ON,
	VIRUS_WAIT_OVER, /* the other's message has ended */
	VIRUS_WAIT_LATE, /* it takes too long */
};

struct virus_pending *virus_pending_new(void) __attribute__((returns_nonnull));
/* No party is in it. */
void virus_pending_free(struct virus_pending **pending);

void virus_party_begin(struct virus_party *party, uint32_t generation);
/* Readable when there is something to look at; -1 while nothing was waited for. */
static inline int virus_party_fd(const struct virus_party *party)
{
	return party->fd;
}

/* The party's worker is at a layer that is not known.  True: the party waits now, until until_ms
 * (gp_clock_mono_ms()) at most, and does not ask again before it was told the end of that.  False: it
 * looks for itself, and others may wait for it; as its verdict may have come just before that was
 * noted, the cache is to be asked once more. */
bool virus_pending_ask(struct virus_pending *pending, struct virus_party *party,
		       const struct virus_layer *layer, int64_t until_ms) GP_MUST_USE;
/* How it stands with the wait; VIRUS_WAIT_ON: until when, if nothing happens. */
enum virus_pending_wait virus_pending_look(struct virus_pending *pending, struct virus_party *party,
				   int64_t *ret_until_ms) GP_MUST_USE;
/* The wait was over, and there was no verdict. */
void virus_pending_in_vain(struct virus_pending *pending, const struct virus_layer *layer);
/* Its worker has ended with the message, one way or the other: who waits for it is told. */
void virus_pending_leave(struct virus_pending *pending, struct virus_party *party);

/* Messages that wait now. */
size_t virus_pending_waiting(struct virus_pending *pending);
void virus_pending_register_metrics(void);

#endif
