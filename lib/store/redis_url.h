/*
 * A Redis URL, taken apart.
 */
#ifndef GP_STORE_REDIS_URL_H
#define GP_STORE_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

struct gp_redis_url {
	bool is_tls;
	struct gp_str path; /* unix socket; else empty */
	struct gp_str host, port, user;
	int64_t db;
};

/* The spans borrow from url.  A password in it is refused: it would show in
 * process lists and logs. */
int gp_redis_url_parse(const char *url, struct gp_redis_url *ret, struct gp_diag *diag) GP_MUST_USE;

#endif
