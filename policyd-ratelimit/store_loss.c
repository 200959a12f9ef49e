/*
 * A store that has lost something; see the header.
 */
#include "policyd-ratelimit/store_loss.h"

#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "policyd-ratelimit/keeper.h"
#include "policyd-ratelimit/ratelimit.h"

#define TABLE GP_STR("limit-looks")
#define KEY GP_STR("n")
#define KEPT_S (3650LL * 86400)

static struct gp_metric losses = GP_COUNTER(
	"gatepost_policy_store_losses_total",
	"Times that the store came back older than it was, or empty.");
static struct gp_metric restored = GP_COUNTER(
	"gatepost_policy_contained_restored_total",
	"Contained and released keys that were put back into a store that had lost them.");

void store_loss_register_metrics(void)
{
	gp_metric_register(&losses);
	gp_metric_register(&restored);
}

int store_loss_look(void)
{
	static int64_t known;
	int64_t now;
	int r = gp_store_counter_add(ratelimit.store, TABLE, KEY, 1, KEPT_S, keeper_deadline(), &now);

	if (r != GP_OK)
		return r;
	if (now <= known) {
		gp_metric_add(&losses, 1);
		gp_log_warning("the store came back older than it was: what was counted and noted since is "
			       "forgotten");
	}
	known = now;
	return GP_OK;
}

void store_loss_restored(const struct contain_loss *lost)
{
	if (lost->contained + lost->released == 0)
		return;
	gp_metric_add(&restored, lost->contained + lost->released);
	gp_log_warning("the store came back without what was contained or released last: %zu keys are "
		       "contained again, %zu released again", lost->contained, lost->released);
}
