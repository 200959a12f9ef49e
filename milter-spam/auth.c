/*
 * Believing sealed results, or finding our own.
 */
#include "milter-spam/auth.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "lib/auth/authres.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/conf/shared.h"
#include "lib/daemon/resolver.h"
#include "lib/daemon/sealing.h"
#include "milter-spam/spam.h"

#define KEYS_MAX 1000	 /* public keys kept parsed */
#define CLAIMS_MAX 500 /* kept to be removed; a message with more is refused (session.c) */

static struct gp_auth_sources sources;
static struct gp_loop *loop; /* the resolver is its guest */
static bool is_running;
static atomic_bool has_network; /* sources and loop are there */

static void free_auth(void *arg)
{
	gp_auth_free(arg);
}

/* Without it no results are believed: those of milter-dkim go for nothing. */
static void make_key(struct gp_snapshot *snap, struct spam_auth_setup *setup)
{
	struct gp_diag diag;
	int r = gp_sealing_create(snap, &setup->key, &diag);

	if (r && r != GP_ENOENT)
		gp_log_warning("no Authentication-Results are believed: %s", diag.text);
}

/* The process's way to the network, once; at start or when a reload asks for it.  Its thread leaves
 * signals to the main thread. */
static int open_network(const struct gp_snapshot *snap, struct gp_diag *diag)
{
	sigset_t all, old;
	int r = GP_OK;

	if (atomic_load(&has_network))
		return GP_OK;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	if (!sources.keys)
		sources.keys = gp_dkim_keys_new(KEYS_MAX);
	if (!loop)
		r = gp_loop_open(&loop, diag);
	if (r == GP_OK)
		r = gp_resolver_open(gp_snapshot_get(snap, &gp_conf_dns_table), loop,
				     &sources.resolver, diag);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == GP_OK)
		atomic_store(&has_network, true); /* sessions look at the sources only behind this */
	return r;
}

int spam_auth_configure(struct gp_snapshot *snap, struct spam_auth_setup *ret,
			struct gp_conf_report *report)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);
	struct gp_diag diag;
	int r = gp_sealing_load(snap, &ret->key, report);

	if (r == GP_OK && is_running) /* a reload */
		make_key(snap, ret);
	if (r || !rules->network)
		return r;
	r = gp_auth_new(&gp_auth_defaults, &ret->auth, &diag);
	if (r == GP_OK) {
		gp_arena_on_end(gp_snapshot_arena(snap), free_auth, &ret->auth);
		r = is_running ? open_network(snap, &diag) : GP_OK;
	}
	if (r)
		gp_conf_complain(snap, &gp_conf_rules_table, "network", report, "%s", diag.text);
	return r;
}

int spam_auth_start(struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);
	struct spam_snapshot *data = gp_snapshot_data(snap);

	is_running = true;
	make_key(snap, &data->auth);
	return rules->network ? open_network(snap, diag) : GP_OK;
}

void spam_auth_stop(void)
{
	gp_resolver_close(&sources.resolver);
	gp_loop_close(&loop);
	gp_dkim_keys_free(&sources.keys);
}

void spam_auth_sandbox(const struct gp_snapshot *snap)
{
	gp_sealing_sandbox(snap);
	gp_resolver_sandbox(gp_snapshot_get(snap, &gp_conf_dns_table));
}

static struct gp_str our_id(const struct gp_session *s)
{
	const struct gp_conf_domains *domains = gp_snapshot_get(s->snap, &gp_conf_domains_table);

	return *domains->authserv_id ? gp_str(domains->authserv_id) : s->mta_host;
}

static bool may_run(const struct gp_session *s)
{
	const struct spam_snapshot *snap = gp_snapshot_data(s->snap);

	return snap->auth.auth && atomic_load(&has_network);
}

/* Ours by its id, or nobody's: what cannot be read might be read by somebody else. */
static bool claims_to_be_ours(struct gp_session *s, struct gp_str value)
{
	struct gp_str id;

	return gp_authres_id(s->msg.arena, value, &id) || gp_str_ieq(id, our_id(s));
}

static void note_claim(struct gp_session *s, struct spam_auth *a, struct gp_str value)
{
	struct spam_claim *c;

	if (a->claims.len > CLAIMS_MAX)
		return;
	c = gp_vec_push(s->msg.arena, &a->claims);
	*c = (struct spam_claim){.nth = a->n_fields};
	if (a->claims.len <= SPAM_CLAIMS_MAX)
		c->value = gp_arena_str(s->msg.arena, value);
}

bool spam_auth_header(struct gp_session *s, struct spam_message *m, struct gp_str name,
		      struct gp_str value)
{
	const struct spam_snapshot *snap = gp_snapshot_data(s->snap);
	struct spam_auth *a = &m->auth;

