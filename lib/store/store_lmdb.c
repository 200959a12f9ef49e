/*
 * The embedded store: LMDB environments below one directory, each with one writing
 * program.
 *
 * bayes/ is committed durably; spam/, dkim/, limits/ and virus/ without fsync, synced once a second.
 */
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/store/lmdb_int.h"

#define MAP_MAX ((int64_t)64 << 30)

static void lmdb_close(struct gp_store *st)
{
	struct gp_store_lmdb *s = gp_lmdb_of(st);

	gp_lmdb_close(&s->bayes);
	gp_lmdb_close(&s->spam);
	gp_lmdb_close(&s->dkim);
	gp_lmdb_close(&s->limits);
	gp_lmdb_close(&s->virus);
	gp_cache_free(&s->cache);
	gp_store_done(&s->store);
	free(s->bayes_dir);
	free(s->spam_dir);
	free(s->dkim_dir);
	free(s->limits_dir);
	free(s->virus_dir);
	free(s);
}

/* An environment that does not exist yet is no fault of the store. */
static int ping_env(struct gp_lmdb_env *env, struct gp_diag *diag)
{
	MDB_txn *txn;
	int r = gp_lmdb_read_begin(env, &txn, diag);

	if (r == GP_OK)
		gp_lmdb_read_end(env, &txn);
	return r == GP_ENOENT ? GP_OK : r;
}

static int lmdb_ping(struct gp_store *st, int64_t deadline_ms, struct gp_diag *diag)
{
	struct gp_store_lmdb *s = gp_lmdb_of(st);
	int r = ping_env(s->bayes, diag);

	if (r == GP_OK)
		r = ping_env(s->spam, diag);
	if (r == GP_OK)
		r = ping_env(s->dkim, diag);
	if (r == GP_OK)
		r = ping_env(s->limits, diag);
	return r < 0 ? r : ping_env(s->virus, diag);
}

static const struct gp_store_ops lmdb_ops = {
	.kind = "lmdb",
	.close = lmdb_close,
	.ping = lmdb_ping,
	.bayes_start = gp_lmdb_bayes_start,
	.bayes_learn = gp_lmdb_bayes_learn,
	.bayes_seen = gp_lmdb_bayes_seen,
	.bayes_expire = gp_lmdb_bayes_expire,
	.bayes_scopes = gp_lmdb_bayes_scopes,
	.record_get = gp_lmdb_record_get,
	.record_swap = gp_lmdb_record_swap,
	.counter_add = gp_lmdb_counter_add,
	.ring_add = gp_lmdb_ring_add,
	.ring_drop = gp_lmdb_ring_drop,
	.ring_read = gp_lmdb_ring_read,
	.tally_add = gp_lmdb_tally_add,
	.tally_read = gp_lmdb_tally_read,
	.greylist_start = gp_lmdb_greylist_start,
	.limit_start = gp_lmdb_limit_start,
	.limit_each = gp_lmdb_limit_each,
	.limit_reset = gp_lmdb_limit_reset,
	.entry_change = gp_lmdb_entry_change,
	.entry_each = gp_lmdb_entry_each,
};

static char *join(const char *dir, const char *name)
{
	GP_BUF_AUTO path = GP_BUF_INIT(4096);

	gp_buf_printf(&path, "%s/%s", dir, name);
	return gp_xstrdup(gp_buf_cstr(&path));
}

/* Records, counters and rings of one program. */
static int open_tables(const char *dir, bool is_writer, size_t map_max, struct gp_lmdb_env **ret,
		       struct gp_diag *diag)
{
	return gp_lmdb_open(&(struct gp_lmdb_config){.dir = dir,
						     .is_writer = is_writer,
						     .is_lazy = true,
						     .is_swept = true,
						     .map_max = map_max,
						     .dbs = {{"records", 0}, {"rings", 0}}},
			    ret, diag);
}

int gp_store_lmdb_open(const char *url, const struct gp_store_options *o, struct gp_store **ret,
		       struct gp_diag *diag)
{
	const char *dir = url + strlen("lmdb:");
	size_t map_max = (size_t)(o->map_size_max > 0 ? o->map_size_max : MAP_MAX);
	struct gp_store_lmdb *s;
	int r;

	if (dir[0] != '/' || strlen(dir) > 3900) {
		gp_diag_set(diag, "must name an absolute directory");
		return GP_EINVAL;
	}
	s = gp_xcalloc(1, sizeof(*s));
	gp_store_init(&s->store, &lmdb_ops, o);
	s->cache = gp_cache_new(gp_store_cache_size(o));
	s->bayes_dir = join(dir, "bayes");
	s->spam_dir = join(dir, "spam");
	s->dkim_dir = join(dir, "dkim");
	s->limits_dir = join(dir, "limits");
	s->virus_dir = join(dir, "virus");
	r = gp_lmdb_open(&(struct gp_lmdb_config){.dir = s->bayes_dir,
						  .is_writer = o->writes & GP_STORE_BAYES,
						  .map_max = map_max,
						  .dbs = {{"meta", 0},
							  {"tokens", MDB_INTEGERKEY},
							  {"seen", 0}}},
			 &s->bayes, diag);
	if (r == GP_OK)
		r = open_tables(s->spam_dir, o->writes & GP_STORE_SPAM, map_max, &s->spam, diag);
	if (r == GP_OK)
		r = open_tables(s->dkim_dir, o->writes & GP_STORE_DKIM, map_max, &s->dkim, diag);
	if (r == GP_OK)
		r = open_tables(s->limits_dir, o->writes & GP_STORE_LIMITS, map_max, &s->limits, diag);
	if (r == GP_OK)
		r = open_tables(s->virus_dir, o->writes & GP_STORE_VIRUS, map_max, &s->virus, diag);
	if (r < 0) {
		lmdb_close(&s->store);
		return r;
	}
	*ret = &s->store;
	return GP_OK;
}
