/*
 * What one message asks of the directory: early, each thing once, collected late.
 *
 *	l = gp_lookups_new(ldap, timeout_ms, message_arena);
 *	gp_lookups_ask(l, query, key);			(asks, and returns at once)
 *	…
 *	r = gp_lookups_words(l, query, key, &words);	(waits for it)
 *
 * Waiting ends timeout_ms after the question was asked (an eighth less, at the most); an
 * answer that came by the time it is looked for counts, however late.
 */
#ifndef GP_DAEMON_LOOKUPS_H
#define GP_DAEMON_LOOKUPS_H

#include "lib/ldap/ldap.h"

struct gp_lookups;

/* In the arena, whose end drops what is under way.  ldap NULL: nothing is ever asked. */
struct gp_lookups *gp_lookups_new(struct gp_ldap *ldap, int64_t timeout_ms, struct gp_arena *arena)
	__attribute__((returns_nonnull));
/* query NULL, an empty key, or more than some thousand questions: not asked. */
void gp_lookups_ask(struct gp_lookups *l, const struct gp_ldap_query *query, struct gp_str key);
/* All values, joined by blanks, up to 64 KiB.  GP_ENOENT: no entry, none that says anything,
 * or not asked; else the word of gp_ldap_finish(), which is a failure. */
int gp_lookups_words(struct gp_lookups *l, const struct gp_ldap_query *query, struct gp_str key,
		     struct gp_str *ret_words) GP_MUST_USE;
/* Why one of those that were looked at failed; NULL if none did. */
const char *gp_lookups_failure(const struct gp_lookups *l);

#endif
