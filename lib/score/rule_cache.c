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

/* DIR/rules-TARGET-HEX.db */
static char *path_of(const char *dir, enum gp_rule_type type,
		     const unsigned char key[GP_SHA256_SIZE])
{
	GP_BUF_AUTO hex = GP_BUF_INIT(64);
	GP_BUF_AUTO path = GP_BUF_INIT(4096);

	gp_hex_encode(key, GP_SHA256_SIZE / 2, &hex);
	gp_buf_printf(&path, "%s/rules-%s-%s.db", dir, gp_rule_type_name(type), gp_buf_cstr(&hex));
	return gp_xstrdup(gp_buf_cstr(&path));
}

/* Reads a file that nobody but root and ourselves can have written. */
static int read_trusted(const char *path, struct gp_buf *out, const char **ret_reason)
{
	GP_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		*ret_reason = errno == ENOENT ? "not compiled yet: gatepost rules compile"
					      : "the compiled file cannot be opened";
		return GP_ENOENT;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		*ret_reason = "the compiled file is no regular file";
		return GP_EACCES;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		*ret_reason = "the compiled file belongs to another user; not used";
		return GP_EACCES;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		*ret_reason = "the compiled file can be written by others; not used";
		return GP_EACCES;
	}
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
	GP_FREE char *path = path_of(set->options.cache_dir, type, key);

	if (read_trusted(path, &buf, &reason))
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
	if (t->no_file && (compile_literals(t, &db, NULL) || !open_database(set, t, gp_buf_str(&db))))
		t->no_vs = "vectorscan refuses to compile it";
}

void gp_rule_cache_load(struct gp_rule_set *set)
{
	for (enum gp_rule_type type = 0; type < GP_RULE_TARGETS; type++) {
		struct gp_rule_target *t = &set->targets[type];

		if (t->rules.len == 0)
			t->no_vs = "no patterns";
		else if (t->literals.len == 0)
			t->no_vs = "no pattern has a literal to look for";
		else if (set->options.pcre_only)
			t->no_vs = "switched off";
		else if (!gp_vs_is_available())
			t->no_vs = "no vectorscan in this build, or none for this CPU";
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
		const char *slash = strrchr(keep, '/');

		if (!gp_str_starts(gp_str(e->d_name), gp_buf_str(&prefix)) ||
		    (slash && strcmp(slash + 1, e->d_name) == 0))
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

static bool is_current(const char *path, const unsigned char key[GP_SHA256_SIZE])
{
	GP_BUF_AUTO buf = GP_BUF_INIT(DATABASE_MAX);
	const char *reason;

	return read_trusted(path, &buf, &reason) == GP_OK && unpack(gp_buf_str(&buf), key).len;
}

int gp_rule_cache_compile(const struct gp_rule_set *set, const char *dir, bool force,
			  gp_rule_compile_progress *progress, void *arg, struct gp_diag *diag)
{
	if (!gp_vs_is_available()) {
		gp_diag_set(diag, "vectorscan is not in this build, or cannot run on this CPU; "
				  "rules run on PCRE2");
		return GP_ENOENT;
	}
	if (mkdir(dir, 0755) && errno != EEXIST)
		return gp_diag_errno(diag, "%s", dir);
	for (enum gp_rule_type type = 0; type < GP_RULE_TARGETS; type++) {
		const struct gp_rule_target *t = &set->targets[type];
		unsigned char key[GP_SHA256_SIZE];

		if (progress)
			progress(arg, gp_rule_type_name(type), (unsigned)type, GP_RULE_TARGETS);
		if (t->literals.len == 0)
			continue;
		key_of(t, key);
		GP_FREE char *path = path_of(dir, type, key);
		int r = GP_OK;

		if (force || !is_current(path, key))
			r = compile_target(t, path, key, diag);
		if (r) {
			gp_diag_prepend(diag, "%s", gp_rule_type_name(type));
			return r;
		}
		prune(dir, type, path);
	}
	if (progress)
		progress(arg, "", GP_RULE_TARGETS, GP_RULE_TARGETS);
	return GP_OK;
}
