/*
 * Where Postfix asks policy services: the check_policy_service of all restriction lists, as each
 * smtpd of master.cf sees them, through restriction classes and what access tables answer.
 */
#ifndef GP_CLI_POSTFIX_POLICY_H
#define GP_CLI_POSTFIX_POLICY_H

#include "cli/postfix.h"
#include "policyd-ratelimit/request.h"

/* Clients that what stands before it in the list leaves over. */
enum {
	GP_POLICY_ACCOUNTS = 1, /* authenticated */
	GP_POLICY_OWN = 2,	/* of mynetworks */
	GP_POLICY_STRANGERS = 4,
	GP_POLICY_ALL = 7,
};

struct gp_policy_use {
	const struct gp_postfix_service *service;
	const char *parameter;	 /* "smtpd_recipient_restrictions" */
	enum policy_stage stage; /* what it is asked as */
	struct gp_str address;	 /* "unix:gatepost/ratelimit.sock", "inet:127.0.0.1:10031" */
	struct gp_str default_action; /* while it does not answer */
	struct gp_str context;	 /* policy_context */
	struct gp_str table;	 /* "hash:/x", whose answer it is: for some clients only; or "" */
	unsigned clients;	 /* of GP_POLICY_… */
	bool has_accounts;	 /* clients may authenticate in this service */
};

typedef void gp_policy_use_fn(void *arg, const struct gp_policy_use *use);
/* What could not be followed: a table, a class; and why. */
typedef void gp_policy_gap_fn(void *arg, const struct gp_policy_use *where, struct gp_str what,
			      const char *why);
/* Calls fn for each use, gap for each thing that cannot be followed, once for each list. */
void gp_postfix_policy_each(const struct gp_postfix *p, gp_policy_use_fn *fn, gp_policy_gap_fn *gap,
			    void *arg);
/* Does a restriction list of the service have this word, tables aside? */
bool gp_postfix_restricts(const struct gp_postfix *p, const struct gp_postfix_service *service,
			  const char *word);

/* An smtpd that takes mail from accounts alone: they may authenticate there, all others are
 * rejected. */
bool gp_postfix_is_submission(const struct gp_postfix *p, const struct gp_postfix_service *service);

#endif
