/*
 * The store on Redis: opening it, and the table of its operations.
 */
#include <stdlib.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/store/redis_int.h"
#include "lib/store/redis_url.h"

#define PASSWORD_MAX 4096
#define RETRY_MS 1000 /* a restarted Redis is back within this */

static void redis_close(struct gp_store *st)
{
	struct gp_store_redis *s = gp_redis_of(st);

	gp_redis_close(&s->conn);
	gp_loop_close(&s->own_loop);
	gp_tls_context_free(&s->tls);
	gp_cache_free(&s->cache);
	gp_store_done(&s->store);
	free(s->path);
	free(s->host);
	free(s->port);
	free(s->tls_name);
	free(s->username);
	if (s->password)
		gp_wipe_free(s->password, s->password_len);
	free(s);
}

static int redis_ping(struct gp_store *st, int64_t deadline_ms, struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(NULL, 1);
	struct gp_batch *batch;
	int r;

	gp_redis_arg(&c->req.command, GP_STR("PING"));
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	gp_batch_free(&batch);
	return r;
}

static const struct gp_store_ops redis_ops = {
	.kind = "redis",
	.close = redis_close,
	.ping = redis_ping,
	.bayes_start = gp_redis_bayes_start,
	.bayes_learn = gp_redis_bayes_learn,
	.bayes_seen = gp_redis_bayes_seen,
	.bayes_expire = gp_redis_bayes_expire,
	.bayes_scopes = gp_redis_bayes_scopes,
	.record_get = gp_redis_record_get,
	.record_swap = gp_redis_record_swap,
	.counter_add = gp_redis_counter_add,
	.ring_add = gp_redis_ring_add,
	.ring_drop = gp_redis_ring_drop,
	.ring_read = gp_redis_ring_read,
	.tally_add = gp_redis_tally_add,
	.tally_read = gp_redis_tally_read,
	.greylist_start = gp_redis_greylist_start,
	.limit_start = gp_redis_limit_start,
	.limit_each = gp_redis_limit_each,
	.limit_reset = gp_redis_limit_reset,
	.entry_change = gp_redis_entry_change,
	.entry_each = gp_redis_entry_each,
};

static char *copy(struct gp_str s)
{
	char *text = gp_xmalloc(s.len + 1);

	(void)gp_str_copy(text, s.len + 1, s);
	return text;
}

/* A relative name is a credential's (systemd LoadCredential). */
static int read_password(struct gp_store_redis *s, const char *name, struct gp_diag *diag)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	GP_BUF_AUTO path = GP_BUF_INIT(4096), text = GP_BUF_INIT(PASSWORD_MAX);
	struct gp_str password;
	int r;

	if (name[0] != '/' && !folder) {
		gp_diag_set(diag, "password_file \"%s\": a relative name needs $CREDENTIALS_DIRECTORY",
			    name);
		return GP_EINVAL;
	}
	if (name[0] != '/')
		gp_buf_printf(&path, "%s/", folder);
	gp_buf_add_cstr(&path, name);
	r = gp_file_read(gp_buf_cstr(&path), &text, diag);
	if (r < 0) {
		gp_diag_prepend(diag, "password_file");
		return r;
	}
	password = gp_str_sub(gp_buf_str(&text), 0, gp_str_find_chr(gp_buf_str(&text), '\n', 0));
	s->password = copy(password);
	s->password_len = password.len;
	explicit_bzero(text.data, text.len);
	if (password.len > 0)
		return GP_OK;
	gp_diag_set(diag, "password_file %s: empty", gp_buf_cstr(&path));
	return GP_EINVAL;
}

static int set_up(struct gp_store_redis *s, const char *url, const struct gp_store_options *o,
		  struct gp_diag *diag)
{
	struct gp_redis_url u;
	int r = gp_redis_url_parse(url, &u, diag);

	if (r == GP_OK && o->password_file)
		r = read_password(s, o->password_file, diag);
	if (r == GP_OK && u.is_tls)
		r = gp_tls_context_new(&(struct gp_tls_config){.ca_file = o->tls_ca_file,
							       .no_verify = o->tls_no_verify},
				       &s->tls, diag);
	if (r < 0)
		return r;
	if (u.path.len > 0)
		s->path = copy(u.path);
	s->host = copy(u.host);
	s->port = copy(u.port);
	s->tls_name = o->tls_name ? gp_xstrdup(o->tls_name) : copy(u.host);
	if (o->username || u.user.len > 0)
		s->username = o->username ? gp_xstrdup(o->username) : copy(u.user);
	s->db = u.db;
	s->loop = o->loop;
	if (!s->loop) {
		r = gp_loop_open(&s->own_loop, diag);
		s->loop = s->own_loop;
	}
	return r;
}

int gp_store_redis_open(const char *url, const struct gp_store_options *o, struct gp_store **ret,
			struct gp_diag *diag)
{
	struct gp_store_redis *s = gp_xcalloc(1, sizeof(*s));
	int r;

	gp_store_init(&s->store, &redis_ops, o);
	s->cache = gp_cache_new(gp_store_cache_size(o));
	r = set_up(s, url, o, diag);
	if (r < 0) {
		redis_close(&s->store);
		return r;
	}
	s->conn = gp_redis_open(s->loop,
				&(struct gp_redis_config){.endpoint = {.path = s->path,
								       .host = s->host,
								       .port = s->port,
								       .tls = s->tls,
								       .tls_name = s->tls_name},
							  .username = s->username,
							  .password = s->password,
							  .db = s->db,
							  .retry_ms = RETRY_MS,
							  .timeout_ms = s->store.timeout_ms});
	*ret = &s->store;
	return GP_OK;
}
