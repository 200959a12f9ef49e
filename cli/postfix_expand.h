/*
 * Postfix's $name expansion and its conditional expressions, postconf(5) under "PARAMETER VALUES":
 *
 *	$name  ${name}  $(name)			the value, expanded in turn; "" when not set
 *	${name?text}  ${name?{text}}		text if the value is not empty
 *	${name:text}  ${name:{text}}		text if it is
 *	${name?{text}:{text}}			one or the other
 *	${{left} == {right}?{text}:{text}}	also != < <= > >=, of numbers if both are, and
 *						==level and so on, of compatibility levels
 *	$$					"$"
 *
 * Evaluated here and not by `postconf -x`: a copy of a configuration can be checked where no
 * Postfix is, and postconf does not tell how a value of main.cf looks in a service that overrides
 * a name within it.  What is bad about that: what Postfix adds to the language must be added here
 * too.  The tests compare with the real one.
 *
 * Pure.
 */
#ifndef GP_CLI_POSTFIX_EXPAND_H
#define GP_CLI_POSTFIX_EXPAND_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

/* The value of a name, unexpanded; NULL: not set.  Borrowed until the expansion ends. */
/* Bytes of an expanded value at the most. */
#define GP_POSTFIX_VALUE_MAX (1 << 20)

typedef const char *gp_postfix_lookup_fn(const void *arg, struct gp_str name);

/* Appends what the text becomes.  GP_EINVAL: Postfix's programs end with such a text, see the
 * diag; what was expanded before it is in the buffer. */
int gp_postfix_expand(struct gp_str text, gp_postfix_lookup_fn *lookup, const void *arg,
		      struct gp_buf *out, struct gp_diag *diag) GP_MUST_USE;

#endif
