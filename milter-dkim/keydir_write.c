/*
 * The key directory: changes, each under the lock of the domain's directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "milter-dkim/keydir_int.h"

#define DIR_MODE 0750
#define KEY_MODE 0600
#define TEXT_MODE 0644

/* A change under way. */
struct change {
	struct gp_arena *arena;
	const char *dir;    /* all domains' */
	const char *folder; /* the domain's */
	int fd;		    /* of the folder, locked */
	struct dkim_keydir now;
	struct gp_diag *diag;
};

static void change_done(struct change *c)
{
	gp_fd_close(&c->fd); /* and with it the lock */
	gp_arena_free(c->arena);
}
#define CHANGE_AUTO GP_CLEANUP(change_done) struct change

/* Gives a file to the owner of DIR, where we are root and the owner is not. */
static int hand_over(const struct change *c, const char *path)
{
	struct stat st;

	if (geteuid() != 0)
		return GP_OK;
	if (stat(c->dir, &st))
		return gp_diag_errno(c->diag, "%s", c->dir);
	if (lchown(path, st.st_uid, st.st_gid))
		return gp_diag_errno(c->diag, "%s: cannot be given to the owner of %s", path,
				     c->dir);
	return GP_OK;
}

static int make_folder(const struct change *c)
{
	if (mkdir(c->dir, DIR_MODE) && errno != EEXIST)
		return gp_diag_errno(c->diag, "%s", c->dir);
	if (mkdir(c->folder, DIR_MODE))
		return errno == EEXIST ? GP_OK : gp_diag_errno(c->diag, "%s", c->folder);
	return hand_over(c, c->folder);
}

/* Locks the domain's directory and reads its state. */
static int begin(struct change *c, const char *dir, struct gp_str domain, bool make,
		 struct gp_diag *diag)
{
	char folded[GP_DNS_NAME_MAX + 1];
	int r = dkim_keydir_fold(domain, folded, diag);

	*c = (struct change){.dir = dir, .fd = -1, .diag = diag};
	if (r)
		return r;
	c->arena = gp_arena_new(0);
	c->folder = gp_arena_printf(c->arena, "%s/%s", dir, folded);
	r = make ? make_folder(c) : GP_OK;
	if (r)
		return r;
	c->fd = open(c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0) {
		r = errno == ENOENT ? GP_ENOENT : GP_ESYS;
		gp_diag_errno(diag, "%s", c->folder);
		return r;
	}
	while (flock(c->fd, LOCK_EX))
		if (errno != EINTR)
			return gp_diag_errno(diag, "%s: cannot be locked", c->folder);
	return dkim_keydir_list(dir, gp_str(folded), c->arena, &c->now, diag);
}

/* A file of ours: whole or not at all, and owned as it should be. */
static int write_file(const struct change *c, const char *path, struct gp_str text, unsigned mode)
{
	int r = gp_file_replace(path, text.ptr, text.len, mode, c->diag);

	return r ? r : hand_over(c, path);
}

/* The state becomes what c->now says, also after a crash. */
static int commit(struct change *c)
{
	GP_BUF_AUTO text = GP_BUF_INIT(64 << 10);
	int r;

	gp_buf_add_cstr(&text, "# Written by Gatepost: selector, state, since when (seconds since "
			"1970).\n");
	for (size_t i = 0; i < c->now.keys.len; i++) {
		const struct dkim_keydir_key *key = &c->now.keys.items[i];

		gp_buf_printf(&text, "%.*s %s %lld\n", GP_STR_FMT(key->selector),
			      dkim_key_state_name(key->state), (long long)key->since_s);
	}
	r = write_file(c, c->now.path, gp_buf_str(&text), TEXT_MODE);
	if (r == GP_OK && fsync(c->fd))
		return gp_diag_errno(c->diag, "%s", c->folder);
	return r;
}

static int refuse_existing(const struct change *c, const struct dkim_keydir_key *key)
{
	if (!dkim_keydir_find(&c->now, key->selector) && access(key->path, F_OK) != 0)
		return GP_OK;
	gp_diag_set(c->diag, "%s is there already; choose another selector", key->path);
	return GP_EINVAL;
}

