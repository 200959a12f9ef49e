/*
 * File: magic, key, digest of the rest, number of patterns, one mode byte a
 * pattern (enum gp_vs_mode), the serialised database.
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
	uint64_t patterns;
};

static struct gp_vs_pattern pattern_of(const struct gp_rule *r)
{
	return (struct gp_vs_pattern){.text = r->regex.vs_text,
				      .is_caseless = r->regex.flags & GP_REGEX_CASELESS,
				      .is_dotall = r->regex.flags & GP_REGEX_DOTALL};
}

/* Everything the database depends on. */
static void key_of(const struct gp_rule_target *t, unsigned char ret[GP_SHA256_SIZE])
{
	GP_BUF_AUTO identity = GP_BUF_INIT(1024);
	struct gp_sha256 *h = gp_sha256_begin();

	gp_vs_identity(&identity);
	gp_sha256_add(h, MAGIC, sizeof(MAGIC));
	gp_sha256_add(h, gp_buf_cstr(&identity), identity.len + 1);
	for (size_t i = 0; i < t->rules.len; i++) {
		struct gp_vs_pattern p = pattern_of(t->rules.items[i]);
		const char flags[2] = {p.is_caseless ? 'i' : '-', p.is_dotall ? 's' : '-'};
		const char *text = p.text ? p.text : "";

		gp_sha256_add(h, flags, sizeof(flags));
		gp_sha256_add(h, text, strlen(text) + 1);
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

/* The parts of a file's text if it is whole and fits the key. */
static bool unpack(struct gp_str text, const unsigned char key[GP_SHA256_SIZE], size_t patterns,
		   struct gp_str *ret_modes, struct gp_str *ret_db)
{
	unsigned char digest[GP_SHA256_SIZE];
	struct file_header h;
	struct gp_str rest;

	if (text.len < sizeof(h))
		return false;
	memcpy(&h, text.ptr, sizeof(h));
	rest = gp_str_sub(text, sizeof(h), SIZE_MAX);
	gp_sha256(rest.ptr, rest.len, digest);
	if (memcmp(h.magic, MAGIC, sizeof(h.magic)) || memcmp(h.key, key, sizeof(h.key)) ||
	    memcmp(h.digest, digest, sizeof(digest)) || h.patterns != patterns ||
	    rest.len < patterns)
		return false;
	*ret_modes = gp_str_sub(rest, 0, patterns);
	*ret_db = gp_str_sub(rest, patterns, SIZE_MAX);
	return true;
}

static void close_database(void *db)
{
	gp_vs_close(db);
}

static const char *load_target(struct gp_rule_set *set, enum gp_rule_type type)
{
	struct gp_rule_target *t = &set->targets[type];
	unsigned char key[GP_SHA256_SIZE];
	GP_BUF_AUTO buf = GP_BUF_INIT(DATABASE_MAX);
	const char *reason = NULL;
	struct gp_str modes, db;
	uint8_t *own;

	key_of(t, key);
	GP_FREE char *path = path_of(set->options.cache_dir, type, key);

	if (read_trusted(path, &buf, &reason))
		return reason;
	if (!unpack(gp_buf_str(&buf), key, t->rules.len, &modes, &db))
		return "the compiled file is damaged; not used";
	if (db.len == 0)
		return "no pattern is one for vectorscan";
	if (gp_vs_open(db, &t->vs, NULL))
		return "vectorscan refuses the compiled file";
	gp_arena_on_end(set->arena, close_database, t->vs);
	own = gp_arena_dup(set->arena, modes.ptr, modes.len);
	t->modes = own;
	for (size_t i = 0; i < modes.len; i++)
		t->in_database += own[i] != GP_VS_NONE;
	return NULL;
}

void gp_rule_cache_load(struct gp_rule_set *set)
{
	for (enum gp_rule_type type = 0; type < GP_RULE_TARGETS; type++) {
		struct gp_rule_target *t = &set->targets[type];

		if (t->rules.len == 0)
			t->no_vs = "no patterns";
		else if (!set->options.cache_dir)
			t->no_vs = "no cache directory is set";
		else if (!gp_vs_is_available())
			t->no_vs = "no vectorscan in this build, or none for this CPU";
		else
			t->no_vs = load_target(set, type);
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
	size_t n = t->rules.len;
	GP_FREE struct gp_vs_pattern *patterns = gp_xcalloc(n, sizeof(*patterns));
	GP_FREE uint8_t *modes = gp_xcalloc(n, 1);
	GP_BUF_AUTO db = GP_BUF_INIT(DATABASE_MAX);
	GP_BUF_AUTO rest = GP_BUF_INIT(DATABASE_MAX);
	GP_BUF_AUTO file = GP_BUF_INIT(DATABASE_MAX);
	struct file_header h = {.patterns = n};
	int r;

	for (size_t i = 0; i < n; i++)
		patterns[i] = pattern_of(t->rules.items[i]);
	r = gp_vs_compile(patterns, n, modes, &db, diag);
	if (r)
		return r;
	gp_buf_add(&rest, modes, n);
	gp_buf_add(&rest, gp_buf_cstr(&db), db.len);
	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(h.key, key, sizeof(h.key));
	gp_sha256(rest.data, rest.len, h.digest);
	gp_buf_add(&file, &h, sizeof(h));
	gp_buf_add(&file, gp_buf_cstr(&rest), rest.len);
	if (gp_buf_error(&rest) || gp_buf_error(&file)) {
		gp_diag_set(diag, "the database is over %zu bytes", DATABASE_MAX);
		return GP_ELIMIT;
	}
	return gp_file_replace(path, file.data, file.len, 0644, diag);
}

static bool is_current(const struct gp_rule_target *t, const char *path,
		       const unsigned char key[GP_SHA256_SIZE])
{
	GP_BUF_AUTO buf = GP_BUF_INIT(DATABASE_MAX);
	const char *reason;
	struct gp_str modes, db;

	return read_trusted(path, &buf, &reason) == GP_OK &&
	       unpack(gp_buf_str(&buf), key, t->rules.len, &modes, &db);
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
		if (t->rules.len == 0)
			continue;
		key_of(t, key);
		GP_FREE char *path = path_of(dir, type, key);
		int r = GP_OK;

		if (force || !is_current(t, path, key))
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
