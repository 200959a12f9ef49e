/*
 * Templates of directory queries: "%s", "%u", "%d" … filled with parts of a key, in the
 * manner of Postfix's ldap_table(5), and escaped for the place where they go.
 *
 *	%%	a percent sign
 *	%s	the key (in a result's format: the attribute's value)
 *	%u %n	its local part, the whole key if it has no @; not to be had if it is empty
 *	%d	its domain; not to be had if it has none
 *	%1 … %9	a label of the domain, the last one first; not to be had if it has fewer
 *	%S %U %D  the same of the key, in a result's format too
 */
#ifndef GP_LDAP_LDAP_TEXT_H
#define GP_LDAP_LDAP_TEXT_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

enum gp_ldap_escape {
	GP_LDAP_PLAIN,	/* a result */
	GP_LDAP_FILTER, /* RFC 4515, 3 */
	GP_LDAP_DN,	/* RFC 4514, 2.4 */
};

/* GP_EINVAL with the diag if the text holds what is no "%x" of the list above. */
int gp_ldap_template_check(struct gp_str text, struct gp_diag *diag) GP_MUST_USE;
/* The same of a template that is to be a search filter, RFC 4515, whatever is filled in; the diag
 * tells where it is not. */
int gp_ldap_filter_check(struct gp_str template, struct gp_diag *diag) GP_MUST_USE;
/* Does it come to the same for every key: has it no place to fill but "%%"? */
bool gp_ldap_template_is_fixed(struct gp_str text);
/* Appends the text with the parts filled in.  value: what %s %u %n %d stand for; key: what
 * %S %U %D %1 … stand for.  false: a part is not to be had, and out is as it was. */
bool gp_ldap_expand(struct gp_str text, struct gp_str value, struct gp_str key,
		    enum gp_ldap_escape escape, struct gp_buf *out);
/* Appends the bytes, escaped. */
void gp_ldap_escape(struct gp_str bytes, enum gp_ldap_escape escape, struct gp_buf *out);
/* The domain of an address, or false; quoted local parts may hold an @. */
bool gp_ldap_domain(struct gp_str key, struct gp_str *ret);

#endif
