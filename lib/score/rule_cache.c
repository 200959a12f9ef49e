/*
 * File: magic, key, digest of the rest, the serialised database.
 *
 * The key stands in the name too (its first half), so sets of rules with a
 * common cache directory do not push each other out; files of targets whose
 * patterns changed are removed when they are STALE_DAYS old.
 */
#include "lib/score/rule_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/digest.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_vs.h"

#define MAGIC "GPRULES1"
#define DATABASE_MAX ((size_t)1 << 30)
#define STALE_DAYS 30

struct file_header {
	char magic[8];
	unsigned char key[GP_SHA256_SIZE];
	unsigned char digest[GP_SHA256_SIZE]; /* of everything behind this header */
};

/* Everything the database depends on. */
static void key_of(const struct gp_rule_target *t, unsigned char ret[GP_SHA256_SIZE])
{
	GP_BUF_AUTO identity = GP_BUF_INIT(1024);
	struct gp_sha256 *h = gp_sha256_begin();

	gp_vs_identity(&identity);
	gp_sha256_add(h, MAGIC, sizeof(MAGIC));
	gp_sha256_add(h, gp_buf_cstr(&identity), identity.len + 1);
	for (size_t i = 0; i < t->literals.len; i++) {
		struct gp_str text = t->literals.items[i].text;
		uint64_t len = text.len;

		gp_sha256_add(h, &len, sizeof(len));
		gp_sha256_add(h, text.ptr, text.len);
	}
	gp_sha256_finish(h, ret);
}

/* rules-TARGET-HEX.db */
static char *name_of(enum gp_rule_type type, const unsigned char key[GP_SHA256_SIZE])
{
	GP_BUF_AUTO hex = GP_BUF_INIT(64);
	GP_BUF_AUTO name = GP_BUF_INIT(256);

	gp_hex_encode(key, GP_SHA256_SIZE / 2, &hex);
	gp_buf_printf(&name, "rules-%s-%s.db", gp_rule_type_name(type), gp_buf_cstr(&hex));
	return gp_xstrdup(gp_buf_cstr(&name));
}

#define NOT_COMPILED "not compiled yet: gatepost rules compile"

static pthread_mutex_t owner_lock = PTHREAD_MUTEX_INITIALIZER;

/* Who was found is remembered: later a sandbox may keep the user database out of reach. */
static bool is_uid_of(const char *name, uid_t uid)
{
	static char known_name[64];
	static uid_t known;
	struct passwd entry, *found = NULL;
	char room[4096];
	bool is_same;

	pthread_mutex_lock(&owner_lock);
	if (strcmp(known_name, name) != 0 &&
	    getpwnam_r(name, &entry, room, sizeof(room), &found) == 0 && found &&
	    gp_str_copy(known_name, sizeof(known_name), gp_str(name)))
		known = entry.pw_uid;
	is_same = strcmp(known_name, name) == 0 && uid == known;
	pthread_mutex_unlock(&owner_lock);
	return is_same;
}

static bool is_trusted(uid_t uid, const char *owner)
{
	return uid == 0 || uid == geteuid() || (owner && *owner && is_uid_of(owner, uid));
}

/* Can nobody but root, ourselves and the owner of the cache have written it?  Else why not. */
static const char *distrust(int fd, const char *owner, bool is_folder)
{
	struct stat st;

	if (fstat(fd, &st) || !(is_folder ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)))
		return is_folder ? "the cache is no folder" : "the compiled file is no regular file";
	if (!is_trusted(st.st_uid, owner))
		return is_folder ? "the cache's folder belongs to another user; not used"
				 : "the compiled file belongs to another user; not used";
	if (st.st_mode & (S_IWGRP | S_IWOTH)) /* the group's bits bound an ACL too */
		return is_folder ? "the cache's folder can be written by others; not used"
				 : "the compiled file can be written by others; not used";
	return NULL;
}

/* Opens the folder; -1 with the reason. */
static int open_folder(const char *dir, const char *owner, const char **ret_reason)
{
	GP_FD_AUTO fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int trusted;

	if (fd < 0) {
		*ret_reason = errno == ENOENT ? NOT_COMPILED
			      : errno == ELOOP || errno == ENOTDIR
				      ? "the cache's folder is a symbolic link or a file; not used"
				      : "the cache's folder cannot be opened";
		return -1;
	}
	*ret_reason = distrust(fd, owner, true);
	if (*ret_reason)
		return -1;
	trusted = fd;
	fd = -1;
	return trusted;
}

