/*
 * Entry points of the mail plugin: registers with notify and with new users.
 */
#include "dovecot-sieve-learn/compat.h"

#include <mail-storage-hooks.h>

#include "dovecot-sieve-learn/learner.h"
#include "dovecot-sieve-learn/notice.h"
#include "dovecot-sieve-learn/worker.h"

/* A session's first commands come before what an earlier one left. */
#define REPLAY_MS 1000

GP_PLUGIN_EXPORT extern const char *gatepost_learn_plugin_version;
GP_PLUGIN_EXPORT extern const char *gatepost_learn_plugin_dependencies[];
GP_PLUGIN_EXPORT void gatepost_learn_plugin_init(struct module *module);
GP_PLUGIN_EXPORT void gatepost_learn_plugin_deinit(void);

const char *gatepost_learn_plugin_version = DOVECOT_ABI_VERSION;
const char *gatepost_learn_plugin_dependencies[] = {"notify", NULL};

static struct notify_context *notify;

/* The folders of the user are known. */
static void namespaces_created(struct mail_namespace *namespaces)
{
	struct mail_user *user = namespaces->user;
	struct gp_learner *learner;

	learner = gp_learner_get(user, false);
	if (learner != NULL)
		gp_worker_start(gp_learner_worker(learner), REPLAY_MS);
}

static const struct mail_storage_hooks hooks = {
	.mail_namespaces_created = namespaces_created,
};

void gatepost_learn_plugin_init(struct module *module)
{
	notify = notify_register(&gp_notice_calls);
	mail_storage_hooks_add(module, &hooks);
}

void gatepost_learn_plugin_deinit(void)
{
	mail_storage_hooks_remove(&hooks);
	gp_notify_unregister(&notify);
}
