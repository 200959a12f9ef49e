/*
 * The helper thread: takes look-ups from the queue, has many searches under way on one
 * connection, and finishes them as the answers come.
 *
 * A look-up is one search after the other: the pages of the first, then, where names of
 * entries are followed, a search of each.  When the connection breaks, what was under way
 * is asked once more on a new one: servers close idle connections, and that is no failure.
 * A server from which nothing came for the timeout is left, and the next one is tried; one
 * that answers others meanwhile keeps them, and the late search alone fails.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"
#include "lib/ldap/ldap_int.h"
#include "lib/ldap/ldap_text.h"

#define TRIES_MAX 2
/* Servers cut who has too much under way (slapd: 100 for strangers); more would not be
 * faster either. */
#define UNDER_WAY_MAX 64

static void remember_error(struct gp_ldap *l, bool is_up, const struct gp_diag *diag)
{
	atomic_store(&l->is_up, is_up);
	ldap_metrics_set_up(is_up);
	pthread_mutex_lock(&l->lock);
	if (is_up)
		l->last_error.text[0] = '\0';
	else
		l->last_error = *diag;
	pthread_mutex_unlock(&l->lock);
}

/* Nobody would hear of it else: the server is there, and the answer is like that of no entry. */
static void remember_complaint(struct gp_ldap *l, const struct gp_ldap_lookup *k)
{
	struct gp_diag said;

	gp_diag_set(&said, "%.300s (base \"%.200s\", filter \"%.200s\")", k->diag.text, k->base, k->filter);
	pthread_mutex_lock(&l->lock);
	l->complaint = said;
	pthread_mutex_unlock(&l->lock);
}

/* The end of a look-up; `report` is what it tells of the server. */
static void finish(struct gp_ldap_lookup *k, int result, enum gp_breaker_report report)
{
	struct gp_ldap *l = k->ldap;

	gp_breaker_report(&l->breaker, report);
	if (report != GP_BREAKER_NEUTRAL)
		remember_error(l, report == GP_BREAKER_GOOD, &k->diag);
	if (result == GP_EINVAL || (result == GP_EACCES && report == GP_BREAKER_GOOD))
		remember_complaint(l, k);
	if (result == GP_OK && gp_buf_error(&k->answer)) {
		gp_diag_set(&k->diag, "the answer is larger than %u bytes", LDAP_ANSWER_MAX);
		result = GP_ELIMIT;
	}
	ldap_answer_end(&k->answer, k->n_entries);
	ldap_cache_put(l->cache, k->cache_key, result, gp_buf_str(&k->answer));
	ldap_metrics_count(result, gp_clock_mono_ms() - k->began_ms);
	gp_job_finish(&k->job, result);
}

static void unlink_lookup(struct gp_ldap *l, struct gp_ldap_lookup *k)
{
	struct gp_ldap_lookup **at = &l->under_way;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
}

/* Searching. */

/* The control that asks for the next page; NULL where no more than one entry is to come. */
static LDAPControl *page_control(struct gp_ldap *l, struct gp_ldap_lookup *k)
{
	LDAPControl *control = NULL;

	if (k->is_following || k->query.scope == LDAP_SCOPE_BASE)
		return NULL;
	/* Not critical: a server that has no pages answers all at once. */
	if (ldap_create_page_control(l->connection, GP_LDAP_PAGE_SIZE, k->cookie, 0, &control) !=
	    LDAP_SUCCESS)
		return NULL;
	return control;
}

/* Sends the search that is next; false if the connection broke. */
static bool search(struct gp_ldap *l, struct gp_ldap_lookup *k)
{
	LDAPControl *page = page_control(l, k);
	LDAPControl *controls[] = {page, NULL};
	bool is_follow = k->is_following;
	int code;

	code = ldap_search_ext(l->connection, is_follow ? k->follow->dn : k->base,
			       is_follow ? LDAP_SCOPE_BASE : k->query.scope,
			       is_follow ? "(objectClass=*)" : k->filter, k->query.attributes, 0,
			       page ? controls : NULL, NULL, NULL, GP_LDAP_ENTRIES_MAX, &k->msgid);
	if (page)
		ldap_control_free(page);
	k->asked_ms = gp_clock_mono_ms();
	if (code == LDAP_SUCCESS) {
		k->next = l->under_way;
		l->under_way = k;
		return true;
	}
	gp_diag_set(&k->diag, "search: %s", ldap_err2string(code));
	if (ldap_conn_result(code) == GP_ETEMP)
		return false;
	finish(k, ldap_conn_result(code), GP_BREAKER_NEUTRAL);
	return true;
}

