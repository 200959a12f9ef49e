/*
 * What /metrics says about the directory.
 */
#include "lib/base/metric.h"
#include "lib/ldap/ldap_int.h"

enum outcome { CACHED, FOUND, ABSENT, FAILED, REFUSED, WRONG };

#define LOOKUPS(label)                                                                             \
	GP_COUNTER_L("gatepost_ldap_lookups_total", "result=\"" label "\"",                         \
		     "Look-ups in the directory by what came of them.")
static struct gp_metric lookups[] = {
	[CACHED] = LOOKUPS("cached"),	[FOUND] = LOOKUPS("found"),
	[ABSENT] = LOOKUPS("absent"),	[FAILED] = LOOKUPS("failed"),
	[REFUSED] = LOOKUPS("refused"), [WRONG] = LOOKUPS("wrong"),
};
static struct gp_metric seconds = GP_HISTOGRAM(
	"gatepost_ldap_lookup_seconds", "Time of look-ups in the directory that its cache did not answer.");
static struct gp_metric connects =
	GP_COUNTER("gatepost_ldap_connects_total", "Connections to directory servers that were made.");
static struct gp_metric up =
	GP_GAUGE("gatepost_ldap_up", "Whether the last question reached a directory server.");

void ldap_metrics_register(void)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(lookups); i++)
		gp_metric_register(&lookups[i]);
	gp_metric_register(&seconds);
	gp_metric_register(&connects);
	gp_metric_register(&up);
	gp_metric_set(&up, 1);
}

static enum outcome outcome_of(int result)
{
	switch (result) {
	case GP_OK:
		return FOUND;
	case GP_ENOENT:
		return ABSENT;
	case GP_ETEMP:
		return FAILED;
	case GP_EACCES:
		return REFUSED;
	default:
		return WRONG;
	}
}

void ldap_metrics_count(int result, int64_t took_ms)
{
	gp_metric_add(&lookups[outcome_of(result)], 1);
	gp_metric_observe_us(&seconds, took_ms * 1000);
}

void ldap_metrics_count_cached(void)
{
	gp_metric_add(&lookups[CACHED], 1);
}

void ldap_metrics_count_connect(void)
{
	gp_metric_add(&connects, 1);
}

void ldap_metrics_set_up(bool is_up)
{
	gp_metric_set(&up, is_up);
}