/* Reads a file if it is to be believed, and the folder it lies in. */
static int read_trusted(const char *dir, const char *name, const char *owner, struct gp_buf *out,
			const char **ret_reason)
{
	GP_FD_AUTO folder = open_folder(dir, owner, ret_reason);
	GP_FD_AUTO fd = -1;

	if (folder < 0)
		return GP_EACCES;
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		*ret_reason = errno == ENOENT  ? NOT_COMPILED
			      : errno == ELOOP ? "the compiled file is a symbolic link; not used"
					       : "the compiled file cannot be opened";
		return GP_ENOENT;
	}
	*ret_reason = distrust(fd, owner, false);
	if (*ret_reason)
		return GP_EACCES;
	if (gp_fd_read_all(fd, out)) {
		*ret_reason = "the compiled file cannot be read";
		return GP_ESYS;
	}
	return GP_OK;
}

/* The database in a file's text if it is whole and fits the key; else an empty span. */
static struct gp_str unpack(struct gp_str text, const unsigned char key[GP_SHA256_SIZE])
{
	unsigned char digest[GP_SHA256_SIZE];
	struct file_header h;
	struct gp_str rest;

	if (text.len <= sizeof(h))
		return (struct gp_str){0};
	memcpy(&h, text.ptr, sizeof(h));
	rest = gp_str_sub(text, sizeof(h), SIZE_MAX);
	gp_sha256(rest.ptr, rest.len, digest);
	if (memcmp(h.magic, MAGIC, sizeof(h.magic)) || memcmp(h.key, key, sizeof(h.key)) ||
	    memcmp(h.digest, digest, sizeof(digest)))
		return (struct gp_str){0};
	return rest;
}

static void close_database(void *db)
{
	gp_vs_close(db);
}

/* Takes a serialised database into use. */
static bool open_database(struct gp_rule_set *set, struct gp_rule_target *t, struct gp_str db)
{
	if (gp_vs_open(db, &t->vs, NULL))
		return false;
	gp_arena_on_end(set->arena, close_database, t->vs);
	return true;
}

static int compile_literals(const struct gp_rule_target *t, struct gp_buf *out,
			    struct gp_diag *diag)
{
	size_t n = t->literals.len;
	GP_FREE struct gp_str *literals = gp_xcalloc(n, sizeof(*literals));

	for (size_t i = 0; i < n; i++)
		literals[i] = t->literals.items[i].text;
	return gp_vs_compile(literals, n, out, diag);
}

/* From the file; NULL, or why not. */
static const char *load_file(struct gp_rule_set *set, enum gp_rule_type type)
{
	struct gp_rule_target *t = &set->targets[type];
	unsigned char key[GP_SHA256_SIZE];
	GP_BUF_AUTO buf = GP_BUF_INIT(DATABASE_MAX);
	const char *reason = NULL;
	struct gp_str db;

	if (!set->options.cache_dir)
		return "no cache directory is set";
	key_of(t, key);
	GP_FREE char *name = name_of(type, key);

	if (read_trusted(set->options.cache_dir, name, set->options.cache_owner, &buf, &reason))
		return reason;
	db = unpack(gp_buf_str(&buf), key);
	if (db.len == 0)
		return "the compiled file is damaged; not used";
	return open_database(set, t, db) ? NULL : "vectorscan refuses the compiled file";
}

/* From the file, else compiled on the spot. */
static void load_target(struct gp_rule_set *set, enum gp_rule_type type)
{
	struct gp_rule_target *t = &set->targets[type];
	GP_BUF_AUTO db = GP_BUF_INIT(DATABASE_MAX);

	t->no_file = load_file(set, type);
	t->is_refused = set->options.cache_dir && t->no_file && strcmp(t->no_file, NOT_COMPILED) != 0;
	if (t->no_file && (compile_literals(t, &db, NULL) || !open_database(set, t, gp_buf_str(&db))))
		t->no_vs = "vectorscan refuses to compile it";
}

const char *gp_rule_no_vectorscan(const struct gp_rule_options *options)
{
	if (options->engine == GP_RULE_ENGINE_PCRE2)
		return "the settings say so (rules.engine)";
	return options->no_vectorscan ? options->no_vectorscan : gp_vs_obstacle();
}

void gp_rule_cache_load(struct gp_rule_set *set)
{
	const char *obstacle = gp_rule_no_vectorscan(&set->options);

	for (enum gp_rule_type type = 0; type < GP_RULE_TARGETS; type++) {
		struct gp_rule_target *t = &set->targets[type];

		if (t->rules.len == 0)
			t->no_vs = "no patterns";
		else if (t->literals.len == 0)
			t->no_vs = "no pattern has a literal to look for";
		else if (obstacle)
			t->no_vs = obstacle;
		else
			load_target(set, type);
	}
}

