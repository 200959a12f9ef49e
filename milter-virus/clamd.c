/*
 * clamd's protocol; see the header.
 *
 * "z" commands end in NUL, and so do their answers.  INSTREAM is followed by pieces, each with
 * its length before it (32 bits, network order), and a length of 0.
 */
#include "milter-virus/clamd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/io/breaker.h"
#include "lib/io/dial.h"

#define PIECE 65536u
#define ANSWER_MAX 1024u
/* A server that is there takes a connection at once. */
#define CONNECT_MS 3000
#define TRIES_MAX 2
#define TICK_MS 5000 /* of signs of life to the MTA */

/* One that takes connections and answers nobody stands behind the others for a while. */
#define LATE_MAX 3

struct server {
	const char *address;
	struct gp_breaker breaker;   /* for connecting */
	atomic_uint late;	     /* scans in a row that were not answered in time */
	_Atomic int64_t late_until_ms; /* with LATE_MAX of them: it stands behind the others */
};

struct virus_clamd {
	int64_t rest_ms;
	size_t n;
	struct server servers[];
};

static void done(void *arg)
{
	struct virus_clamd *c = arg;

	for (size_t i = 0; i < c->n; i++)
		gp_breaker_done(&c->servers[i].breaker);
}

struct virus_clamd *virus_clamd_new(const char *const *servers, size_t n, int64_t rest_ms,
				    struct gp_arena *arena)
{
	struct virus_clamd *c = gp_arena_zalloc(arena, sizeof(*c) + n * sizeof(c->servers[0]));

	c->rest_ms = rest_ms;
	c->n = n;
	for (size_t i = 0; i < n; i++) {
		c->servers[i].address = gp_arena_strdup(arena, servers[i]);
		gp_breaker_init(&c->servers[i].breaker, rest_ms);
	}
	gp_arena_on_end(arena, done, c);
	return c;
}

/* A connection to a server, or the reason why there is none. */
static int reach(struct server *s, struct gp_dial *d, int64_t deadline_ms, struct gp_diag *diag)
{
	int64_t now_ms = gp_clock_mono_ms(), until_ms = GP_MIN(deadline_ms, now_ms + CONNECT_MS);
	int r;

	if (now_ms >= deadline_ms) { /* others have used its time up */
		gp_diag_set(diag, "%s: no time was left to ask it", s->address);
		return GP_ETEMP;
	}
	if (!gp_breaker_pass(&s->breaker)) {
		gp_diag_set(diag, "%s: it was away a moment ago", s->address);
		return GP_ETEMP;
	}
	r = gp_dial_open(d, s->address, until_ms, diag);
	d->deadline_ms = deadline_ms;
	gp_breaker_report(&s->breaker, r == GP_OK ? GP_BREAKER_GOOD : GP_BREAKER_BAD);
	if (r < 0)
		gp_diag_prepend(diag, "%s", s->address);
	return r;
}

/* gp_dial_read, with signs of life in between. */
static int read_some(struct gp_dial *d, const struct virus_clamd_request *r, char *buf, size_t size,
		     size_t *ret_n, struct gp_diag *diag)
{
	for (;;) {
		int64_t now_ms = gp_clock_mono_ms();
		int result;

		d->deadline_ms = GP_MIN(r->deadline_ms, now_ms + TICK_MS);
		result = gp_dial_read(d, buf, size, ret_n, diag);
		now_ms = gp_clock_mono_ms();
		if (result == GP_OK || now_ms < d->deadline_ms || now_ms >= r->deadline_ms)
			return result;
		if (r->tick)
			r->tick(r->arg);
	}
}

/* The answer without its NUL; GP_ETEMP if there is none. */
static int read_answer(struct gp_dial *d, const struct virus_clamd_request *r, char *buf,
		       size_t size, struct gp_diag *diag)
{
	size_t len = 0, n;

	while (len + 1 < size) {
		if (read_some(d, r, buf + len, size - 1 - len, &n, diag) < 0)
			return GP_ETEMP;
		if (n == 0 && len == 0) {
			gp_diag_set(diag, "it closed the connection");
			return GP_ETEMP;
		}
		if (n > 0 && memchr(buf + len, '\0', n))
			return GP_OK;
		len += n;
		if (n == 0)
			break;
	}
	buf[len] = '\0';
	return GP_OK;
}

static int send_pieces(struct gp_dial *d, const struct virus_clamd_request *r, struct gp_diag *diag)
{
	char piece[sizeof(uint32_t) + PIECE];
	uint64_t at = 0;

	for (;;) {
		ssize_t n = pread(r->fd, piece + sizeof(uint32_t), GP_MIN(r->size - at, PIECE), (off_t)at);
		uint32_t len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gp_diag_errno(diag, "reading the message");
		len = htonl((uint32_t)n);
		memcpy(piece, &len, sizeof(len));
		if (gp_dial_write(d, piece, sizeof(len) + (size_t)n, diag) < 0)
			return GP_ETEMP;
		if (n == 0)
			return GP_OK;
		at += (uint64_t)n;
	}
}

