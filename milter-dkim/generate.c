/*
 * Keys made by the filter itself.
 */
#include "milter-dkim/generate.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/conf/shared.h"
#include "lib/daemon/daemon.h"
#include "lib/dns/dnsname.h"
#include "milter-dkim/dkim.h"
#include "milter-dkim/newkey.h"
#include "milter-dkim/published.h"

/* For the records of one domain. */
#define DNS_MS 5000

struct dkim_generator {
	struct gp_resolver *resolver;
	int64_t interval_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_stopping;
};

/* A domain under way. */
struct work {
	const struct dkim_sign_conf *conf;
	struct gp_arena *arena;
	struct gp_resolver *resolver;
	struct gp_str domain;
	struct dkim_keydir keys;
	int64_t now_s;
};

static unsigned wanted_types(const struct gp_conf_list *list)
{
	unsigned types = 0, one;

	for (size_t i = 0; i < list->len; i++)
		if (gp_newkey_types_parse(gp_str(list->items[i]), &one) == GP_OK)
			types |= one;
	return types;
}

static int make_key(const struct work *w, enum gp_key_type type, unsigned types,
		    struct gp_diag *diag)
{
	const char *selector = gp_newkey_selector(w->arena, NULL, type, types, &w->keys, w->now_s);
	GP_CLEANUP(gp_newkey_done) struct gp_newkey k = {0};
	int r = gp_newkey_make(w->arena, w->domain, gp_str(selector), type,
			       (unsigned)w->conf->generate_bits, &k, diag);

	if (r == GP_OK)
		r = gp_newkey_add(&k, w->conf->key_directory, w->now_s, diag);
	if (r == GP_OK)
		gp_log_info("%.*s: a key was made, %s; it signs when the DNS has this record: %.*s",
			    GP_STR_FMT(w->domain), selector, GP_STR_FMT(gp_str_trim(k.zone)));
	return r;
}

static void make_keys(const struct work *w)
{
	unsigned types = wanted_types(&w->conf->generate_types);
	struct gp_diag diag;

	for (int type = GP_KEY_RSA; type <= GP_KEY_ED25519; type++)
		if (types & (1u << type) && make_key(w, (enum gp_key_type)type, types, &diag))
			gp_log_error("%.*s: no key could be made: %s", GP_STR_FMT(w->domain),
				     diag.text);
}

/* Are the records of all prepared keys in the DNS? */
static bool is_published(const struct work *w, struct gp_batch *batch)
{
	struct gp_asker asker;
	bool is_good = true;

	gp_asker_init(&asker, w->resolver, batch, w->arena);
	for (size_t i = 0; i < w->keys.keys.len && is_good; i++) {
		const struct dkim_keydir_key *k = &w->keys.keys.items[i];
		struct gp_published published = {0};
		struct gp_key *key = NULL;

		if (k->state != DKIM_KEY_PREPARED)
			continue;
		is_good = gp_key_load(k->path, &key, NULL) == GP_OK;
		if (is_good) {
			gp_published_finish(gp_signature_ask(&asker, w->domain, k->selector),
					    w->arena, key, &published);
			is_good = gp_published_is_good(&published);
		}
		gp_key_unref(&key);
	}
	return is_good;
}

static bool activate(const struct work *w)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + DNS_MS);
	bool is_good = is_published(w, batch);
	struct gp_diag diag;

	gp_batch_free(&batch);
	if (!is_good)
		return false;
	if (dkim_keydir_switch(w->conf->key_directory, w->domain, w->now_s, &diag)) {
		gp_log_error("%.*s: %s", GP_STR_FMT(w->domain), diag.text);
		return false;
	}
	gp_log_info("%.*s: the DNS has the record, mail is signed from now on",
		    GP_STR_FMT(w->domain));
	return true;
}

static size_t count(const struct dkim_keydir *keys, enum dkim_key_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < keys->keys.len; i++)
		n += keys->keys.items[i].state == state;
	return n;
}

