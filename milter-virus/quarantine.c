/*
 * The quarantine folder; see the header.
 */
#include "milter-virus/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/jsonline.h"
#include "lib/base/rand.h"

#define DESCRIPTION_MAX 65536
#define ADDRESS_MAX 320
#define CHUNK 65536
#define MODE 0640

/* Queue ids are letters and digits; one that is not, or is missing, is not used. */
static bool is_plain(struct gp_str id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!((id.ptr[i] >= '0' && id.ptr[i] <= '9') || ((id.ptr[i] | 0x20) >= 'a' && (id.ptr[i] | 0x20) <= 'z')))
			return false;
	return id.len > 0 && id.len <= 32;
}

static void make_name(const struct gp_session *s, char *ret, size_t size)
{
	time_t now = (time_t)gp_clock_real_s();
	char when[32];
	struct tm tm;
	uint32_t random; /* an MTA may use an id again at once */

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	gp_rand_bytes(&random, sizeof(random));
	snprintf(ret, size, "%s-%.*s-%08x", when,
		 GP_STR_FMT(is_plain(s->msg.queue_id) ? s->msg.queue_id : GP_STR("noid")), random);
}

static void add_recipients(struct gp_jsonline *j, const struct gp_session *s)
{
	gp_jsonline_open(j, "to", '[');
	for (size_t i = 0; i < s->msg.rcpts.len; i++)
		gp_jsonline_str(j, NULL, s->msg.rcpts.items[i].address, ADDRESS_MAX);
	gp_jsonline_close(j);
}

static struct gp_str describe(struct gp_jsonline *j, const struct gp_session *s,
			      const struct virus_verdict *verdict, uint64_t size)
{
	char ip[GP_IP_TEXT];

	gp_jsonline_begin(j, DESCRIPTION_MAX);
	gp_jsonline_int(j, "time", gp_clock_real_s());
	gp_jsonline_str(j, "queue_id", s->msg.queue_id, 64);
	gp_jsonline_cstr(j, "outcome", virus_outcome_name(verdict->outcome));
	if (verdict->outcome == VIRUS_SCANNED_FOUND)
		gp_jsonline_cstr(j, "category", virus_category_name(verdict->category));
	gp_jsonline_cstr(j, "name", verdict->name);
	gp_jsonline_int(j, "size", (int64_t)size);
	gp_jsonline_cstr(j, "client", s->client.family ? gp_ip_format(&s->client, ip) : "local");
	gp_jsonline_str(j, "helo", s->helo, ADDRESS_MAX);
	gp_jsonline_str(j, "user", s->msg.auth_user, ADDRESS_MAX);
	gp_jsonline_str(j, "from", s->msg.from, ADDRESS_MAX);
	gp_jsonline_int(j, "recipients", (int64_t)s->msg.n_rcpts_seen);
	add_recipients(j, s); /* last: what does not fit is left out */
	return gp_jsonline_finish(j);
}

static int copy_message(int to, const struct virus_spool *spool, size_t skip)
{
	char chunk[CHUNK];
	uint64_t at = skip;

	while (at < spool->kept) {
		ssize_t n = pread(spool->fd, chunk, GP_MIN(spool->kept - at, (uint64_t)CHUNK), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || gp_fd_write_all(to, chunk, (size_t)n) < 0)
			return -1;
		at += (uint64_t)n;
	}
	return 0;
}

/* Under another name until it is whole and on disk. */
static int write_message(int folder, const char *name, const struct virus_spool *spool, size_t skip)
{
	char partial[96], whole[96];
	GP_FD_AUTO fd = -1;

	snprintf(partial, sizeof(partial), ".%s.tmp", name);
	snprintf(whole, sizeof(whole), "%s.eml", name);
	fd = openat(folder, partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
	if (fd < 0)
		return -1;
	if (copy_message(fd, spool, skip) == 0 && fsync(fd) == 0 &&
	    renameat(folder, partial, folder, whole) == 0 && fsync(folder) == 0)
		return 0;
	(void)unlinkat(folder, partial, 0);
	return -1;
}

static int write_description(int folder, const char *file, struct gp_str text)
{
	GP_FD_AUTO fd = openat(folder, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);

	if (fd < 0)
		return -1;
	if (gp_fd_write_all(fd, text.ptr, text.len) == 0 && gp_fd_write_all(fd, "\n", 1) == 0 &&
	    fsync(fd) == 0)
		return 0;
	(void)unlinkat(folder, file, 0);
	return -1;
}

int virus_quarantine(const char *folder, const struct gp_session *s, const struct virus_spool *spool,
		     size_t skip, const struct virus_verdict *verdict, struct gp_diag *diag)
{
	GP_FD_AUTO dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[64], file[96];
	struct gp_jsonline j;
	int r = 0;

	if (dir < 0)
		return gp_diag_errno(diag, "%s", folder);
	make_name(s, name, sizeof(name));
	snprintf(file, sizeof(file), "%s.json", name);
	if (write_description(dir, file, describe(&j, s, verdict, spool->size - skip)) < 0) {
		r = gp_diag_errno(diag, "%s/%s", folder, file);
	} else if (write_message(dir, name, spool, skip) < 0) {
		r = gp_diag_errno(diag, "%s/%s", folder, name);
		(void)unlinkat(dir, file, 0);
	}
	gp_jsonline_done(&j);
	return r;
}
