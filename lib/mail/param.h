/*
 * Values with parameters: Content-Type, Content-Disposition and their kin.
 *
 * RFC 2045 §5.1, RFC 2183, RFC 2231.  Tolerant in what mail programs are:
 * missing quotes, doubled semicolons, encoded words in parameters, comments.
 * Of a parameter that occurs twice the first counts.
 */
#ifndef GP_MAIL_PARAM_H
#define GP_MAIL_PARAM_H

#include "lib/base/arena.h"
#include "lib/base/str.h"

/* What stands before the first semicolon: without comments and white space
 * inside, lower case, in the arena.  `value` is an unfolded header value. */
struct gp_str gp_param_main(struct gp_arena *a, struct gp_str value);

/* The parameter's text as UTF-8: quotes, RFC 2231 pieces and percent escapes
 * resolved; empty if there is none.  `name` is lower case. */
struct gp_str gp_param_get(struct gp_arena *a, struct gp_str value, const char *name);

/* The nth (from 0) of the parameters of that name, for those who must know whether
 * there are two. */
struct gp_str gp_param_get_n(struct gp_arena *a, struct gp_str value, const char *name, unsigned n);

#endif
