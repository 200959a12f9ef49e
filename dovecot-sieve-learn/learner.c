/*
 * The learner of a user: made at the first use, ends with the user.
 */
#include "dovecot-sieve-learn/compat.h"

#include "dovecot-sieve-learn/learner.h"
#include "dovecot-sieve-learn/settings.h"
#include "dovecot-sieve-learn/worker.h"
#include "lib/proto/learn.h"

struct gp_learner {
	union mail_user_module_context module_ctx;
	const struct gp_learn_settings *set;
	struct gp_worker *worker;
};

#define LEARNER(user) MODULE_CONTEXT(user, learner_module)
static MODULE_CONTEXT_DEFINE_INIT(learner_module, &mail_user_module_register);

/* The user has the last answer; folders can still be opened. */
static void learner_deinit_pre(struct mail_user *user)
{
	struct gp_learner *learner = MODULE_CONTEXT_REQUIRE(user, learner_module);

	if (learner->worker != NULL)
		(void)gp_worker_finish(learner->worker, learner->set->logout_wait_ms);
	gp_worker_free(&learner->worker);
	learner->module_ctx.super.deinit_pre(user);
}

struct gp_learner *gp_learner_find(struct mail_user *user)
{
	return LEARNER(user);
}

struct gp_learner *gp_learner_get(struct mail_user *user, bool any_service)
{
	struct gp_learner *learner = LEARNER(user);
	struct mail_user_vfuncs *v = &user->v; /* the plugins' row of overrides is closed by now */
	const struct gp_learn_settings *set;

	if (learner != NULL || user->autocreated || user->deinitializing)
		return learner;
	set = gp_learn_settings_read(user);
	if (!any_service && !str_array_icase_find(set->services, user->service))
		return NULL;
	if (strlen(user->username) > GP_LEARN_USER_MAX)
		return NULL;
	learner = p_new(user->pool, struct gp_learner, 1);
	learner->set = set;
	learner->worker = gp_worker_new(user, set);
	if (learner->worker == NULL)
		return NULL;
	learner->module_ctx.super = *v;
	v->deinit_pre = learner_deinit_pre;
	MODULE_CONTEXT_SET(user, learner_module, learner);
	return learner;
}

const struct gp_learn_settings *gp_learner_settings(const struct gp_learner *learner)
{
	return learner->set;
}

struct gp_worker *gp_learner_worker(const struct gp_learner *learner)
{
	return learner->worker;
}
