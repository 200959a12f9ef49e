/*
 * systemd's journal; see the header.
 */
#include "controller/maillog_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "controller/maillog_file.h"
#include "controller/maillog_journal_access.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/daemon/sandbox.h"

#define PAST_MAX 100000 /* entries that are read at the first start */
#define WAIT_MS 1000	/* at most, and after a failure */
#define PREFIX_MAX 512	/* time, host, program, process */

struct journal {
	struct maillog_source base;
	char *folder;
	char **units;
	size_t n_units;
	int stop_fd;
	sd_journal *sd;		      /* NULL: not open, or it failed */
	struct maillog_position here; /* where to begin, or what was read last */
	bool is_at_end;	      /* when it was looked for more the last time */
	bool is_on_next;      /* it stands on the next entry already */
	uint64_t looked_us;   /* when that was */
	uint64_t complete_us; /* up to here nothing can have been missed */
	struct maillog_losses losses;
	struct gp_buf line;
};

static struct journal *of(struct maillog_source *s)
{
	return (struct journal *)s;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int fail(struct gp_diag *diag, int error, const char *what)
{
	errno = -error;
	return gp_diag_errno(diag, "journal: %s", what);
}

/* Goes on where it is, when it is opened again. */
static void shut(struct journal *j)
{
	if (j->sd)
		sd_journal_close(j->sd);
	j->sd = NULL;
	j->is_on_next = false;
}

/* Opening. */

static int add_units(struct journal *j)
{
	int r = 0;

	for (size_t i = 0; i < j->n_units && r >= 0; i++)
		r = sd_journal_add_match(j->sd, j->units[i], 0);
	return r;
}

/* "t=…;x=…" of a cursor, the time and a hash of the entry, which it keeps in another file: journald
 * copies /run/log/journal to the disk.  "": not there. */
static struct gp_str lasting_part(struct gp_str cursor)
{
	return gp_str_sub(cursor, gp_str_find(cursor, GP_STR(";t="), 0), cursor.len);
}

/* Is this the entry that was read last? */
static bool is_read_last(struct journal *j)
{
	struct gp_str last = lasting_part(gp_str(j->here.cursor));
	char *cursor = NULL;
	bool is_it;

	if (sd_journal_test_cursor(j->sd, j->here.cursor) > 0)
		return true;
	is_it = last.len > 0 && sd_journal_get_cursor(j->sd, &cursor) >= 0 &&
		gp_str_eq(lasting_part(gp_str(cursor)), last);
	free(cursor);
	return is_it;
}

/* Onto the entry that was read last, or before the first one to read. */
static int seek(struct journal *j)
{
	int r;

	if (*j->here.cursor) {
		r = sd_journal_seek_cursor(j->sd, j->here.cursor);
		if (r >= 0)
			r = sd_journal_next(j->sd);
		if (r < 0)
			return r;
		if (r > 0 && is_read_last(j))
			return 0;
		j->losses.gone++;
		*j->here.cursor = '\0';
		j->here.offset++;
	}
	return sd_journal_seek_realtime_usec(j->sd, j->here.offset);
}

static int open_journal(struct journal *j, struct gp_diag *diag)
{
	uint64_t bytes = 0, seen_us = now_us();
	int r = *j->folder ? sd_journal_open_directory(&j->sd, j->folder, 0)
			   : sd_journal_open(&j->sd, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);

	if (r < 0) {
		j->sd = NULL;
		return fail(diag, r, *j->folder ? j->folder : "open");
	}
	r = sd_journal_get_usage(j->sd, &bytes);
	if (r >= 0 && bytes == 0) {
		maillog_journal_explain(j->folder, diag);
		shut(j);
		return GP_EACCES;
	}
	if (r >= 0)
		r = sd_journal_set_data_threshold(j->sd, MAILLOG_LINE_MAX);
	if (r >= 0)
		r = sd_journal_get_fd(j->sd); /* from now on it notices new files */
	if (r >= 0)
		r = add_units(j);
	if (r < 0) {
		shut(j);
		return fail(diag, r, "open");
	}
	j->complete_us = seen_us; /* what is older is in files that are open */
	return GP_OK;
}

static int open_at(struct journal *j, struct gp_diag *diag)
{
	int r = open_journal(j, diag);

	if (r < 0)
		return r;
	r = seek(j);
	if (r < 0)
		shut(j);
	return r < 0 ? fail(diag, r, "seek") : GP_OK;
}

/* Entries. */

/* A field without its name; false: the entry has none. */
static bool get_field(struct journal *j, const char *name, struct gp_str *ret)
{
	size_t skipped = strlen(name) + 1, len = 0;
	const void *data = NULL;

	if (sd_journal_get_data(j->sd, name, &data, &len) < 0 || len < skipped)
		return false;
	*ret = gp_str_n((const char *)data + skipped, len - skipped);
	return true;
}

/* What the sender calls itself must not look like more than a name. */
static bool is_name(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_alnum(s.ptr[i]) && !memchr("/_.-", s.ptr[i], 4))
			return false;
	return s.len > 0;
}

