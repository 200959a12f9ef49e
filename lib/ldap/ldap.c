/*
 * The interface: opening, asking, collecting.  What blocks is in ldap_helper.c.
 */
#include "lib/ldap/ldap.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/ldap/ldap_int.h"
#include "lib/ldap/ldap_text.h"

#define TIMEOUT_MS 5000
#define REST_MS 10000

static char *copy(const char *s)
{
	return gp_xstrdup(s ? s : "");
}

static void copy_options(struct gp_ldap *l, const struct gp_ldap_options *o)
{
	l->options = *o;
	l->uris = gp_xcalloc(o->n_uris + 1, sizeof(*l->uris));
	for (size_t i = 0; i < o->n_uris; i++)
		l->uris[i] = gp_xstrdup(o->uris[i]);
	l->options.uris = (const char *const *)l->uris;
	l->options.ca_file = copy(o->ca_file);
	l->options.certificate = copy(o->certificate);
	l->options.key_file = copy(o->key_file);
	l->options.bind_dn = copy(o->bind_dn);
	l->options.password_file = copy(o->password_file);
	if (l->options.timeout_ms <= 0)
		l->options.timeout_ms = TIMEOUT_MS;
	if (l->options.rest_ms <= 0)
		l->options.rest_ms = REST_MS;
}

static void ldap_free(struct gp_ldap *l)
{
	const char *const texts[] = {l->options.ca_file, l->options.certificate, l->options.key_file,
				     l->options.bind_dn, l->options.password_file};

	for (size_t i = 0; i < GP_ARRAY_SIZE(texts); i++)
		free((void *)(uintptr_t)texts[i]);
	for (size_t i = 0; l->uris[i]; i++)
		free(l->uris[i]);
	free(l->uris);
	ldap_cache_free(l->cache);
	gp_breaker_done(&l->breaker);
	pthread_mutex_destroy(&l->lock);
	gp_fd_close(&l->wake_fd);
	free(l);
}

/* With all signals blocked: they are the main thread's. */
static int start_helper(struct gp_ldap *l, struct gp_diag *diag)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&l->thread, NULL, ldap_helper_main, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r == 0 ? GP_OK : gp_diag_errno(diag, "starting a thread");
}

int gp_ldap_open(const struct gp_ldap_options *options, struct gp_ldap **ret, struct gp_diag *diag)
{
	struct gp_ldap *l = gp_xcalloc(1, sizeof(*l));
	int r;

	ldap_metrics_register();
	copy_options(l, options);
	pthread_mutex_init(&l->lock, NULL);
	gp_breaker_init(&l->breaker, l->options.rest_ms);
	l->cache = ldap_cache_new(options->cache_entries, options->ttl_s, options->negative_ttl_s);
	l->queue_end = &l->queue;
	atomic_init(&l->is_up, true);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = l->wake_fd < 0 ? gp_diag_errno(diag, "eventfd") : ldap_conn_check(l, diag);
	if (r == GP_OK)
		r = start_helper(l, diag);
	if (r) {
		ldap_free(l);
		return r;
	}
	*ret = l;
	return GP_OK;
}

static void wake(struct gp_ldap *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->wake_fd, &one, sizeof(one));

	(void)n; /* a full counter wakes as well */
}

void gp_ldap_close(struct gp_ldap **ldap)
{
	struct gp_ldap *l = *ldap;

	if (!l)
		return;
	*ldap = NULL;
	atomic_store(&l->is_closing, true);
	wake(l);
	pthread_join(l->thread, NULL);
	ldap_free(l);
}

bool gp_ldap_is_up(const struct gp_ldap *ldap)
{
	return atomic_load(&ldap->is_up);
}

void gp_ldap_last_error(struct gp_ldap *ldap, struct gp_diag *ret)
{
	pthread_mutex_lock(&ldap->lock);
	*ret = ldap->last_error;
	pthread_mutex_unlock(&ldap->lock);
}

bool gp_ldap_take_complaint(struct gp_ldap *ldap, struct gp_diag *ret)
{
	pthread_mutex_lock(&ldap->lock);
	*ret = ldap->complaint;
	ldap->complaint.text[0] = '\0';
	pthread_mutex_unlock(&ldap->lock);
	return *ret->text;
}

void gp_ldap_flush(struct gp_ldap *ldap)
{
	ldap_cache_flush(ldap->cache);
}

/* Look-ups. */

static void lookup_destroy(struct gp_job *job)
{
	struct gp_ldap_lookup *l = (struct gp_ldap_lookup *)job;

	if (l->cookie)
		ber_bvfree(l->cookie);
	gp_buf_done(&l->answer);
	gp_arena_free(l->arena);
	free(l);
}