static void add_follow(struct gp_ldap_lookup *k, struct gp_str dn)
{
	struct ldap_follow *f, **end = &k->follow;

	if (k->depth >= GP_LDAP_FOLLOW_DEPTH || k->n_followed >= GP_LDAP_FOLLOW_MAX || dn.len == 0)
		return;
	for (f = k->followed; f; f = f->next)
		if (gp_str_ieq(gp_str(f->dn), dn))
			return;
	f = GP_ARENA_NEW(k->arena, struct ldap_follow);
	*f = (struct ldap_follow){.dn = gp_arena_cstr(k->arena, dn), .next = k->followed};
	k->followed = f;
	k->n_followed++;
	while (*end)
		end = &(*end)->next;
	*end = GP_ARENA_NEW(k->arena, struct ldap_follow);
	**end = (struct ldap_follow){.dn = f->dn, .depth = k->depth + 1};
}

static void add_value(struct gp_ldap_lookup *k, size_t row, struct gp_str value)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_LDAP_VALUE_MAX);

	if (k->n_values >= GP_LDAP_VALUES_MAX ||
	    !gp_ldap_expand(k->query.rows[row].format, value, k->key, GP_LDAP_PLAIN, &text) ||
	    gp_buf_error(&text))
		return;
	ldap_answer_add(&k->answer, row, gp_buf_str(&text));
	k->n_values++;
}

/* Calls for each value of an attribute. */
static void each_value(LDAP *ld, LDAPMessage *entry, const char *attribute,
		       struct gp_ldap_lookup *k, size_t row, bool is_follow)
{
	struct berval **values = ldap_get_values_len(ld, entry, attribute);

	for (size_t i = 0; values && values[i]; i++) {
		struct gp_str value = gp_str_n(values[i]->bv_val, values[i]->bv_len);

		if (is_follow)
			add_follow(k, value);
		else
			add_value(k, row, value);
	}
	if (values)
		ldap_value_free_len(values);
}

static void take_entry(LDAP *ld, LDAPMessage *entry, struct gp_ldap_lookup *k)
{
	if (k->n_entries == 0) {
		char *dn = ldap_get_dn(ld, entry);

		ldap_answer_begin(&k->answer, gp_str(dn));
		ldap_memfree(dn);
	}
	k->n_entries++;
	for (size_t i = 0; i < k->query.n_rows; i++)
		each_value(ld, entry, k->query.rows[i].attribute, k, i, false);
	for (size_t i = 0; i < k->query.n_follow; i++)
		each_value(ld, entry, k->query.follow[i], k, 0, true);
}

/* The cookie of the next page into the look-up, NULL after the last. */
static void take_cookie(LDAP *ld, LDAPControl **controls, struct gp_ldap_lookup *k)
{
	LDAPControl *page = controls ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL)
				     : NULL;
	struct berval cookie = {0};
	ber_int_t estimate = 0;

	if (k->cookie)
		ber_bvfree(k->cookie);
	k->cookie = NULL;
	if (!page || ldap_parse_pageresponse_control(ld, page, &estimate, &cookie) != LDAP_SUCCESS)
		return;
	if (cookie.bv_len > 0)
		k->cookie = ber_bvdup(&cookie);
	ber_memfree(cookie.bv_val);
}

/* After the last message of a search: another one, or the end.  False: the connection broke. */
static bool go_on(struct gp_ldap *l, struct gp_ldap_lookup *k, int code)
{
	int r = ldap_conn_result(code);

	k->server = gp_arena_str(k->arena, gp_str(l->uris[l->uri]));
	/* A name that is followed may point to what is gone, or what we may not see. */
	if (k->is_following) {
		k->follow = k->follow->next;
		r = GP_OK;
	}
	if (r != GP_OK && !(r == GP_ENOENT && k->n_entries > 0)) {
		/* As in ldap_table(5): where all keys have one base it is to be there, and nobody is
		 * refused because it is not. */
		if (code == LDAP_NO_SUCH_OBJECT && k->has_fixed_base)
			r = GP_EINVAL;
		gp_diag_set(&k->diag, "%s: %s%s", l->uris[l->uri], ldap_err2string(code),
			    code == LDAP_REFERRAL ? " (referrals are not followed)" : "");
		finish(k, r, r == GP_ETEMP ? GP_BREAKER_BAD : GP_BREAKER_GOOD);
		return true;
	}
	if (k->cookie && k->n_entries < GP_LDAP_ENTRIES_MAX)
		return search(l, k);
	k->is_following = k->follow != NULL;
	if (k->is_following) {
		k->depth = k->follow->depth;
		return search(l, k);
	}
	gp_diag_set(&k->diag, "%s", k->has_referral ? "a referral only, which is not followed"
						    : "no such entry");
	finish(k, k->n_entries > 0 ? GP_OK : GP_ENOENT, GP_BREAKER_GOOD);
	return true;
}