/* "2026-11-21T20:19:42.000000Z journal postfix/smtpd[7]: text"; "": nothing that could be
 * Postfix's. */
static void write_line(struct journal *j)
{
	struct gp_str name, text, process;
	time_t seconds = (time_t)(j->here.offset / 1000000);
	char date[32] = "";
	struct tm tm;

	gp_buf_reset(&j->line);
	if (!get_field(j, "SYSLOG_IDENTIFIER", &name) || !is_name(name))
		return;
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	gp_buf_printf(&j->line, "%s.%06uZ journal %.*s", date, (unsigned)(j->here.offset % 1000000),
		      GP_STR_FMT(gp_str_sub(name, 0, PREFIX_MAX / 4)));
	if (get_field(j, "SYSLOG_PID", &process) && process.len < 20 && gp_str_is_digits(process))
		gp_buf_printf(&j->line, "[%.*s]", GP_STR_FMT(process));
	gp_buf_add_cstr(&j->line, ": ");
	if (!get_field(j, "MESSAGE", &text) || text.len >= MAILLOG_LINE_MAX - sizeof("MESSAGE=")) {
		j->losses.long_lines += text.len > 0;
		gp_buf_reset(&j->line);
		return;
	}
	gp_buf_add_str(&j->line, text);
}

/* Where we are now. */
static int note_place(struct journal *j)
{
	char *cursor = NULL;
	uint64_t time = 0;
	int r = sd_journal_get_realtime_usec(j->sd, &time);

	if (r >= 0)
		r = sd_journal_get_cursor(j->sd, &cursor);
	if (r >= 0 && !gp_str_copy(j->here.cursor, sizeof(j->here.cursor), gp_str(cursor)))
		*j->here.cursor = '\0'; /* by its time then, which reads some again */
	if (r >= 0)
		j->here.offset = time;
	free(cursor);
	return r;
}

/* 1: it stands on the next entry; 0: there is none, or negative. */
static int step(struct journal *j)
{
	int r = j->is_on_next ? 1 : sd_journal_next(j->sd);

	j->is_on_next = r > 0;
	return r;
}

static int journal_next(struct maillog_source *s, struct gp_str *ret_line, uint64_t *ret_place,
			struct gp_diag *diag)
{
	struct journal *j = of(s);
	int r = j->sd ? GP_OK : open_at(j, diag);

	if (r < 0)
		return r;
	r = step(j);
	j->is_on_next = false;
	j->is_at_end = r == 0;
	j->looked_us = j->is_at_end ? now_us() : 0;
	if (r == 0)
		return GP_ENOENT;
	if (r > 0)
		r = note_place(j);
	if (r < 0) {
		shut(j);
		return fail(diag, r, "read");
	}
	write_line(j);
	*ret_line = gp_buf_str(&j->line);
	*ret_place = j->here.offset;
	return GP_OK;
}

/* Positions. */

static void journal_end(struct maillog_source *s, struct maillog_position *ret)
{
	(void)s;
	*ret = (struct maillog_position){.inode = MAILLOG_JOURNAL, .offset = now_us()};
}

static void journal_start(struct maillog_source *s, const struct maillog_position *from)
{
	struct journal *j = of(s);

	shut(j);
	j->here = from ? *from : (struct maillog_position){0};
	j->here.inode = MAILLOG_JOURNAL;
}

/* The last entry before the end, and from there so many back; 0: there is none. */
static uint64_t seek_past(struct journal *j, uint64_t end_us)
{
	uint64_t last_us = 0;

	if (sd_journal_seek_realtime_usec(j->sd, end_us) < 0 || sd_journal_previous(j->sd) <= 0 ||
	    sd_journal_get_realtime_usec(j->sd, &last_us) < 0)
		return 0;
	if (sd_journal_previous_skip(j->sd, PAST_MAX) < 0 ||
	    sd_journal_get_realtime_usec(j->sd, &j->here.offset) < 0)
		return 0;
	return sd_journal_seek_realtime_usec(j->sd, j->here.offset) < 0 ? 0 : last_us;
}

