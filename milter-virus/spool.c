/*
 * Messages in memory files; see the header.
 */
#include "milter-virus/spool.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/fd.h"
#include "lib/base/metric.h"

/* Most messages fit: they cost one write.  Longer ones go on in pieces of what the MTA sends. */
#define HEAD_MAX 262144u

static _Atomic int64_t held;
static struct gp_metric held_gauge =
	GP_GAUGE("gatepost_virus_held_bytes", "Memory of messages that are under way.");

void virus_spool_register_metrics(void)
{
	gp_metric_register(&held_gauge);
}

void virus_spool_begin(struct virus_spool *s, uint64_t size_max)
{
	*s = (struct virus_spool){.fd = -1, .size_max = size_max};
	gp_buf_init(&s->head, HEAD_MAX);
}

/* Room for n bytes more, of what all messages may hold.  Where there is none the message's own goes
 * to those that come beside it, in the same step: else all of a crowd could meet the bound at the
 * same time, each because of the others, and none got through. */
static bool claim(struct virus_spool *s, size_t n, uint64_t held_max)
{
	int64_t before = atomic_load(&held), after;

	do
		after = before + (int64_t)n <= (int64_t)held_max ? before + (int64_t)n
								 : before - (int64_t)s->kept;
	while (!atomic_compare_exchange_weak(&held, &before, after));
	gp_metric_add(&held_gauge, after - before);
	s->kept = after > before ? s->kept + n : 0;
	return after > before;
}

/* Nothing of it is kept any longer. */
static void let_go(struct virus_spool *s)
{
	gp_buf_done(&s->head);
	gp_fd_close(&s->fd);
	atomic_fetch_sub(&held, (int64_t)s->kept);
	gp_metric_add(&held_gauge, -(int64_t)s->kept);
	s->kept = 0;
}

static void write_out(struct virus_spool *s, const void *data, size_t len)
{
	if (s->fd < 0)
		s->fd = gp_memfd_open("message");
	if (s->fd < 0 || gp_fd_write_all(s->fd, data, len) < 0)
		s->err = GP_ESYS;
}

static void flush(struct virus_spool *s)
{
	write_out(s, s->head.data, s->head.len);
	gp_buf_done(&s->head);
}

void virus_spool_add(struct virus_spool *s, uint64_t held_max, const void *data, size_t len)
{
	size_t n = (size_t)GP_MIN((uint64_t)len, s->size_max - s->kept);

	s->size += len;
	if (s->err || n == 0)
		return;
	if (!claim(s, n, held_max)) {
		let_go(s);
		s->err = GP_ELIMIT;
		return;
	}
	if (s->fd < 0 && s->head.len + n <= HEAD_MAX) {
		gp_buf_add(&s->head, data, n);
		return;
	}
	if (s->fd < 0)
		flush(s);
	if (!s->err)
		write_out(s, data, n);
}

int virus_spool_finish(struct virus_spool *s)
{
	if (!s->err && s->fd < 0)
		flush(s);
	if (!s->err && gp_memfd_seal(s->fd) < 0)
		s->err = GP_ESYS;
	return s->err;
}

void virus_spool_done(struct virus_spool *s)
{
	let_go(s);
}

int virus_spool_digest(int fd, uint64_t size, unsigned char ret[32])
{
	void *bytes = NULL;

	if (size > 0)
		bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return GP_ESYS;
	gp_sha256(bytes, size, ret);
	if (bytes)
		munmap(bytes, size);
	return GP_OK;
}

int virus_spool_text(struct gp_str text)
{
	int fd = gp_memfd_open("text");

	if (fd >= 0 && (gp_fd_write_all(fd, text.ptr, text.len) < 0 || gp_memfd_seal(fd) < 0))
		gp_fd_close(&fd);
	return fd;
}

int64_t virus_spool_held(void)
{
	return atomic_load(&held);
}
