/*
 * What is forgotten at which level of want of room; pure.
 */
#include "controller/expire.h"

#define DAY_MS INT64_C(86400000)

struct gp_bayes_expiry expire_terms(const struct gp_conf_bayes *conf, unsigned level)
{
	struct gp_bayes_expiry e = {
		.count_max = (unsigned)conf->expire_count_max,
		.age_days = (unsigned)(conf->expire_age_ms / DAY_MS),
		.seen_days = (unsigned)(conf->expire_seen_age_ms / DAY_MS),
	};

	for (; level > 0; level--) {
		if (e.age_days > 1)
			e.age_days /= 2;
		else
			e.count_max = GP_MIN(e.count_max * 2 + 1, GP_BAYES_COUNT_MAX);
	}
	return e;
}