int dkim_keydir_add(const char *dir, struct gp_str domain, struct gp_str selector,
		    struct gp_str pem, struct gp_str record, int64_t now_s, struct gp_diag *diag)
{
	CHANGE_AUTO c;
	struct dkim_keydir_key key;
	int r = begin(&c, dir, domain, true, diag);

	if (r)
		return r;
	if (!dkim_selector_is_valid(selector)) {
		gp_diag_set(diag, "\"%.*s\" is not a selector", GP_STR_FMT(selector));
		return GP_EINVAL;
	}
	key = dkim_keydir_key(c.arena, dir, c.now.domain, selector);
	key.since_s = now_s;
	r = refuse_existing(&c, &key);
	if (r)
		return r;
	if (c.now.keys.len >= DKIM_KEYDIR_KEYS_MAX) {
		gp_diag_set(diag, "%s: too many selectors; remove retired ones", c.now.path);
		return GP_ELIMIT;
	}
	/* Without a state file every key signs: a crash behind the next line would let one sign
	 * whose record nobody has seen. */
	r = c.now.has_state ? GP_OK : commit(&c);
	if (r == GP_OK)
		r = write_file(&c, key.path, pem, KEY_MODE);
	if (r == GP_OK)
		r = write_file(&c, key.txt_path, record, TEXT_MODE);
	if (r)
		return r;
	*gp_vec_push(c.arena, &c.now.keys) = key;
	return commit(&c);
}

static void change_state(struct dkim_keydir_key *key, enum dkim_key_state state, int64_t now_s)
{
	if (key->state == state)
		return;
	key->state = state;
	key->since_s = now_s;
}

int dkim_keydir_switch(const char *dir, struct gp_str domain, int64_t now_s, struct gp_diag *diag)
{
	CHANGE_AUTO c;
	size_t n_prepared = 0;
	int r = begin(&c, dir, domain, false, diag);

	if (r)
		return r;
	for (size_t i = 0; i < c.now.keys.len; i++)
		n_prepared += c.now.keys.items[i].state == DKIM_KEY_PREPARED;
	if (n_prepared == 0) {
		gp_diag_set(diag, "%s: no key is prepared", c.now.path);
		return GP_ENOENT;
	}
	for (size_t i = 0; i < c.now.keys.len; i++) {
		struct dkim_keydir_key *key = &c.now.keys.items[i];

		change_state(key, key->state == DKIM_KEY_PREPARED ? DKIM_KEY_ACTIVE
								  : DKIM_KEY_RETIRED, now_s);
	}
	return commit(&c);
}

/* The key of that selector, or NULL with the diag set. */
static struct dkim_keydir_key *wanted(const struct change *c, struct gp_str selector)
{
	struct dkim_keydir_key *key = dkim_keydir_find(&c->now, selector);

	if (!key)
		gp_diag_set(c->diag, "%s: there is no selector \"%.*s\"", c->folder,
			    GP_STR_FMT(selector));
	return key;
}

int dkim_keydir_set(const char *dir, struct gp_str domain, struct gp_str selector,
		    enum dkim_key_state state, int64_t now_s, struct gp_diag *diag)
{
	CHANGE_AUTO c;
	struct dkim_keydir_key *key;
	int r = begin(&c, dir, domain, false, diag);

	if (r)
		return r;
	key = wanted(&c, selector);
	if (!key)
		return GP_ENOENT;
	change_state(key, state, now_s);
	return commit(&c);
}

int dkim_keydir_remove(const char *dir, struct gp_str domain, struct gp_str selector,
		       struct gp_diag *diag)
{
	CHANGE_AUTO c;
	struct dkim_keydir_key *key, gone;
	int r = begin(&c, dir, domain, false, diag);

	if (r)
		return r;
	key = wanted(&c, selector);
	if (!key)
		return GP_ENOENT;
	gone = *key;
	if (gone.state == DKIM_KEY_ACTIVE) {
		gp_diag_set(diag, "%s signs now; switch to another key first", gone.path);
		return GP_EINVAL;
	}
	for (struct dkim_keydir_key *end = &c.now.keys.items[--c.now.keys.len]; key < end; key++)
		*key = key[1];
	r = commit(&c);
	if (r)
		return r;
	if ((unlink(gone.path) && errno != ENOENT) || (unlink(gone.txt_path) && errno != ENOENT))
		return gp_diag_errno(diag, "%s", gone.path);
	return GP_OK;
}
