/*
 * Private key files: who may read them, and what is wrong with one, in words.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/auth/crypto.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"

/* A buffer that held a secret. */
static void wipe_done(struct gp_buf *b)
{
	gp_wipe_free(b->data, b->cap);
	*b = GP_BUF_INIT(b->max);
}

static int check_mode(const char *path, int fd, struct gp_diag *diag)
{
	struct stat st;

	if (fstat(fd, &st))
		return gp_diag_errno(diag, "%s", path);
	if (!S_ISREG(st.st_mode)) {
		gp_diag_set(diag, "%s: is not a file", path);
		return GP_EINVAL;
	}
	if (st.st_mode & (S_IRWXO | S_IWGRP)) {
		gp_diag_set(diag, "%s: mode %04o lets others %s the key; run `chmod %s '%s'`", path,
			    (unsigned)st.st_mode & 07777u,
			    st.st_mode & (S_IWOTH | S_IWGRP) ? "change" : "read",
			    st.st_mode & S_IRGRP ? "0640" : "0600", path);
		return GP_EACCES;
	}
	return GP_OK;
}

int gp_key_load(const char *path, struct gp_key **ret, struct gp_diag *diag)
{
	GP_CLEANUP(wipe_done) struct gp_buf pem = GP_BUF_INIT(GP_MAX_KEY_FILE);
	/* Not blocking, should it be a pipe. */
	GP_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0) {
		if (errno != ENOENT)
			return gp_diag_errno(diag, "%s", path);
		gp_diag_set(diag, "%s: is not there; make a key with `gatepost dkim genkey`", path);
		return GP_ENOENT;
	}
	r = check_mode(path, fd, diag);
	if (r)
		return r;
	/* At once, so that no smaller copy of the secret is left behind by growing. */
	(void)gp_buf_reserve(&pem, GP_MAX_KEY_FILE);
	r = gp_fd_read_all(fd, &pem);
	if (r == GP_ELIMIT) {
		gp_diag_set(diag, "%s: is larger than any key", path);
		return GP_EINVAL;
	}
	if (r)
		return gp_diag_errno(diag, "%s", path);
	r = gp_key_from_pem(gp_buf_str(&pem), ret, diag);
	if (r)
		gp_diag_prepend(diag, "%s", path);
	return r;
}
