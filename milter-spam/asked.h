/*
 * What recipients and accounts want, from the map files and from the directory.
 *
 *	a = spam_asked_new(&directory, conf, arena);
 *	spam_asked_recipient(a, address);		(at RCPT: asks, and returns at once)
 *	…
 *	if (spam_asked_find(a, address, false, &words)) …	(at end of message: waits for it)
 *
 * The file is looked at first, and what has an entry there is not asked of the directory.
 * That knows a recipient by the address, by the address without its +extension, or by the
 * domain: the first of them whose entry says anything counts, alone.  What does not come in
 * time is as if nobody had asked, but spam_asked_failure() tells.
 *
 * Values of the directory are words of a map file's line (lists.h), in any number.
 */
#ifndef GP_SPAM_ASKED_H
#define GP_SPAM_ASKED_H

#include "lib/daemon/directory.h"
#include "milter-spam/options.h"

/* The directory of the process and the queries of a configuration. */
struct spam_directory {
	struct gp_ldap *ldap;					    /* NULL: there is none */
	const struct gp_ldap_query *recipients, *domains, *accounts; /* NULL: not asked */
	int64_t timeout_ms;
};

struct spam_asked;

/* The queries, in the snapshot's arena; ldap stays NULL.  Errors go to the report. */
int spam_directory_setup(struct gp_snapshot *snap, struct spam_directory *ret,
			 struct gp_conf_report *report) GP_MUST_USE;

/* In the arena, whose end drops what is under way.  directory NULL: the files alone. */
struct spam_asked *spam_asked_new(const struct spam_directory *directory,
				  const struct spam_conf *conf, struct gp_arena *arena)
	__attribute__((returns_nonnull));
void spam_asked_recipient(struct spam_asked *a, struct gp_str address);
void spam_asked_account(struct spam_asked *a, struct gp_str account);
/* In place of asking, where somebody else did: what one has in the directory, if anything; and
 * why it is not known, if it is not.  Borrowed. */
void spam_asked_tell(struct spam_asked *a, struct gp_str key, bool is_account, struct gp_str words);
void spam_asked_fail(struct spam_asked *a, struct gp_str why);
/* The words that hold for one of them; false: none do.  One that was not announced has the
 * file's. */
bool spam_asked_find(struct spam_asked *a, struct gp_str key, bool is_account,
		     struct gp_str *ret_words);
/* Why the directory did not answer one of those that were looked for so far; NULL if it did. */
const char *spam_asked_failure(const struct spam_asked *a);

#endif
