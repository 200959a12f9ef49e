/*
 * The inside of lmdb_env.h, shared by the files that make it up.
 *
 * The read-write lock is not LMDB's: transactions hold it shared, and whoever must have no
 * transaction in this process (growing the map, adopting another process' growth, reopening) takes it
 * alone.
 */
#ifndef GP_STORE_LMDB_ENV_INT_H
#define GP_STORE_LMDB_ENV_INT_H

#include <pthread.h>
#include <sys/types.h>

#include "lib/store/lmdb_env.h"

/* How late an environment that was made or replaced is noticed. */
#define GP_LMDB_LOOK_EVERY_MS 1000

struct gp_lmdb_env {
	struct gp_lmdb_config config;
	pthread_rwlock_t lock; /* guards mdb, dbs, dev, ino, open_error */
	MDB_env *mdb;	       /* NULL: not there (yet) */
	MDB_dbi dbs[GP_LMDB_DBS_MAX];
	uint16_t opened; /* how often */
	dev_t dev;
	ino_t ino;
	int open_error; /* why mdb is NULL: GP_ENOENT or worse */
	struct gp_diag open_diag;
	_Atomic int64_t look_at_ms;
	/* The writer. */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t queue_lock; /* guards the following */
	pthread_cond_t queue_filled;
	struct gp_lmdb_work *head, **tail;
	bool is_stopping;
	/* The writer's. */
	struct gp_lmdb_place room;
	size_t full_rows; /* that there were when it was full; 0: it is not */
	bool is_synced; /* the writer ended with everything on disk */
};

/* lmdb_file.c */

/* The name of its file. */
void gp_lmdb_file_path(const struct gp_lmdb_env *env, char *buf, size_t size);
/* Opens it.  With the lock held alone. */
int gp_lmdb_file_open(struct gp_lmdb_env *env, struct gp_diag *diag) GP_MUST_USE;
/* The writer's: makes its folder and it if need be, for the group, and opens it.  Call while there is
 * one thread: it sets the umask. */
int gp_lmdb_file_make(struct gp_lmdb_env *env, struct gp_diag *diag) GP_MUST_USE;
/* The writer's, once a second: what it writes is to be what others find, and what is there after a
 * restart. */
void gp_lmdb_file_look_after(struct gp_lmdb_env *env);

/* lmdb_room.c; results are LMDB's. */

/* A larger map; MDB_MAP_FULL: it is as large as it may be. */
int gp_lmdb_room_grow(struct gp_lmdb_env *env, bool is_freeing);
/* Takes back what making room was given.  LMDB keeps what is in use. */
void gp_lmdb_room_shrink(struct gp_lmdb_env *env);
/* Before a transaction; *ret_reserve: it may use what is kept for making room. */
int gp_lmdb_room_look(struct gp_lmdb_env *env, const struct gp_lmdb_work *w, bool *ret_reserve);
/* It was full just now. */
void gp_lmdb_room_note_full(struct gp_lmdb_env *env);

/* lmdb_writer.c */

/* Makes the file, and starts the thread. */
int gp_lmdb_writer_start(struct gp_lmdb_env *env, struct gp_diag *diag) GP_MUST_USE;
/* Ends it, all work done and on disk. */
void gp_lmdb_writer_stop(struct gp_lmdb_env *env);

#endif
