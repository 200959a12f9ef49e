/*
 * The store on Redis.
 */
#include "lib/store/store_int.h"

int gp_store_redis_open(const char *url, const struct gp_store_options *o, struct gp_store **ret,
			struct gp_diag *diag)
{
	gp_diag_set(diag, "this build has no Redis yet");
	return GP_EINVAL;
}
