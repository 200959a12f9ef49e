/*
 * Counting what is under way, and stopping without losing any of it.
 *
 * libmilter's own stop does not wait for messages, so it is not used.  With
 * answers negotiated away an MTA sends a whole message without waiting, so a
 * session is never provably idle; what is in the socket when we leave would be
 * a message that reached its end and got no answer.  Therefore:
 *
 *	1. no new connections (the socket's file goes), and every session is held
 *	   at its next MAIL, while messages whose content began are answered;
 *	2. when none is left, all connections are cut for reading: what the MTA
 *	   wrote before is still read, what it writes later fails on its side,
 *	   before the end of its message;
 *	3. held sessions go on with what they have (421 for new messages), see the
 *	   end, and close.
 *
 * Not known to libmilter, so that it can be tested without.
 */
#ifndef GP_DAEMON_DRAIN_H
#define GP_DAEMON_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

void gp_drain_session_opened(void);
void gp_drain_session_closed(void);
/* At MAIL; waits while sessions are held.  True: answer it with a shutdown reply. */
bool gp_drain_message(void);
/* From the first byte of content to the answer; and while a program looks at MAIL. */
void gp_drain_content_begin(void);
void gp_drain_content_end(void);

/* Messages whose content has begun and that are not answered; open sessions. */
int64_t gp_drain_in_flight(void);
int64_t gp_drain_sessions(void);

/* Step 1. */
void gp_drain_hold(void);
/* Steps 2 and 3; `cut` is called repeatedly, for connections accepted late.
 * Returns at the deadline (gp_clock_mono_ms) at the latest, with the number of
 * messages left unanswered. */
int64_t gp_drain_wait(int64_t deadline_ms, void (*cut)(void));

#endif
