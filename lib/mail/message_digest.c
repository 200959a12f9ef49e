/*
 * The identity of a message for learning (DESIGN 4.8).
 *
 * The digest must be the same whatever carried the message: the milter sees it
 * before the MTA has touched it, LMTP delivers it with lines over 998 bytes
 * folded, IMAP gives back what Dovecot stored.  What these change is white
 * space (line ends, folds, a missing last line end) and NUL, which Dovecot
 * stores as 0x80; so white space is left out and NUL is read as 0x80.  Trace and
 * filter headers are left out because only four fields go in.
 *
 * Only the first 256 KiB of the body count, so that programs with different
 * body_max agree.  Version 1; another recipe needs another first byte.
 */
#include "lib/base/digest.h"
#include "lib/mail/message.h"

#define DIGEST_VERSION "1"
#define DIGEST_BODY_MAX (256u << 10)

struct feed {
	struct gp_sha256 *sha;
	size_t len, left;
	unsigned char buf[4096];
};

static void flush(struct feed *f)
{
	gp_sha256_add(f->sha, f->buf, f->len);
	f->len = 0;
}

static void add(struct feed *f, struct gp_str s)
{
	for (size_t i = 0; i < s.len && f->left; i++) {
		if (gp_is_space(s.ptr[i]))
			continue;
		f->buf[f->len++] = s.ptr[i] ? (unsigned char)s.ptr[i] : 0x80;
		f->left--;
		if (f->len == sizeof(f->buf))
			flush(f);
	}
}

void gp_message_digest(const struct gp_message *m, unsigned char ret_digest[32])
{
	static const char *const fields[] = {"from", "date", "message-id", "subject"};
	struct feed f = {.sha = gp_sha256_begin()};

	f.left = SIZE_MAX;
	add(&f, GP_STR(DIGEST_VERSION));
	for (size_t i = 0; i < GP_ARRAY_SIZE(fields); i++) {
		const struct gp_header *h = gp_message_header(m, fields[i]);

		flush(&f);
		gp_sha256_add(f.sha, "\n", 1); /* keeps the fields apart: no field holds one here */
		if (h)
			add(&f, h->raw);
	}
	flush(&f);
	gp_sha256_add(f.sha, "\n", 1);
	f.left = DIGEST_BODY_MAX;
	add(&f, m->body);
	flush(&f);
	gp_sha256_finish(f.sha, ret_digest);
}
