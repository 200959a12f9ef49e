/*
 * The settings of containment.
 */
#include "policyd-ratelimit/contain_options.h"

int contain_check_control(const void *field, struct gp_diag *diag)
{
	struct gp_str text = gp_str(*(const char *const *)field);

	if (text.len == 0 || gp_str_starts(text, GP_STR("unix:")))
		return gp_conf_check_socket(field, diag);
	gp_diag_set(diag, "\"%.*s\" is no \"unix:/path\"", GP_STR_FMT(text));
	return GP_EINVAL;
}
