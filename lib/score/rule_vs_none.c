/*
 * In place of rule_vs.c where vectorscan is missing: never available, so the
 * engine runs on PCRE2.
 */
#include "lib/score/rule_vs.h"

static int unavailable(struct gp_diag *diag)
{
	gp_diag_set(diag, "built without vectorscan");
	return GP_ENOENT;
}

const char *gp_vs_obstacle(void)
{
	return "built without vectorscan";
}

void gp_vs_identity(struct gp_buf *out)
{
	gp_buf_add_cstr(out, "none");
}

int gp_vs_compile(const struct gp_str *literals, size_t n, struct gp_buf *out,
		  struct gp_diag *diag)
{
	return unavailable(diag);
}

int gp_vs_open(struct gp_str serialised, struct gp_vs **ret, struct gp_diag *diag)
{
	return unavailable(diag);
}

void gp_vs_close(struct gp_vs *db)
{
}

int gp_vs_scratch_prepare(const struct gp_vs *db, void **scratch)
{
	return GP_ENOENT;
}

void gp_vs_scratch_free(void *scratch)
{
}

int gp_vs_scan(const struct gp_vs *db, void *scratch, struct gp_str text, gp_vs_found *found,
	       void *arg)
{
	return GP_ENOENT;
}
