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
/* Needs notify, but does not say so: Dovecot would refuse every login where it is missing,
 * and we only learn nothing. */
const char *gatepost_learn_plugin_dependencies[] = {NULL};

extern __typeof__(notify_register) notify_register __attribute__((weak));
extern __typeof__(notify_unregister) notify_unregister __attribute__((weak));

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
	if (notify_register != NULL)
		notify = notify_register(&gp_notice_calls);
	else
		i_warning("gatepost_learn: the plugin notify is not loaded, nothing is learned "
			  "(mail_plugins needs notify as well)");
	mail_storage_hooks_add(module, &hooks);
}

void gatepost_learn_plugin_deinit(void)
{
	mail_storage_hooks_remove(&hooks);
	if (notify != NULL)
		gp_notify_unregister(&notify);
}
