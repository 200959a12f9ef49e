/*
 * The key directory: changes, each under the lock of the domain's directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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
	bool is_owner;	    /* root, acting as the owner of `dir` … */
	gid_t group;	    /* … and its own group, to go back to */
	struct dkim_keydir now;
	struct gp_diag *diag;
};

static void change_done(struct change *c)
{
	if (c->is_owner && (seteuid(0) || setegid(c->group)))
		abort(); /* not half of two users */
	gp_fd_close(&c->fd); /* and with it the lock */
	gp_arena_free(c->arena);
}
#define CHANGE_AUTO GP_CLEANUP(change_done) struct change

/* Root acts as the owner of DIR, where that is another: files get the owner that the filter
 * needs, and a link that he laid leads no further than he may go himself. */
static int become_owner(struct change *c)
{
	struct stat st;

	if (geteuid() != 0 || stat(c->dir, &st) || st.st_uid == 0)
		return GP_OK; /* a folder that is not there will be made by root, for root */
	c->is_owner = true;
	c->group = getegid();
	if (setegid(st.st_gid) || seteuid(st.st_uid))
		return gp_diag_errno(c->diag, "%s: its owner cannot be impersonated", c->dir);
	return GP_OK;
}

static int make_folder(const struct change *c)
{
	if (mkdir(c->dir, DIR_MODE) && errno != EEXIST)
		return gp_diag_errno(c->diag, "%s", c->dir);
	if (mkdir(c->folder, DIR_MODE) && errno != EEXIST)
		return gp_diag_errno(c->diag, "%s", c->folder);
	return GP_OK;
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
	r = become_owner(c);
	if (r == GP_OK && make)
		r = make_folder(c);
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
	r = gp_file_replace(c->now.path, text.data, text.len, TEXT_MODE, c->diag);
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
		r = gp_file_replace(key.path, pem.ptr, pem.len, KEY_MODE, diag);
	if (r == GP_OK)
		r = gp_file_replace(key.txt_path, record.ptr, record.len, TEXT_MODE, diag);
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
