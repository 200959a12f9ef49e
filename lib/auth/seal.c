/*
 * The seal: HMAC-SHA-256 over "QUEUE-ID NUL VALUE-WITHOUT-WHITE-SPACE", and the file
 * with its key.
 */
#include "lib/auth/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/codec.h"
#include "lib/base/digest.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/rand.h"

#define KEY_MIN 32
#define KEY_MAX 4096
#define SEAL_PREFIX "v=1;"

struct gp_seal_key {
	size_t len;
	unsigned char bytes[];
};

static int check_owner(int fd, const char *path, struct gp_diag *diag)
{
	struct stat st;

	if (fstat(fd, &st))
		return gp_diag_errno(diag, "%s", path);
	if (!S_ISREG(st.st_mode)) {
		gp_diag_set(diag, "%s: not a file", path);
		return GP_EINVAL;
	}
	if (st.st_mode & (S_IRWXO | S_IWGRP)) {
		gp_diag_set(diag, "%s: others may read it, or the group may write it; run: chmod 0640 %s",
			    path, path);
		return GP_EACCES;
	}
	return GP_OK;
}

int gp_seal_key_load(const char *path, struct gp_seal_key **ret, struct gp_diag *diag)
{
	GP_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct gp_seal_key *key;
	ssize_t n;
	int r;

	if (fd < 0) {
		r = errno == ENOENT ? GP_ENOENT : errno == EACCES ? GP_EACCES : GP_ESYS;
		gp_diag_errno(diag, "%s", path);
		return r;
	}
	r = check_owner(fd, path, diag);
	if (r)
		return r;
	key = gp_xcalloc(1, sizeof(*key) + KEY_MAX + 1);
	n = read(fd, key->bytes, KEY_MAX + 1);
	if (n >= KEY_MIN && n <= KEY_MAX) {
		key->len = (size_t)n;
		*ret = key;
		return GP_OK;
	}
	if (n < 0)
		r = gp_diag_errno(diag, "%s", path);
	else
		gp_diag_set(diag, "%s: a key has %d to %d bytes", path, KEY_MIN, KEY_MAX);
	gp_wipe_free(key, sizeof(*key) + KEY_MAX + 1);
	return n < 0 ? r : GP_EINVAL;
}

int gp_seal_key_create(const char *path, struct gp_diag *diag)
{
	unsigned char bytes[KEY_MIN];
	GP_BUF_AUTO text = GP_BUF_INIT(2 * KEY_MIN + 1);
	int r;

	if (!access(path, F_OK))
		return GP_OK;
	gp_rand_bytes(bytes, sizeof(bytes));
	gp_hex_encode(bytes, sizeof(bytes), &text);
	gp_buf_add_chr(&text, '\n');
	r = gp_file_create(path, text.data, text.len, 0640, diag);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text.data, text.len);
	return r == GP_EINVAL ? GP_OK : r; /* somebody else was faster */
}

void gp_seal_key_free(struct gp_seal_key **key)
{
	if (*key)
		gp_wipe_free(*key, sizeof(**key) + KEY_MAX + 1);
	*key = NULL;
}

static void add_packed(struct gp_buf *out, struct gp_str s)
{
	struct gp_str word;

	while (gp_str_next_word(&s, &word))
		gp_buf_add_str(out, word);
}

static void mac(const struct gp_seal_key *key, struct gp_str queue_id, struct gp_str authres,
		unsigned char ret[GP_SHA256_SIZE])
{
	GP_BUF_AUTO text = GP_BUF_INIT(queue_id.len + 1 + authres.len);

	gp_buf_add_str(&text, queue_id);
	gp_buf_add_chr(&text, '\0');
	add_packed(&text, authres);
	gp_hmac_sha256(key->bytes, key->len, text.data, text.len, ret);
}

struct gp_str gp_seal_make(struct gp_arena *arena, const struct gp_seal_key *key,
			   struct gp_str queue_id, struct gp_str authres)
{
	GP_BUF_AUTO text = GP_BUF_INIT(sizeof(SEAL_PREFIX) + 1 + 2 * GP_SHA256_SIZE);
	unsigned char digest[GP_SHA256_SIZE];

	mac(key, queue_id, authres, digest);
	gp_buf_add_cstr(&text, SEAL_PREFIX " ");
	gp_hex_encode(digest, sizeof(digest), &text);
	return gp_arena_str(arena, gp_buf_str(&text));
}

bool gp_seal_is_valid(const struct gp_seal_key *key, struct gp_str queue_id, struct gp_str authres,
		      struct gp_str seal)
{
	GP_BUF_AUTO packed = GP_BUF_INIT(sizeof(SEAL_PREFIX) + 2 * GP_SHA256_SIZE);
	GP_BUF_AUTO given = GP_BUF_INIT(GP_SHA256_SIZE);
	unsigned char digest[GP_SHA256_SIZE];
	struct gp_str text;

	mac(key, queue_id, authres, digest);
	add_packed(&packed, seal);
	text = gp_buf_str(&packed);
	if (gp_buf_error(&packed) || !gp_str_starts(text, GP_STR(SEAL_PREFIX)) ||
	    gp_hex_decode(gp_str_sub(text, sizeof(SEAL_PREFIX) - 1, text.len), &given) ||
	    given.len != sizeof(digest))
		return false;
	return gp_digest_equal(given.data, digest, sizeof(digest)) && queue_id.len;
}
