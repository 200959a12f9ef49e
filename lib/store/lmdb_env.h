/*
 * One LMDB environment: opening it when it appears, reading while another
 * process writes and grows it, writing on a thread of its own.
 *
 * A file that is taken away while it is written is missed at the next change, a second later at the
 * most: a warning is logged, and it goes on with a new one, or with the one that was put there.
 *
 * Readers take gp_lmdb_read_begin/end around each transaction.  An environment
 * that this process only reads may not exist yet, and may be replaced by a new
 * one: it is looked for again once a second.
 *
 * LMDB's write lock has no deadline, so a change is a struct gp_lmdb_work handed
 * to the environment's writer thread; who asked waits as long as he may.  The
 * writer grows a full map and tries again.
 */
#ifndef GP_STORE_LMDB_ENV_H
#define GP_STORE_LMDB_ENV_H

#include <lmdb.h>

#include "lib/base/err.h"
#include "lib/io/job.h"

#define GP_LMDB_DBS_MAX 4

struct gp_lmdb_env;

struct gp_lmdb_config {
	const char *dir;	   /* the environment's directory */
	bool is_writer;		   /* make it if need be, and start the writer thread */
	bool is_lazy;		   /* commit without fsync, sync once a second (lmdb_mark.h) */
	bool is_swept;		   /* rows that are over make room for others */
	size_t map_max;		   /* bytes */
	struct {
		const char *name; /* NULL ends */
		unsigned flags;
	} dbs[GP_LMDB_DBS_MAX + 1];
};

/* The config's strings must outlive the environment. */
int gp_lmdb_open(const struct gp_lmdb_config *config, struct gp_lmdb_env **ret,
		 struct gp_diag *diag) GP_MUST_USE;
/* Finishes the queued work, syncs, closes; clears *env. */
void gp_lmdb_close(struct gp_lmdb_env **env);

/* GP_ENOENT: there is no such environment yet.  On GP_OK call read_end soon. */
int gp_lmdb_read_begin(struct gp_lmdb_env *env, MDB_txn **ret, struct gp_diag *diag) GP_MUST_USE;
void gp_lmdb_read_end(struct gp_lmdb_env *env, MDB_txn **txn);
/* A number for what this transaction sees: the same number, the same content (also
 * when the environment was replaced).  Never 0. */
uint64_t gp_lmdb_generation(const struct gp_lmdb_env *env, MDB_txn *txn);

/* Inside a transaction: the database config->dbs[i]. */
MDB_dbi gp_lmdb_db(const struct gp_lmdb_env *env, size_t i);

/* How far making room has come in `records`: the key it goes on with.  For work alone. */
struct gp_lmdb_place {
	size_t len; /* 0: from the beginning */
	unsigned char key[128];
	uint64_t n_dropped;  /* since the beginning */
	int64_t rests_until; /* found nothing from beginning to end: not before that */
};
struct gp_lmdb_place *gp_lmdb_room(struct gp_lmdb_env *env);

/* Embedded first in a heap object.  `run` makes the change and returns LMDB's
 * code; it may run again if the map was full. */
struct gp_lmdb_work {
	struct gp_job job;
	int (*run)(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn);
	/* Not NULL: called by the writer instead of finishing the job. */
	void (*done)(struct gp_lmdb_work *work, int result);
	struct gp_lmdb_work *next;
	struct gp_diag diag;
	/* It makes room: of a map that is as large as it may become it gets some more, which others
	 * never get.  A deletion copies pages before it frees them. */
	bool is_freeing;
	bool is_full; /* out: there was no room, in the map or on the disk */
	/* Quick, with a `done`: what waits of such work shares a transaction.  If that fails each
	 * gets its own, so `run` may come again here too. */
	bool is_small;
};

/* Hands over work that has a `done` and no job; `done` is called once, perhaps before this
 * returns. */
void gp_lmdb_submit(struct gp_lmdb_env *env, struct gp_lmdb_work *work);

/* Has the writer run it, and waits until the deadline.  The work may outlive
 * the call and is freed by `destroy`; on GP_OK its results may be read until the
 * caller frees *ret_batch, which is set in any case.  GP_EACCES: this process does
 * not write here. */
int gp_lmdb_write(struct gp_lmdb_env *env, struct gp_lmdb_work *work,
		  void (*destroy)(struct gp_job *job), int64_t deadline_ms,
		  struct gp_batch **ret_batch, struct gp_diag *diag) GP_MUST_USE;
/* A `destroy` for work that owns nothing. */
void gp_lmdb_work_free(struct gp_job *job);

/* LMDB's code as one of our words, with the sentence for the diag. */
int gp_lmdb_error(const struct gp_lmdb_env *env, int rc, struct gp_diag *diag);

#endif