/* "stream: OK", "stream: NAME FOUND", "… ERROR". */
static void take_answer(struct gp_str line, struct virus_clamd_answer *ret)
{
	static const struct {
		struct gp_str end;
		enum virus_clamd_status status;
	} ends[] = {
		{{" FOUND", 6}, VIRUS_CLAMD_FOUND},
		{{"size limit exceeded. ERROR", 26}, VIRUS_CLAMD_TOO_LARGE},
		{{" ERROR", 6}, VIRUS_CLAMD_FAILED},
	};
	struct gp_str said = line;

	if (gp_str_starts(said, GP_STR("stream: ")))
		said = gp_str_sub(said, 8, said.len);
	ret->status = gp_str_eq(said, GP_STR("OK")) ? VIRUS_CLAMD_CLEAN : VIRUS_CLAMD_FAILED;
	for (size_t i = 0; i < GP_ARRAY_SIZE(ends); i++) {
		if (!gp_str_iends(line, ends[i].end))
			continue;
		ret->status = ends[i].status;
		if (ret->status == VIRUS_CLAMD_FOUND)
			said.len -= ends[i].end.len;
		break;
	}
	(void)gp_str_copy(ret->text, sizeof(ret->text), ret->status == VIRUS_CLAMD_CLEAN ? GP_STR("") : said);
}

/* One server, one scan.  It may answer before it has all, and then close: what it said counts. */
static void scan_at(struct gp_dial *d, const struct virus_clamd_request *r,
		    struct virus_clamd_answer *ret, struct gp_diag *diag)
{
	static const char command[] = "zINSTREAM";
	char answer[ANSWER_MAX];
	int result = gp_dial_write(d, command, sizeof(command), diag);

	if (result == GP_OK)
		result = send_pieces(d, r, diag);
	if (result != GP_ESYS && gp_clock_mono_ms() < r->deadline_ms &&
	    read_answer(d, r, answer, sizeof(answer), diag) == GP_OK) {
		take_answer(gp_str(answer), ret);
		return;
	}
	ret->status = result == GP_ESYS				? VIRUS_CLAMD_FAILED
		      : gp_clock_mono_ms() >= r->deadline_ms ? VIRUS_CLAMD_LATE
								: VIRUS_CLAMD_LOST;
	(void)gp_str_copy(ret->text, sizeof(ret->text), gp_str(diag->text));
}

static void note_time(struct virus_clamd *c, struct server *s, enum virus_clamd_status status)
{
	if (status != VIRUS_CLAMD_LATE)
		atomic_store(&s->late, 0);
	else if (atomic_fetch_add(&s->late, 1) + 1 >= LATE_MAX)
		atomic_store(&s->late_until_ms, gp_clock_mono_ms() + c->rest_ms);
}

/* The servers in their order, those that answer nobody last.  After a rest one message tries such a
 * one first: for the others it rests on until that is answered, or late too. */
static void set_order(struct virus_clamd *c, const struct virus_clamd_request *request,
		      struct server *ret[VIRUS_CLAMD_SERVERS_MAX])
{
	struct server *late[VIRUS_CLAMD_SERVERS_MAX];
	int64_t now_ms = gp_clock_mono_ms();
	size_t n = 0, n_late = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct server *s = &c->servers[i];
		int64_t until_ms = atomic_load(&s->late_until_ms);

		if (atomic_load(&s->late) < LATE_MAX ||
		    (now_ms >= until_ms && atomic_compare_exchange_strong(&s->late_until_ms, &until_ms,
									  request->deadline_ms)))
			ret[n++] = s;
		else
			late[n_late++] = s;
	}
	for (size_t i = 0; i < n_late; i++)
		ret[n++] = late[i];
}

void virus_clamd_scan(struct virus_clamd *c, const struct virus_clamd_request *request,
		      struct virus_clamd_answer *ret)
{
	struct server *servers[VIRUS_CLAMD_SERVERS_MAX];
	struct gp_diag diag = {""};

	*ret = (struct virus_clamd_answer){.status = VIRUS_CLAMD_DOWN};
	set_order(c, request, servers);
	for (size_t i = 0; i < c->n && ret->tries < TRIES_MAX; i++) {
		struct gp_dial d;

		if (reach(servers[i], &d, request->deadline_ms, &diag) < 0) {
			if (ret->tries == 0)
				(void)gp_str_copy(ret->text, sizeof(ret->text), gp_str(diag.text));
			continue;
		}
		ret->tries++;
		ret->server = servers[i]->address;
		scan_at(&d, request, ret, &diag);
		gp_dial_close(&d);
		note_time(c, servers[i], ret->status);
		if (ret->status != VIRUS_CLAMD_LOST)
			return;
	}
}

int virus_clamd_version(struct virus_clamd *c, int64_t deadline_ms, char *ret, size_t size,
			struct gp_diag *diag)
{
	static const char command[] = "zVERSION";
	int r = GP_ETEMP;

	for (size_t i = 0; i < c->n && r != GP_OK; i++) {
		int64_t now_ms = gp_clock_mono_ms();
		/* One that hangs leaves the others their share of the time. */
		struct virus_clamd_request request = {
			.deadline_ms = now_ms + (deadline_ms - now_ms) / (int64_t)(c->n - i)};
		struct gp_dial d;

		if (reach(&c->servers[i], &d, request.deadline_ms, diag) < 0)
			continue;
		r = gp_dial_write(&d, command, sizeof(command), diag);
		if (r == GP_OK)
			r = read_answer(&d, &request, ret, size, diag);
		if (r < 0)
			gp_diag_prepend(diag, "%s", c->servers[i].address);
		gp_dial_close(&d);
	}
	return r;
}
