/*
 * The public suffix list, by libpsl: for organisational domains as RFC 7489 meant them.
 */
#ifndef GP_AUTH_PSL_H
#define GP_AUTH_PSL_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

struct gp_psl;

/* path "": the system's list.  GP_ENOENT, GP_EINVAL with the diag. */
int gp_psl_load(const char *path, struct gp_psl **ret, struct gp_diag *diag) GP_MUST_USE;
void gp_psl_free(struct gp_psl **psl);
/* One label below the public suffix; the domain itself if it is one.  Lower case A-labels.
 * Borrows from `domain`. */
struct gp_str gp_psl_org(const struct gp_psl *psl, struct gp_str domain);
bool gp_psl_is_suffix(const struct gp_psl *psl, struct gp_str domain);

#endif
