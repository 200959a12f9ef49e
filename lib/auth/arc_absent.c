/*
 * Stands in for ARC until lib/auth/arc.c is there, so that milter-dkim links: no chain is
 * found and none is sealed.  Goes with the commit that brings arc.c.
 */
#include "lib/auth/arc.h"

struct gp_arc_verify *gp_arc_verify_begin(struct gp_asker *asker, struct gp_dkim_keys *keys,
					  const struct gp_dkim_options *options,
					  const struct gp_fields *fields,
					  struct gp_body_hasher *hasher, int64_t now_s)
{
	(void)asker, (void)keys, (void)options, (void)fields, (void)hasher, (void)now_s;
	return NULL;
}

void gp_arc_verify_finish(struct gp_arc_verify *v, const struct gp_str *trusted, size_t n_trusted,
			  struct gp_arc_result *ret)
{
	(void)v, (void)trusted, (void)n_trusted, (void)ret;
}

int gp_arc_seal(struct gp_sign *sign, const struct gp_fields *fields,
		const struct gp_body_hasher *hasher, const struct gp_arc_result *chain,
		struct gp_str authres, const struct gp_sign_as *as, int64_t now_s,
		struct gp_arc_seal *ret, struct gp_diag *diag)
{
	(void)sign, (void)fields, (void)hasher, (void)chain, (void)authres, (void)as, (void)now_s;
	(void)ret;
	gp_diag_set(diag, "ARC is not there yet");
	return GP_ELIMIT;
}
