/*
 * Whom no limit is for.
 */
#ifndef POLICYD_LIMIT_EXEMPT_H
#define POLICYD_LIMIT_EXEMPT_H

#include "policyd-ratelimit/limit_key.h"
#include "policyd-ratelimit/limit_options.h"

enum limit_exempt {
	LIMIT_EXEMPT_NO,
	LIMIT_EXEMPT_RECIPIENT, /* this recipient counts in no limit */
	LIMIT_EXEMPT_ALL,
};

enum limit_exempt limit_exempt_find(const struct limits_conf *conf,
				    const struct gp_conf_networks *networks,
				    struct limit_subject *subject);

#endif
