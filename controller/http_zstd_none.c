/*
 * Stands in for http_zstd.c in builds without libzstd.
 */
#include "controller/http_zstd.h"

int http_zstd_unpack(struct gp_str packed, struct gp_buf *out)
{
	(void)packed;
	(void)out;
	return GP_ENOENT;
}
