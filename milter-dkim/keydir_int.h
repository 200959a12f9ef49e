/*
 * What the two halves of the key directory share; for keydir*.c only.
 */
#ifndef GP_DKIM_KEYDIR_INT_H
#define GP_DKIM_KEYDIR_INT_H

#include "lib/dns/dnsname.h"
#include "milter-dkim/keydir.h"

/* The domain as its directory is named.  GP_EINVAL: it is none. */
int dkim_keydir_fold(struct gp_str domain, char ret[GP_DNS_NAME_MAX + 1], struct gp_diag *diag)
	GP_MUST_USE;
/* A key with its paths; prepared, since 1970. */
struct dkim_keydir_key dkim_keydir_key(struct gp_arena *arena, const char *dir,
				       struct gp_str domain, struct gp_str selector);
/* NULL if there is none; the DNS compares without regard to case. */
struct dkim_keydir_key *dkim_keydir_find(const struct dkim_keydir *d, struct gp_str selector);

#endif
