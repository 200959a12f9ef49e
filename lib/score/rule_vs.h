/*
 * Many literals at once, by vectorscan.
 *
 * rule_vs.c is the only file that includes <hs/hs.h>; rule_vs_none.c takes its
 * place in a build without, where nothing is available.  Why only literals:
 * rule_literal.h.
 */
#ifndef GP_SCORE_RULE_VS_H
#define GP_SCORE_RULE_VS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct gp_vs; /* a database, shared by threads */

/* Why this build or this CPU cannot; NULL: it can. */
const char *gp_vs_obstacle(void);
/* Version and CPU features: databases fit only where this is equal. */
void gp_vs_identity(struct gp_buf *out);

/* Compiles literals, found in whatever letter case, into a serialised database appended to out.
 * n ≥ 1. */
int gp_vs_compile(const struct gp_str *literals, size_t n, struct gp_buf *out,
		  struct gp_diag *diag) GP_MUST_USE;

int gp_vs_open(struct gp_str serialised, struct gp_vs **ret, struct gp_diag *diag) GP_MUST_USE;
void gp_vs_close(struct gp_vs *db);

/* Scratch for all databases it was prepared for; one per running scan.  *scratch starts NULL. */
int gp_vs_scratch_prepare(const struct gp_vs *db, void **scratch) GP_MUST_USE;
void gp_vs_scratch_free(void *scratch);

/* Called with a literal's index and the offset behind where it stands; false stops the scan. */
typedef bool gp_vs_found(void *arg, unsigned literal, size_t end);
int gp_vs_scan(const struct gp_vs *db, void *scratch, struct gp_str text, gp_vs_found *found,
	       void *arg) GP_MUST_USE;

#endif