static bool take_result(struct gp_ldap *l, LDAPMessage *message, struct gp_ldap_lookup *k)
{
	LDAPControl **controls = NULL;
	int code = LDAP_OTHER;

	if (ldap_parse_result(l->connection, message, &code, NULL, NULL, NULL, &controls, 0) !=
	    LDAP_SUCCESS)
		code = LDAP_DECODING_ERROR;
	take_cookie(l->connection, controls, k);
	if (controls)
		ldap_controls_free(controls);
	unlink_lookup(l, k);
	return go_on(l, k, code);
}

static struct gp_ldap_lookup *find(struct gp_ldap *l, int msgid)
{
	struct gp_ldap_lookup *k = l->under_way;

	while (k && k->msgid != msgid)
		k = k->next;
	return k;
}

/* Takes what has come; false if the connection broke. */
static bool receive(struct gp_ldap *l)
{
	for (;;) {
		struct timeval now = {0};
		LDAPMessage *message = NULL;
		struct gp_ldap_lookup *k;
		int type = ldap_result(l->connection, LDAP_RES_ANY, LDAP_MSG_ONE, &now, &message);
		bool is_right = true;

		if (type <= 0)
			return type == 0;
		l->heard_ms = gp_clock_mono_ms();
		k = find(l, ldap_msgid(message));
		if (k && type == LDAP_RES_SEARCH_ENTRY)
			take_entry(l->connection, message, k);
		else if (k && type == LDAP_RES_SEARCH_REFERENCE)
			k->has_referral = true;
		else if (k && type == LDAP_RES_SEARCH_RESULT)
			is_right = take_result(l, message, k);
		ldap_msgfree(message);
		if (!is_right)
			return false;
	}
}

/* The connection. */

/* Back to the beginning: what was collected came from a server that is gone. */
static void restart(struct gp_ldap_lookup *k)
{
	if (k->cookie)
		ber_bvfree(k->cookie);
	k->cookie = NULL;
	gp_buf_reset(&k->answer);
	k->follow = k->followed = NULL;
	k->n_followed = k->n_entries = k->n_values = 0;
	k->depth = 0;
	k->is_following = k->has_referral = false;
}

/* Closes it; what was under way is asked again, or fails if that was done before. */
static void break_off(struct gp_ldap *l, const char *why)
{
	struct gp_ldap_lookup *k = l->under_way, *next;

	l->under_way = NULL;
	ldap_conn_close(l);
	for (; k; k = next) {
		next = k->next;
		restart(k);
		if (k->tries < TRIES_MAX) {
			pthread_mutex_lock(&l->lock);
			k->next = l->queue;
			if (!l->queue)
				l->queue_end = &k->next;
			l->queue = k;
			pthread_mutex_unlock(&l->lock);
			continue;
		}
		gp_diag_set(&k->diag, "%s: %s", l->uris[l->uri], why);
		finish(k, GP_ETEMP, GP_BREAKER_BAD);
	}
}

static bool connect_if_needed(struct gp_ldap *l, struct gp_ldap_lookup *k, int *ret_result)
{
	if (l->connection)
		return true;
	*ret_result = ldap_conn_open(l, &k->diag);
	l->heard_ms = gp_clock_mono_ms();
	if (*ret_result == GP_OK)
		ldap_metrics_count_connect();
	return *ret_result == GP_OK;
}

static struct gp_ldap_lookup *take_queue(struct gp_ldap *l)
{
	struct gp_ldap_lookup *k;

	pthread_mutex_lock(&l->lock);
	k = l->queue;
	if (k) {
		l->queue = k->next;
		if (!l->queue)
			l->queue_end = &l->queue;
	}
	pthread_mutex_unlock(&l->lock);
	return k;
}

