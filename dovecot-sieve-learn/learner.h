/*
 * What a session knows of learning: the user, the settings, the worker.
 *
 * Hangs on Dovecot's mail_user; made for users whose service teaches, and for
 * doveadm and Sieve when they ask.
 */
#ifndef GP_SIEVE_LEARN_LEARNER_H
#define GP_SIEVE_LEARN_LEARNER_H

#include <stdbool.h>

struct mail_user;
struct gp_learner;
struct gp_learn_settings;
struct gp_worker;

/*
 * The learner of a user, made if there is none.  NULL if the user's service does not
 * teach (`any_service` overrules that) or the user has nowhere to keep references.
 */
struct gp_learner *gp_learner_get(struct mail_user *user, bool any_service);
/* The learner if there is one. */
struct gp_learner *gp_learner_find(struct mail_user *user);
const struct gp_learn_settings *gp_learner_settings(const struct gp_learner *learner);
struct gp_worker *gp_learner_worker(const struct gp_learner *learner);

#endif