	if (may_run(s))
		gp_fields_add(s->msg.arena, &a->fields, name, value);
	if (gp_str_ieq(name, GP_STR(GP_SEAL_HEADER))) {
		a->n_seal_fields++;
		if (a->n_seals < SPAM_CLAIMS_MAX)
			a->seals[a->n_seals++] = gp_arena_str(s->msg.arena, value);
		return false;
	}
	if (!gp_str_ieq(name, GP_STR("Authentication-Results")))
		return true;
	a->n_fields++;
	if (!snap->auth.key || !claims_to_be_ours(s, value))
		return true;
	note_claim(s, a, value);
	return false;
}

static bool is_sealed(const struct gp_session *s, const struct spam_auth *a, struct gp_str claim)
{
	const struct spam_snapshot *snap = gp_snapshot_data(s->snap);

	for (size_t i = 0; i < a->n_seals; i++)
		if (gp_seal_is_valid(snap->auth.key, s->msg.queue_id, claim, a->seals[i]))
			return true;
	return false;
}

/* Takes over what a sealed field says; rules may read the field itself too. */
static bool believe(struct gp_session *s, struct spam_message *m, struct gp_str claim)
{
	struct gp_authres results;

	if (gp_authres_parse(s->msg.arena, claim, &results, NULL))
		return false;
	gp_authres_to_result(s->msg.arena, &results, &m->auth.result);
	m->auth.source = SPAM_AUTH_SEALED;
	gp_message_prepend_header(m->mail, GP_STR("Authentication-Results"), claim);
	return true;
}

static void run_own(struct gp_session *s, struct spam_message *m)
{
	const struct spam_snapshot *snap = gp_snapshot_data(s->snap);
	struct gp_auth_envelope envelope = {.client = s->client,
					    .helo = s->helo,
					    .mailfrom = s->msg.from,
					    .now_s = gp_clock_real_s()};
	int64_t began_ms = gp_clock_mono_ms();
	int64_t deadline_ms = began_ms + m->conf->deadline_ms;

	m->auth.check = gp_auth_begin(snap->auth.auth, &sources, &envelope, s->msg.arena,
				      deadline_ms);
	gp_auth_headers(m->auth.check, &m->auth.fields, deadline_ms);
	gp_auth_spf(m->auth.check);
	m->auth.waited_ms = gp_clock_mono_ms() - began_ms;
	m->auth.source = SPAM_AUTH_OWN;
}

void spam_auth_end_headers(struct gp_session *s, struct spam_message *m)
{
	struct spam_auth *a = &m->auth;

	for (size_t i = 0; i < GP_MIN(a->claims.len, (size_t)SPAM_CLAIMS_MAX); i++) {
		struct spam_claim *c = &a->claims.items[i];

		if (a->source == SPAM_AUTH_NONE && is_sealed(s, a, c->value))
			c->is_believed = believe(s, m, c->value);
	}
	if (a->source == SPAM_AUTH_NONE && m->origin == SPAM_INBOUND && may_run(s))
		run_own(s, m);
}

void spam_auth_body(struct spam_message *m, struct gp_str chunk)
{
	if (m->auth.check)
		gp_auth_body(m->auth.check, chunk);
}

const struct gp_auth_result *spam_auth_finish(struct spam_message *m)
{
	if (m->auth.check)
		gp_auth_finish(m->auth.check, &m->auth.result);
	return m->auth.source == SPAM_AUTH_NONE ? NULL : &m->auth.result;
}

struct gp_resolver *spam_auth_resolver(const struct gp_session *s)
{
	return may_run(s) ? sources.resolver : NULL;
}

int64_t spam_auth_forged(const struct spam_message *m)
{
	int64_t n = m->auth.n_seal_fields - (m->auth.source == SPAM_AUTH_SEALED);

	for (size_t i = 0; i < m->auth.claims.len; i++)
		n += !m->auth.claims.items[i].is_believed;
	return n;
}

/* From the last to the first: removing one renumbers those behind it. */
void spam_auth_clean(struct gp_session *s, struct spam_message *m)
{
	int r = gp_session_delete_headers(s, GP_SEAL_HEADER, m->auth.n_seal_fields);

	for (size_t i = m->auth.claims.len; i-- > 0 && r == GP_OK;)
		if (!m->auth.claims.items[i].is_believed)
			r = gp_session_delete_header(s, "Authentication-Results",
						     m->auth.claims.items[i].nth);
	if (r)
		gp_log_warning("qid=%.*s: the MTA does not remove a header field",
			       GP_STR_FMT(s->msg.queue_id));
}