static uint64_t journal_start_past(struct maillog_source *s, const struct maillog_position *end)
{
	struct journal *j = of(s);
	struct gp_diag diag;
	uint64_t last_us;

	journal_start(s, end);
	if (open_journal(j, &diag) < 0)
		return end->offset; /* nothing of it is told when it can be read */
	last_us = seek_past(j, end->offset);
	if (last_us == 0)
		journal_start(s, end);
	return last_us;
}

static bool journal_position(const struct maillog_source *s, struct maillog_position *ret)
{
	*ret = ((const struct journal *)s)->here;
	return ret->inode != 0;
}

static void journal_losses(struct maillog_source *s, struct maillog_losses *ret)
{
	*ret = of(s)->losses;
	of(s)->losses = (struct maillog_losses){0};
}

/* Nobody can say how much there is; so how old it may be.  At the end it is looked for more every
 * second, unless what was read is not taken. */
static uint64_t journal_lag(const struct maillog_source *s)
{
	const struct journal *j = (const struct journal *)s;
	uint64_t since = j->is_at_end ? j->looked_us + 2 * WAIT_MS * 1000 : j->here.offset;
	uint64_t now = now_us();

	return now <= since ? 0 : (now - since) / 1000000 + 1;
}

/* Waiting. */

/* Files came or went.  If the oldest entry is newer than all that was surely read, others may
 * have come and gone. */
static void look_for_gap(struct journal *j)
{
	uint64_t oldest = 0;

	if (sd_journal_get_cutoff_realtime_usec(j->sd, &oldest, NULL) > 0 && j->complete_us > 0 &&
	    oldest > j->complete_us)
		j->losses.gone++;
}

/* Files that are gone are let go of when what is open was read to its end, not before: while nobody
 * takes events, they may go. */
static void journal_wait(struct maillog_source *s)
{
	struct journal *j = of(s);
	bool is_read = j->sd && j->is_at_end;
	struct pollfd fds[] = {{.fd = j->stop_fd, .events = POLLIN},
			       {.fd = is_read ? sd_journal_get_fd(j->sd) : -1, .events = POLLIN}};
	uint64_t seen_us = now_us();

	poll(fds, 2, WAIT_MS);
	if (is_read && step(j) > 0) /* written since */
		j->is_at_end = false;
	if (!is_read || !j->is_at_end)
		return;
	switch (sd_journal_process(j->sd)) {
	case SD_JOURNAL_NOP:
	case SD_JOURNAL_APPEND:
		break;
	case SD_JOURNAL_INVALIDATE:
		look_for_gap(j);
		break;
	default:
		shut(j);
		return;
	}
	j->complete_us = seen_us;
}

/* Beginning and end. */

static void journal_free(struct maillog_source *s)
{
	struct journal *j = of(s);

	shut(j);
	for (size_t i = 0; i < j->n_units; i++)
		free(j->units[i]);
	free(j->units);
	free(j->folder);
	gp_buf_done(&j->line);
	free(j);
}

static const struct maillog_source_ops journal_ops = {
	.lag_unit = "seconds",
	.gone = "the journal no longer has what was read last: entries may be lost",
	.end = journal_end,
	.start_past = journal_start_past,
	.start = journal_start,
	.next = journal_next,
	.position = journal_position,
	.losses = journal_losses,
	.lag = journal_lag,
	.wait = journal_wait,
	.free = journal_free,
};

struct maillog_source *maillog_journal_new(const char *folder, const struct gp_conf_list *units,
					   int stop_fd)
{
	struct journal *j = gp_xcalloc(1, sizeof(*j));
	GP_BUF_AUTO match = GP_BUF_INIT(65536);

	j->base.ops = &journal_ops;
	j->folder = gp_xstrdup(folder);
	j->stop_fd = stop_fd;
	j->units = gp_xcalloc(units->len + 1, sizeof(*j->units));
	for (size_t i = 0; i < units->len; i++) {
		gp_buf_reset(&match);
		gp_buf_printf(&match, "_SYSTEMD_UNIT=%s", units->items[i]);
		j->units[j->n_units++] = gp_xstrdup(gp_buf_cstr(&match));
	}
	gp_buf_init(&j->line, MAILLOG_LINE_MAX + PREFIX_MAX);
	return &j->base;
}

void maillog_journal_sandbox(const char *folder)
{
	gp_sandbox_read(*folder ? folder : MAILLOG_JOURNAL_PERSISTENT);
	gp_sandbox_read(*folder ? "" : MAILLOG_JOURNAL_VOLATILE);
}