/* Does anything say how this domain is signed: table or directory? */
static bool is_settled(const struct work *w, const struct gp_snapshot *snap)
{
	const struct dkim_snapshot *data = gp_snapshot_data(snap);
	const struct dkim_signer *signers;
	bool is_none = false;

	return dkim_keyring_find(data->keyring, (struct gp_str){0}, w->domain, w->arena, &signers,
				 &is_none) ||
	       is_none;
}

/* True: its keys became active. */
static bool look_after(struct work *w, const struct gp_snapshot *snap)
{
	struct gp_diag diag;
	int r;

	if (is_settled(w, snap))
		return false;
	r = dkim_keydir_list(w->conf->key_directory, w->domain, w->arena, &w->keys, &diag);
	if (r && r != GP_ENOENT) {
		gp_log_error("%.*s: %s", GP_STR_FMT(w->domain), diag.text);
		return false;
	}
	if (w->keys.keys.len == 0)
		make_keys(w);
	else if (count(&w->keys, DKIM_KEY_PREPARED) && !count(&w->keys, DKIM_KEY_ACTIVE))
		return activate(w);
	return false;
}

unsigned dkim_generate(const struct gp_snapshot *snap, struct gp_resolver *resolver,
		       int64_t now_s)
{
	const struct dkim_conf *c = gp_snapshot_get(snap, &dkim_table);
	const struct gp_conf_domains *domains = gp_snapshot_get(snap, &gp_conf_domains_table);
	unsigned n = 0;

	for (size_t i = 0; i < domains->own.len && c->sign.generate; i++) {
		struct gp_arena *arena = gp_arena_new(0);
		struct work w = {.conf = &c->sign,
				 .arena = arena,
				 .resolver = resolver,
				 .now_s = now_s};
		char folded[GP_DNS_NAME_MAX + 1];

		if (gp_dns_name_fold(gp_str(domains->own.items[i]), folded) == GP_OK) {
			w.domain = gp_str(folded);
			n += look_after(&w, snap);
		}
		gp_arena_free(arena);
	}
	return n;
}

/* Waits for the interval's end; false: to be stopped. */
static bool rest(struct dkim_generator *g)
{
	int64_t until_ms = gp_clock_mono_ms() + g->interval_ms;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	bool is_stopping;
	int e = 0;

	pthread_mutex_lock(&g->lock);
	while (!g->is_stopping && e != ETIMEDOUT)
		e = pthread_cond_timedwait(&g->wake, &g->lock, &until);
	is_stopping = g->is_stopping;
	pthread_mutex_unlock(&g->lock);
	return !is_stopping;
}

static void *thread_main(void *arg)
{
	struct dkim_generator *g = arg;

	do {
		struct gp_snapshot *snap = gp_daemon_snapshot();
		unsigned n = dkim_generate(snap, g->resolver, gp_clock_real_s());

		gp_snapshot_unref(snap);
		if (n) /* a reload, as an administrator would ask for it */
			kill(getpid(), SIGUSR1);
	} while (rest(g));
	return NULL;
}

static void release(struct dkim_generator *g)
{
	pthread_cond_destroy(&g->wake);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

int dkim_generator_new(struct gp_resolver *resolver, int64_t interval_ms,
		       struct dkim_generator **ret, struct gp_diag *diag)
{
	struct dkim_generator *g = gp_xcalloc(1, sizeof(*g));
	pthread_condattr_t cond;
	sigset_t all, old;

	g->resolver = resolver;
	g->interval_ms = interval_ms;
	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&g->wake, &cond);
	pthread_condattr_destroy(&cond);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&g->thread, NULL, thread_main, g);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno != 0) {
		release(g);
		return gp_diag_errno(diag, "thread for new keys");
	}
	*ret = g;
	return GP_OK;
}

void dkim_generator_free(struct dkim_generator **generator)
{
	struct dkim_generator *g = *generator;

	if (!g)
		return;
	*generator = NULL;
	pthread_mutex_lock(&g->lock);
	g->is_stopping = true;
	pthread_cond_signal(&g->wake);
	pthread_mutex_unlock(&g->lock);
	pthread_join(g->thread, NULL);
	release(g);
}
