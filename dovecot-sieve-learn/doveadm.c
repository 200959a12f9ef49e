/*
 * doveadm gatepost-learn: hands over what users' sessions left, one user or all.
 *
 * A module of its own in doveadm's folder: it does not need the mail plugin to be
 * loaded, and doveadm's own moves teach nothing.
 */
#include "dovecot-sieve-learn/compat.h"

#include <doveadm-mail.h>
#include <doveadm-print.h>

#include "dovecot-sieve-learn/learner.h"
#include "dovecot-sieve-learn/worker.h"

/* For one user; ten thousand references take a fraction of it. */
#define FINISH_MS (10 * 60 * 1000)

GP_PLUGIN_EXPORT extern const char *doveadm_gatepost_learn_plugin_version;
GP_PLUGIN_EXPORT void doveadm_gatepost_learn_plugin_init(struct module *module);
GP_PLUGIN_EXPORT void doveadm_gatepost_learn_plugin_deinit(void);

const char *doveadm_gatepost_learn_plugin_version = DOVECOT_ABI_VERSION;

static int learn_run(struct doveadm_mail_cmd_context *ctx, struct mail_user *user)
{
	struct gp_learner *learner = gp_learner_get(user, true);
	const struct gp_worker_counts *counts;
	struct gp_worker *worker;
	bool is_finished;

	if (learner == NULL) {
		e_error(user->event, "gatepost-learn: this user has no folder for references");
		doveadm_mail_failed_error(ctx, MAIL_ERROR_NOTPOSSIBLE);
		return -1;
	}
	worker = gp_learner_worker(learner);
	is_finished = gp_worker_finish(worker, FINISH_MS);
	counts = gp_worker_counts(worker);
	doveadm_print(user->username);
	doveadm_print_num(counts->spam);
	doveadm_print_num(counts->ham);
	doveadm_print_num(counts->unlearned);
	doveadm_print_num(counts->refused + counts->gone + counts->too_large + counts->expired);
	doveadm_print(is_finished ? "no" : "yes");
	if (is_finished)
		return 0;
	doveadm_mail_failed_error(ctx, MAIL_ERROR_TEMP);
	return -1;
}

GP_DOVEADM_INIT(learn_init, ctx)
{
	doveadm_print_header("user", "user", DOVEADM_PRINT_HEADER_FLAG_HIDE_TITLE);
	doveadm_print_header_simple("spam");
	doveadm_print_header_simple("ham");
	doveadm_print_header_simple("unlearned");
	doveadm_print_header_simple("dropped");
	doveadm_print_header_simple("waiting");
}

static struct doveadm_mail_cmd_context *learn_alloc(void)
{
	struct doveadm_mail_cmd_context *ctx =
		doveadm_mail_cmd_alloc(struct doveadm_mail_cmd_context);

	ctx->v.init = learn_init;
	ctx->v.run = learn_run;
	doveadm_print_init(DOVEADM_PRINT_TYPE_FLOW);
	return ctx;
}

static struct doveadm_cmd_ver2 command = {
	.name = "gatepost-learn",
	.mail_cmd = learn_alloc,
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX,
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAMS_END
};

void doveadm_gatepost_learn_plugin_init(struct module *module)
{
	doveadm_cmd_register_ver2(&command);
}

void doveadm_gatepost_learn_plugin_deinit(void)
{
}
