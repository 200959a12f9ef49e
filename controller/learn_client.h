/*
 * One client of the learn socket; between learn_socket.c (connections, frames) and
 * learn_query.c (questions).
 */
#ifndef GP_CONTROLLER_LEARN_CLIENT_H
#define GP_CONTROLLER_LEARN_CLIENT_H

#include "controller/intake.h"
#include "controller/learn_socket.h"
#include "lib/io/clients.h"

#define LEARN_WINDOW 64 /* questions without an answer, of one client */

/* A question and its answer, sent when its turn has come. */
struct learn_slot {
	uint32_t id;
	bool is_answered;
	enum gp_learn_status status;
	const char *reason;	  /* a literal */
	bool is_query, is_begun;  /* a query begins when all before it is answered */
	uint8_t verb;
	int64_t since_s;
	uint32_t max;
	struct trust_grant grant;
	struct gp_buf rows; /* frames that go before the answer */
};

struct learn_client {
	struct gp_client base;
	char own[GP_LEARN_USER_MAX + 1]; /* name of the peer's user, once asked for */
	bool has_own, is_own_asked;
	bool is_greeted, is_closing;
	struct learn_slot slots[LEARN_WINDOW]; /* a ring */
	uint64_t first, next;		       /* numbers of slots: the oldest, the one behind the last */
	/* The message that is being received. */
	bool is_in_message, is_dropped; /* dropped: the answer is known already */
	struct learn_slot verdict;	/* of a dropped one */
	struct trust_grant grant;
	uint32_t id;
	uint8_t class, flags;
	char origin[GP_LEARN_ORIGIN_MAX + 1];
	struct gp_buf message;
	size_t size_max; /* as of its beginning */
};

/* The answer to the slot of this number is known. */
void learn_client_answer(struct learn_client *c, uint64_t slot, enum gp_learn_status status,
			 const char *reason);
/* Begins a query whose turn it is. */
void learn_query_begin(struct learn_client *c, uint64_t slot, struct learner *learner,
		       struct journal *journal);

/* Messages not taken so far because their peer may not teach that user. */
int64_t learn_denied(void);

static inline struct learn_slot *learn_slot_at(struct learn_client *c, uint64_t number)
{
	return &c->slots[number % LEARN_WINDOW];
}

#endif
