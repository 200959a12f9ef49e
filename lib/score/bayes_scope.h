/*
 * Whose learned counts a user's mail is judged by, and his lessons go into.
 *
 *	gp_bayes_scopes_of(conf, user, &scopes);		learning: who teaches
 *	gp_bayes_scopes_for(conf, account, rcpts, n, &scopes);	judging: whose mail it is
 *
 * Both map names alike, or what a user teaches would never be found again: a user is what
 * Dovecot calls him, which the plugin names.  A recipient's address becomes that by
 * lower-casing, dropping an extension (bayes.recipient_delimiter), and, where users log in
 * without a domain (bayes.login = "local"), dropping the domain.  An alias is not resolved:
 * mail to it is judged as that of a user who taught nothing.
 *
 * Names of scopes in the store: "" everybody's, "@DOMAIN" a domain's, else a user's.
 */
#ifndef GP_SCORE_BAYES_SCOPE_H
#define GP_SCORE_BAYES_SCOPE_H

#include "lib/conf/shared.h"
#include "lib/store/store.h"

#define GP_BAYES_SCOPES 2

struct gp_bayes_scopes {
	size_t n; /* 1 or 2; of 2 the first is everybody's */
	char names[GP_BAYES_SCOPES][GP_STORE_SCOPE_MAX + 1];
};

/* The scopes of one user ("" or what is no user's name: everybody's). */
void gp_bayes_scopes_of(const struct gp_conf_bayes *conf, struct gp_str user,
			struct gp_bayes_scopes *ret);
/* The scopes for a message: those of the authenticated account that sends it ("": none), else
 * of its recipient.  With several recipients: their domain's if they share one and
 * scopes are by domain, else everybody's. */
void gp_bayes_scopes_for(const struct gp_conf_bayes *conf, struct gp_str account,
			 const struct gp_str *recipients, size_t n, struct gp_bayes_scopes *ret);

#endif