/* Removes files of a target that have not been written for long and are not `keep`. */
static void prune(const char *dir, enum gp_rule_type type, const char *keep)
{
	DIR *d = opendir(dir);
	int64_t oldest = gp_clock_real_s() - (int64_t)STALE_DAYS * 86400;
	GP_BUF_AUTO prefix = GP_BUF_INIT(64);
	struct stat st;

	gp_buf_printf(&prefix, "rules-%s-", gp_rule_type_name(type));
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!gp_str_starts(gp_str(e->d_name), gp_buf_str(&prefix)) ||
		    strcmp(keep, e->d_name) == 0)
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mtime < oldest)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

static int compile_target(const struct gp_rule_target *t, const char *path,
			  const unsigned char key[GP_SHA256_SIZE], struct gp_diag *diag)
{
	GP_BUF_AUTO db = GP_BUF_INIT(DATABASE_MAX);
	GP_BUF_AUTO file = GP_BUF_INIT(DATABASE_MAX + sizeof(struct file_header));
	struct file_header h;
	int r = compile_literals(t, &db, diag);

	if (r)
		return r;
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(h.key, key, sizeof(h.key));
	gp_sha256(db.data, db.len, h.digest);
	gp_buf_add(&file, &h, sizeof(h));
	gp_buf_add_str(&file, gp_buf_str(&db));
	if (gp_buf_error(&file)) {
		gp_diag_set(diag, "the database is over %zu bytes", DATABASE_MAX);
		return GP_ELIMIT;
	}
	return gp_file_replace(path, file.data, file.len, 0644, diag);
}

static bool is_current(const char *dir, const char *name, const char *owner,
		       const unsigned char key[GP_SHA256_SIZE])
{
	GP_BUF_AUTO buf = GP_BUF_INIT(DATABASE_MAX);
	const char *reason;

	return read_trusted(dir, name, owner, &buf, &reason) == GP_OK &&
	       unpack(gp_buf_str(&buf), key).len;
}

/* Makes the folder if it is missing; one whose files nobody would believe is not filled. */
static int prepare_folder(const char *dir, const char *owner, struct gp_diag *diag)
{
	GP_FD_AUTO folder = -1;
	const char *reason;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return gp_diag_errno(diag, "%s", dir);
	folder = open_folder(dir, owner, &reason);
	if (folder >= 0)
		return GP_OK;
	gp_diag_set(diag, "%s: %s", dir, reason);
	return GP_EACCES;
}

static int update_target(const struct gp_rule_set *set, enum gp_rule_type type, const char *dir,
			 bool force, struct gp_diag *diag)
{
	const struct gp_rule_target *t = &set->targets[type];
	GP_BUF_AUTO path = GP_BUF_INIT(4096);
	unsigned char key[GP_SHA256_SIZE];
	int r;

	if (t->literals.len == 0)
		return GP_OK;
	key_of(t, key);
	GP_FREE char *name = name_of(type, key);

	gp_buf_printf(&path, "%s/%s", dir, name);
	if (force || !is_current(dir, name, set->options.cache_owner, key)) {
		r = compile_target(t, gp_buf_cstr(&path), key, diag);
		if (r) {
			gp_diag_prepend(diag, "%s", gp_rule_type_name(type));
			return r;
		}
	}
	prune(dir, type, name);
	return GP_OK;
}

int gp_rule_cache_compile(const struct gp_rule_set *set, const char *dir, bool force,
			  gp_rule_compile_progress *progress, void *arg, struct gp_diag *diag)
{
	const char *obstacle = gp_rule_no_vectorscan(&set->options);
	int r;

	if (obstacle) {
		gp_diag_set(diag, "%s; rules run on PCRE2 alone, which needs no compiled files",
			    obstacle);
		return GP_ENOENT;
	}
	r = prepare_folder(dir, set->options.cache_owner, diag);
	for (enum gp_rule_type type = 0; type < GP_RULE_TARGETS && r == GP_OK; type++) {
		if (progress)
			progress(arg, gp_rule_type_name(type), (unsigned)type, GP_RULE_TARGETS);
		r = update_target(set, type, dir, force, diag);
	}
	if (progress)
		progress(arg, "", GP_RULE_TARGETS, GP_RULE_TARGETS);
	return r;
}