static void copy_query(struct gp_ldap_lookup *l, const struct gp_ldap_query *q)
{
	struct gp_arena *a = l->arena;
	struct gp_ldap_query *to = &l->query;
	size_t n = 0;

	l->has_fixed_base = gp_ldap_template_is_fixed(q->base);
	*to = (struct gp_ldap_query){.scope = q->scope, .n_rows = q->n_rows, .n_follow = q->n_follow};
	to->rows = GP_ARENA_NEW_N(a, q->n_rows, struct ldap_result_row);
	to->follow = GP_ARENA_NEW_N(a, q->n_follow + 1, char *);
	to->attributes = GP_ARENA_NEW_N(a, q->n_rows + q->n_follow + 2, char *);
	for (size_t i = 0; i < q->n_rows; i++)
		to->rows[i] = (struct ldap_result_row){
			.attribute = gp_arena_strdup(a, q->rows[i].attribute),
			.format = gp_arena_str(a, q->rows[i].format)};
	for (size_t i = 0; i < q->n_follow; i++)
		to->follow[i] = gp_arena_strdup(a, q->follow[i]);
	for (; q->attributes[n]; n++)
		to->attributes[n] = gp_arena_strdup(a, q->attributes[n]);
}

static struct gp_str make_cache_key(struct gp_arena *a, struct gp_str id, struct gp_str key)
{
	char *bytes = gp_arena_alloc(a, id.len + key.len);

	memcpy(bytes, id.ptr, id.len);
	memcpy(bytes + id.len, key.ptr, key.len);
	return gp_str_n(bytes, id.len + key.len);
}

static void enqueue(struct gp_ldap *ldap, struct gp_ldap_lookup *l)
{
	pthread_mutex_lock(&ldap->lock);
	*ldap->queue_end = l;
	ldap->queue_end = &l->next;
	pthread_mutex_unlock(&ldap->lock);
	wake(ldap);
}

struct gp_ldap_lookup *gp_ldap_begin(struct gp_ldap *ldap, struct gp_batch *batch,
				     const struct gp_ldap_query *query, struct gp_str key)
{
	struct gp_ldap_lookup *l = gp_xcalloc(1, sizeof(*l));
	struct gp_str base, filter;
	int r;

	l->ldap = ldap;
	l->arena = gp_arena_new(2048);
	gp_buf_init(&l->answer, LDAP_ANSWER_MAX);
	gp_job_init(&l->job, batch, lookup_destroy);
	copy_query(l, query);
	r = gp_ldap_explain(query, key, l->arena, &base, &filter);
	if (r) {
		gp_diag_set(&l->diag, "the query is not for this key");
		gp_job_finish(&l->job, r);
		return l;
	}
	l->key = gp_arena_str(l->arena, key);
	l->base = gp_arena_cstr(l->arena, base);
	l->filter = gp_arena_cstr(l->arena, filter);
	l->cache_key = make_cache_key(l->arena, query->id, l->key);
	l->began_ms = gp_clock_mono_ms();
	if (!ldap_cache_get(ldap->cache, l->cache_key, &r, &l->answer)) {
		enqueue(ldap, l);
		return l;
	}
	ldap_metrics_count_cached();
	gp_job_finish(&l->job, r);
	return l;
}

int gp_ldap_finish(struct gp_ldap_lookup *lookup, struct gp_arena *arena,
		   struct gp_ldap_answer *ret, struct gp_diag *diag)
{
	if (gp_job_wait(&lookup->job) && !gp_job_is_done(&lookup->job)) {
		gp_diag_set(diag, "the directory did not answer in time");
		return GP_ETEMP;
	}
	if (lookup->job.result) {
		gp_diag_set(diag, "%s", lookup->diag.text);
		return lookup->job.result;
	}
	ldap_answer_read(gp_buf_str(&lookup->answer), &lookup->query, arena, ret);
	ret->server = gp_arena_str(arena, lookup->server);
	return GP_OK;
}

int gp_ldap_get(struct gp_ldap *ldap, const struct gp_ldap_query *query, struct gp_str key,
		int64_t deadline_ms, struct gp_arena *arena, struct gp_ldap_answer *ret,
		struct gp_diag *diag)
{
	struct gp_batch *batch = gp_batch_new(deadline_ms);
	int r = gp_ldap_finish(gp_ldap_begin(ldap, batch, query, key), arena, ret, diag);

	gp_batch_free(&batch);
	return r;
}
