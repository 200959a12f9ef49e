/*
 * The public suffix list, by libpsl.
 */
#include "lib/auth/psl.h"

#include <errno.h>
#include <libpsl.h>
#include <stdlib.h>

#include "lib/base/mem.h"

/* Longer than any name of the DNS. */
#define NAME_MAX_LEN 255

struct gp_psl {
	psl_ctx_t *ctx;
};

int gp_psl_load(const char *path, struct gp_psl **ret, struct gp_diag *diag)
{
	psl_ctx_t *ctx;

	errno = 0;
	/* Without a path: the distribution's list, or the one that libpsl was built with if
	 * that is newer. */
	ctx = path[0] ? psl_load_file(path) : psl_latest(NULL);
	if (!ctx) {
		int r = errno == ENOENT ? GP_ENOENT : GP_EINVAL;

		gp_diag_set(diag, "%s: %s", path[0] ? path : "the system's public suffix list",
			    r == GP_ENOENT ? "no such file"
					   : "not readable as a public suffix list");
		return r;
	}
	/* libpsl takes any text for a list; a list without .com is none. */
	if (!psl_is_public_suffix2(ctx, "com", PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE)) {
		gp_diag_set(diag, "%s: holds no public suffixes", path);
		psl_free(ctx);
		return GP_EINVAL;
	}
	*ret = gp_xmalloc(sizeof(**ret));
	(*ret)->ctx = ctx;
	return GP_OK;
}

void gp_psl_free(struct gp_psl **psl)
{
	if (!*psl)
		return;
	psl_free((*psl)->ctx);
	free(*psl);
	*psl = NULL;
}

struct gp_str gp_psl_org(const struct gp_psl *psl, struct gp_str domain)
{
	char name[NAME_MAX_LEN + 1];
	const char *org;

	if (!gp_str_copy(name, sizeof(name), domain))
		return domain;
	org = psl_registrable_domain(psl->ctx, name);
	return org ? gp_str_sub(domain, (size_t)(org - name), domain.len) : domain;
}

bool gp_psl_is_suffix(const struct gp_psl *psl, struct gp_str domain)
{
	char name[NAME_MAX_LEN + 1];

	return domain.len && gp_str_copy(name, sizeof(name), domain) &&
	       psl_is_public_suffix(psl->ctx, name);
}
