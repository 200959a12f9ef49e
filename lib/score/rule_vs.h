/*
 * Many patterns at once, by vectorscan: finds where patterns may match; the
 * caller confirms.
 *
 * rule_vs.c is the only file that includes <hs/hs.h>; rule_vs_none.c takes its
 * place in a build without, where nothing is available.
 */
#ifndef GP_SCORE_RULE_VS_H
#define GP_SCORE_RULE_VS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum gp_vs_mode {
	GP_VS_NONE,	 /* not in the database */
	GP_VS_NATIVE,	 /* reported exactly where it ends */
	GP_VS_PREFILTER, /* also reported where it does not match */
};

struct gp_vs_pattern {
	const char *text; /* NULL: not to be taken */
	bool is_caseless, is_dotall;
};

struct gp_vs; /* a database, shared by threads */

/* Whether this build and this CPU can. */
bool gp_vs_is_available(void);
/* Version and CPU features: databases fit only where this is equal. */
void gp_vs_identity(struct gp_buf *out);

/* Compiles all patterns that vectorscan takes, ^ and $ at every line end.  ret_modes has room
 * for n; out gets the serialised database (empty when no pattern was taken). */
int gp_vs_compile(const struct gp_vs_pattern *patterns, size_t n, uint8_t *ret_modes,
		  struct gp_buf *out, struct gp_diag *diag) GP_MUST_USE;

int gp_vs_open(struct gp_str serialised, struct gp_vs **ret, struct gp_diag *diag) GP_MUST_USE;
void gp_vs_close(struct gp_vs *db);

/* Scratch for all databases it was prepared for; one per running scan.  *scratch starts NULL. */
int gp_vs_scratch_prepare(const struct gp_vs *db, void **scratch) GP_MUST_USE;
void gp_vs_scratch_free(void *scratch);

/* Called with a pattern's index and the offset behind its match; false stops the scan. */
typedef bool gp_vs_found(void *arg, unsigned pattern, size_t end);
int gp_vs_scan(const struct gp_vs *db, void *scratch, struct gp_str text, gp_vs_found *found,
	       void *arg) GP_MUST_USE;

#endif
