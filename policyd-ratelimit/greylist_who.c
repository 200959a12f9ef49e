/*
 * Who a client is; see the header.
 */
#include "policyd-ratelimit/greylist_who.h"

#include <unistd.h>

#include <stdlib.h>

#include "lib/auth/client_domain.h"
#include "lib/auth/spf.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/daemon/resolver.h"
#include "lib/io/task.h"
#include "policyd-ratelimit/options.h"
#include "policyd-ratelimit/ratelimit.h"

/* Waiting for each helper: half a second's worth of answers from a DNS that is near. */
#define WAITING_PER_THREAD 16
/* Of what is left of the request's time, in percent: the store is asked afterwards. */
#define TIME_SHARE 60

static struct gp_task_pool *pool;
static struct gp_resolver *resolver; /* NULL: no SPF */
static char receiver[256];

struct greylist_who {
	struct gp_task task;
	struct gp_arena *arena; /* the helper's until it is done */
	struct gp_spf_query query;
	int64_t deadline_ms;
	struct gp_str domain; /* out */
};

int greylist_who_start(struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	const struct gp_conf_domains *domains = gp_snapshot_get(snap, &gp_conf_domains_table);
	const struct greylist_conf *g = &conf->greylist;
	int r = GP_OK;

	if (!g->rule.enabled)
		return GP_OK;
	if (!gp_str_copy(receiver, sizeof(receiver), gp_str(domains->authserv_id)) || !*receiver)
		if (gethostname(receiver, sizeof(receiver) - 1) < 0)
			receiver[0] = '\0';
	if (g->spf)
		r = gp_resolver_open(gp_snapshot_get(snap, &gp_conf_dns_table), ratelimit.loop,
				     &resolver, diag);
	if (r == GP_OK)
		r = gp_task_pool_open((size_t)g->threads, (size_t)g->threads * WAITING_PER_THREAD,
				      &pool, diag);
	return r;
}

void greylist_who_stop(void)
{
	gp_task_pool_close(&pool);
	gp_resolver_close(&resolver);
}

void greylist_who_sandbox(const struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);

	if (conf->greylist.rule.enabled && conf->greylist.spf)
		gp_resolver_sandbox(gp_snapshot_get(snap, &gp_conf_dns_table));
}

bool greylist_who_is_on(void)
{
	return pool != NULL;
}

/* On a helper. */

/* The domain of the envelope sender, or of HELO for a bounce, if SPF passes. */
static struct gp_str passes_spf(struct greylist_who *w)
{
	struct gp_batch *batch;
	struct gp_asker asker;
	struct gp_spf_result result;

	if (!resolver)
		return GP_STR("");
	batch = gp_batch_new(w->deadline_ms);
	gp_asker_init(&asker, resolver, batch, w->arena);
	gp_spf_check_mailfrom(&asker, &w->query, &result);
	gp_batch_free(&batch);
	return result.status == GP_AUTH_PASS ? result.domain : GP_STR("");
}

static struct gp_str is_known_to_sign(struct greylist_who *w)
{
	struct gp_str from = w->query.mailfrom;
	char folded[GP_DNS_NAME_MAX + 1];

	if (gp_dns_name_fold(gp_str_sub(from, gp_str_find_last(from, '@') + 1, from.len), folded))
		return GP_STR("");
	return gp_client_domain_find(ratelimit.store, &w->query.client,
				     gp_str(gp_arena_strdup(w->arena, folded)), w->deadline_ms);
}

static int run(struct gp_task *task)
{
	struct greylist_who *w = (struct greylist_who *)task;

	if (gp_clock_mono_ms() >= w->deadline_ms)
		return GP_ETEMP;
	w->domain = passes_spf(w);
	if (w->domain.len == 0)
		w->domain = is_known_to_sign(w);
	return GP_OK;
}

static void destroy(struct gp_job *job)
{
	struct greylist_who *w = (struct greylist_who *)job;

	gp_arena_free(w->arena);
	free(w);
}

/* On the loop. */

struct greylist_who *greylist_who_begin(struct policy_ask *ask)
{
	struct greylist_who *w = gp_xcalloc(1, sizeof(*w));
	int64_t now_ms = gp_clock_mono_ms();

	w->task.run = run;
	w->arena = gp_arena_new(4096);
	w->query = (struct gp_spf_query){
		.client = ask->request.client,
		.helo = gp_arena_str(w->arena, policy_get(&ask->request, POLICY_helo_name)),
		.mailfrom = gp_arena_str(w->arena, policy_get(&ask->request, POLICY_sender)),
		.receiver = gp_str(receiver),
		.now_s = ask->now_ms / 1000,
	};
	w->deadline_ms = now_ms + (ask->deadline_ms - now_ms) * TIME_SHARE / 100;
	return gp_task_begin(pool, policy_ask_batch(ask), &w->task, destroy) ? w : NULL;
}

struct gp_str greylist_who_finish(struct policy_ask *ask, struct greylist_who *who)
{
	if (gp_job_wait(&who->task.job) != GP_OK)
		return GP_STR("");
	return gp_arena_str(ask->arena, who->domain);
}
