/*
 * Notices what a transaction copies and saves, and remembers what that teaches.
 */
#ifndef GP_SIEVE_LEARN_NOTICE_H
#define GP_SIEVE_LEARN_NOTICE_H

struct notify_vfuncs;

/* What Dovecot's notify plugin calls. */
extern const struct notify_vfuncs gp_notice_calls;

#endif