/* No server is to be had: who waited for the connection as well need not wait for the next
 * try.  Who asks from now on does. */
static void fail_waiting(struct gp_ldap *l, struct gp_ldap_lookup *k, int result)
{
	struct gp_diag why = k->diag;

	pthread_mutex_lock(&l->lock);
	k->next = l->queue;
	l->queue = NULL;
	l->queue_end = &l->queue;
	pthread_mutex_unlock(&l->lock);
	while (k) {
		struct gp_ldap_lookup *next = k->next;

		k->diag = why;
		finish(k, result, GP_BREAKER_BAD);
		k = next;
	}
}

/* Asks one look-up from the queue. */
static void ask(struct gp_ldap *l, struct gp_ldap_lookup *k)
{
	int r = GP_ETEMP;

	k->next = NULL;
	if (k->tries == 0 && !gp_breaker_pass(&l->breaker)) {
		gp_ldap_last_error(l, &k->diag);
		gp_diag_prepend(&k->diag, "not asked, because it failed before");
		ldap_metrics_count(GP_ETEMP, 0);
		gp_job_finish(&k->job, GP_ETEMP);
		return;
	}
	if (gp_job_is_abandoned(&k->job)) {
		finish(k, GP_ETEMP, GP_BREAKER_NEUTRAL);
		return;
	}
	k->tries++;
	if (!connect_if_needed(l, k, &r)) {
		fail_waiting(l, k, r);
		return;
	}
	if (search(l, k))
		return;
	/* The connection was dead already: this one is among those to be asked again. */
	k->next = l->under_way;
	l->under_way = k;
	break_off(l, "the connection broke");
}

static size_t count_under_way(const struct gp_ldap *l)
{
	size_t n = 0;

	for (const struct gp_ldap_lookup *k = l->under_way; k; k = k->next)
		n++;
	return n;
}

/* The server is alive and this search is not: it alone fails, and says nothing of the others. */
static void drop_one(struct gp_ldap *l, struct gp_ldap_lookup *k)
{
	unlink_lookup(l, k);
	ldap_abandon_ext(l->connection, k->msgid, NULL, NULL);
	gp_diag_set(&k->diag, "%s: no answer in time", l->uris[l->uri]);
	finish(k, GP_ETEMP, GP_BREAKER_NEUTRAL);
}

/* Asking the same server again would take as long: no second try of what was late, and the next
 * server for what comes. */
static void leave_server(struct gp_ldap *l)
{
	for (struct gp_ldap_lookup *k = l->under_way; k; k = k->next)
		k->tries = TRIES_MAX;
	break_off(l, "no answer in time");
	l->uri = (l->uri + 1) % l->options.n_uris;
}

static void drop_late(struct gp_ldap *l)
{
	int64_t since_ms = gp_clock_mono_ms() - l->options.timeout_ms;
	struct gp_ldap_lookup *k = l->under_way, *next;

	for (; k; k = next) {
		next = k->next;
		if (k->asked_ms > since_ms)
			continue;
		if (l->heard_ms <= since_ms) {
			leave_server(l);
			return;
		}
		drop_one(l, k);
	}
}

static void wait_for_work(struct gp_ldap *l)
{
	struct pollfd fds[] = {{.fd = l->wake_fd, .events = POLLIN},
			       {.fd = ldap_conn_fd(l), .events = POLLIN}};
	uint64_t count;
	ssize_t n;

	if (poll(fds, 2, l->under_way ? 100 : 60000) < 0 && errno != EINTR)
		abort(); /* no memory in the kernel, or a bug */
	if (fds[0].revents) {
		n = read(l->wake_fd, &count, sizeof(count));
		(void)n; /* empty already */
	}
}

void *ldap_helper_main(void *ldap)
{
	struct gp_ldap *l = ldap;
	struct gp_ldap_lookup *k;

	while (!atomic_load(&l->is_closing)) {
		while (!atomic_load(&l->is_closing) && count_under_way(l) < UNDER_WAY_MAX &&
		       (k = take_queue(l)))
			ask(l, k);
		wait_for_work(l);
		if (l->connection && !receive(l))
			break_off(l, "the connection broke");
		drop_late(l);
	}
	for (k = l->under_way; k; k = k->next)
		k->tries = TRIES_MAX;
	break_off(l, "closing");
	while ((k = take_queue(l)))
		finish(k, GP_ETEMP, GP_BREAKER_NEUTRAL);
	return NULL;
}
