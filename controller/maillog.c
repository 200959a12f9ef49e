/*
 * The follower of Postfix's log; see the header.
 *
 * In the first start lines that are there already are read, as far as messages on their way
 * may be in them, but what they tell of is the past and nobody's limit.
 */
#include "controller/maillog.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controller/maillog_file.h"
#include "controller/maillog_join.h"
#include "controller/maillog_send.h"
#include "controller/maillog_journal.h"
#include "controller/maillog_source.h"
#include "controller/maillog_state.h"
#include "controller/options.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/conf/shared.h"
#include "lib/daemon/sandbox.h"
#include "lib/proto/event.h"

#define LINES_MAX 10000		/* between two looks at anything else */
#define SAVE_MS 1000		/* between two savings of a position without events */
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000

enum trouble { READING, HANDING_OVER, SAVING, TROUBLES };

struct maillog {
	char *name, *state_path, *socket; /* name: the source's */
	int stop_fd;
	pthread_t thread;
	pthread_mutex_t lock;		   /* guards troubles */
	struct gp_diag troubles[TROUBLES]; /* "": none */
	/* The thread's. */
	struct maillog_source *source;
	struct maillog_join *join;
	struct maillog_sender sender;
	struct maillog_position saved;
	struct maillog_position first; /* the log's end when we were started; inode 0: there was none */
	uint64_t past_end;	       /* while the past is read: where it ends; else 0 */
	struct gp_buf frames;	       /* events that are to be handed over */
	size_t n_events;
	bool is_owed;		       /* events were taken since the last saving */
	uint64_t state_size;
	int64_t saved_ms;
	uint64_t unmatched;
	struct gp_metric *lag; /* by what the source counts in */
};

static struct gp_metric lines_total =
	GP_COUNTER("gatepost_controller_maillog_lines_total", "Lines of the log that were read.");
#define EVENTS(kind_)                                                                              \
	GP_COUNTER_L("gatepost_controller_maillog_events_total", "kind=\"" kind_ "\"",             \
		     "Events found in the log.")
static struct gp_metric events_total[GP_EVENT_KINDS] = {
	[GP_EVENT_BOUNCE] = EVENTS("bounce"),
	[GP_EVENT_AUTH_FAILURE] = EVENTS("auth_failure"),
};
static struct gp_metric refused_total =
	GP_COUNTER("gatepost_controller_maillog_refused_total",
		   "Events that policyd-ratelimit would not take.");
static struct gp_metric unmatched_total =
	GP_COUNTER("gatepost_controller_maillog_unmatched_bounces_total",
		   "Bounces of messages of which no account and no own client is known.");
static struct gp_metric losses_total =
	GP_COUNTER("gatepost_controller_maillog_losses_total",
		   "Times that lines were gone before they were read.");
static struct gp_metric messages_now =
	GP_GAUGE("gatepost_controller_maillog_messages", "Messages on their way that are known.");
static struct gp_metric lag_bytes =
	GP_GAUGE("gatepost_controller_maillog_lag_bytes", "Bytes of the log that are not read yet.");
static struct gp_metric lag_seconds =
	GP_GAUGE("gatepost_controller_maillog_lag_seconds",
		 "How old the last entry is that was read of the journal, while there are more.");

void maillog_register_metrics(void)
{
	gp_metric_register(&lines_total);
	for (size_t i = 0; i < GP_EVENT_KINDS; i++)
		gp_metric_register(&events_total[i]);
	gp_metric_register(&refused_total);
	gp_metric_register(&unmatched_total);
	gp_metric_register(&losses_total);
	gp_metric_register(&messages_now);
	gp_metric_register(&lag_bytes);
	gp_metric_register(&lag_seconds);
}

/* True: to be stopped. */
static bool pause_for(const struct maillog *m, int64_t ms)
{
	struct pollfd fd = {.fd = m->stop_fd, .events = POLLIN};

	return poll(&fd, 1, (int)ms) > 0;
}

static bool is_stopping(const struct maillog *m)
{
	return pause_for(m, 0);
}

/* Trouble is said when it begins, becomes another one, and ends. */
static void set_trouble(struct maillog *m, enum trouble which, const char *why)
{
	static const char *const ends[TROUBLES] = {
		[READING] = "the log can be read again",
		[HANDING_OVER] = "events are taken again",
		[SAVING] = "the position can be saved again",
	};
	bool is_new;

	pthread_mutex_lock(&m->lock);
	is_new = strcmp(why, m->troubles[which].text) != 0;
	gp_diag_set(&m->troubles[which], "%s", why);
	pthread_mutex_unlock(&m->lock);
	if (is_new && *why)
		gp_log_warning("maillog: %s", why);
	else if (is_new)
		gp_log_info("maillog: %s", ends[which]);
}

/* Reading. */

static bool is_believed(const struct gp_conf_list *names, struct gp_str tag)
{
	for (size_t i = 0; i < names->len; i++)
		if (gp_str_glob(gp_str(names->items[i]), tag))
			return true;
	return false;
}

static void add_event(struct maillog *m, const struct gp_event *event)
{
	char frame[GP_EVENT_SIZE_MAX];
	size_t len = gp_event_format(event, frame, sizeof(frame));

	assert(len > 0); /* every value was cut */
	gp_buf_add(&m->frames, frame, len);
	m->n_events++;
	gp_metric_add(&events_total[event->kind], 1);
}

static void take_line(struct maillog *m, const struct gp_snapshot *snap, struct gp_str line,
		      uint64_t place)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);
	const struct gp_conf_networks *networks = gp_snapshot_get(snap, &gp_conf_networks_table);
	struct maillog_line parsed;
	struct gp_event event;

	gp_metric_add(&lines_total, 1);
	maillog_parse(line, gp_clock_real_s(), &parsed);
	if (parsed.kind == MAILLOG_OTHER || !is_believed(&conf->maillog.names, parsed.tag))
		return;
	if (maillog_join_take(m->join, &parsed, line, place, &networks->own, &event) &&
	    m->past_end == 0)
		add_event(m, &event);
}

/* Reads until there are enough events, or nothing more; false: nothing more for now. */
static bool read_lines(struct maillog *m)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	struct gp_diag diag = {""};
	int r = GP_OK;

	for (unsigned n = 0; n < LINES_MAX && m->n_events < MAILLOG_BATCH && r == GP_OK; n++) {
		struct gp_str line;
		uint64_t place;

		r = m->source->ops->next(m->source, &line, &place, &diag);
		if (r == GP_OK)
			take_line(m, snap, line, place);
		if (r == GP_OK && m->past_end > 0 && place >= m->past_end)
			break;
	}
	gp_snapshot_unref(snap);
	set_trouble(m, READING, diag.text);
	return r == GP_OK;
}

static void tell_losses(struct maillog *m)
{
	struct maillog_losses losses;
	uint64_t unmatched = maillog_join_unmatched(m->join);

	m->source->ops->losses(m->source, &losses);
	if (losses.gone)
		gp_log_warning("maillog: %s", m->source->ops->gone);
	if (losses.truncated)
		gp_log_warning("maillog: %s was truncated, and there is no copy of it: lines may be lost",
			       m->name);
	if (losses.long_lines)
		gp_log_warning("maillog: %u lines of more than %d bytes were passed over",
			       losses.long_lines, MAILLOG_LINE_MAX);
	gp_metric_add(&losses_total, losses.gone + losses.truncated);
	gp_metric_add(&unmatched_total, (int64_t)(unmatched - m->unmatched));
	m->unmatched = unmatched;
	gp_metric_set(&messages_now, (int64_t)maillog_join_len(m->join));
	gp_metric_set(m->lag, (int64_t)m->source->ops->lag(m->source));
}

/* Handing over. */

/* False: to be stopped, with some of them left. */
static bool hand_over(struct maillog *m)
{
	int64_t pause_ms = 0;

	while (m->n_events > 0) {
		struct gp_diag diag = {""};
		size_t refused = 0;
		int r = maillog_send(&m->sender, &m->frames, &m->n_events, &refused, &diag);

		gp_metric_add(&refused_total, (int64_t)refused);
		if (refused > 0)
			gp_log_warning("maillog: %zu events were refused", refused);
		if (is_stopping(m))
			return m->n_events == 0;
		if (r == GP_OK)
			break;
		/* At once the first time: it may have been restarted since we last met. */
		if (pause_ms > 0)
			set_trouble(m, HANDING_OVER, diag.text);
		if (pause_for(m, pause_ms))
			return false;
		pause_ms = GP_MIN(GP_MAX(pause_ms * 2, (int64_t)RETRY_MIN_MS), (int64_t)RETRY_MAX_MS);
		tell_losses(m);
	}
	set_trouble(m, HANDING_OVER, "");
	return true;
}

/* The state. */

static void write_state(struct maillog *m, const struct maillog_position *at)
{
	struct gp_diag diag = {""};

	if (maillog_state_save(m->state_path, m->name, at, m->join, &m->state_size, &diag) == GP_OK) {
		m->saved = *at;
		m->is_owed = false;
	}
	set_trouble(m, SAVING, diag.text);
	m->saved_ms = gp_clock_mono_ms();
}

static void save(struct maillog *m, bool is_last)
{
	/* A large one is written less often: what is told twice then is counted once. */
	int64_t interval_ms = m->is_owed ? (int64_t)(m->state_size >> 14)
					 : GP_MAX((int64_t)SAVE_MS, (int64_t)(m->state_size >> 10));
	struct maillog_position here;

	if (!m->source->ops->position(m->source, &here) ||
	    (here.inode == m->saved.inode && here.offset == m->saved.offset &&
	     strcmp(here.cursor, m->saved.cursor) == 0))
		return;
	/* Another file is noted at once: until then the state may not name any. */
	if (is_last || here.inode != m->saved.inode || gp_clock_mono_ms() >= m->saved_ms + interval_ms)
		write_state(m, &here);
}

/* A log that is there already is the past; without one all that comes is news.  Either is on disk
 * before anything else is looked at. */
static void begin_anew(struct maillog *m)
{
	struct maillog_position here = {0};

	if (m->first.inode != 0) {
		m->past_end = m->source->ops->start_past(m->source, &m->first);
		(void)m->source->ops->position(m->source, &here);
	}
	while (here.offset < m->past_end && !is_stopping(m) && read_lines(m))
		(void)m->source->ops->position(m->source, &here);
	if (here.offset < m->past_end) { /* to be stopped, or it cannot be read: it stays past */
		here = m->first;
		m->source->ops->start(m->source, &here);
	}
	m->past_end = 0;
	write_state(m, &here);
}

static void load(struct maillog *m)
{
	struct gp_diag diag = {""};
	int r = maillog_state_load(m->state_path, m->name, &m->saved, m->join, &diag);

	if (r == GP_OK) {
		m->source->ops->start(m->source, &m->saved);
		return;
	}
	if (r != GP_ENOENT)
		gp_log_warning("maillog: begins anew: %s", diag.text);
	begin_anew(m);
}

static void *thread_main(void *arg)
{
	struct maillog *m = arg;
	bool is_whole = true;

	load(m);
	while (is_whole && !is_stopping(m)) {
		bool has_more = read_lines(m);

		tell_losses(m);
		m->is_owed |= m->n_events > 0;
		is_whole = hand_over(m);
		if (is_whole)
			save(m, false);
		if (is_whole && !has_more)
			m->source->ops->wait(m->source);
	}
	if (is_whole)
		save(m, true);
	return NULL;
}

/* Beginning and end. */

static void release(struct maillog *m)
{
	m->source->ops->free(m->source);
	maillog_join_free(&m->join);
	maillog_sender_done(&m->sender);
	gp_buf_done(&m->frames);
	gp_fd_close(&m->stop_fd);
	pthread_mutex_destroy(&m->lock);
	free(m->name);
	free(m->socket);
	free(m->state_path);
	free(m);
}

static struct maillog *make(const struct maillog_conf *conf, const char *directory, int stop_fd)
{
	struct maillog *m = gp_xcalloc(1, sizeof(*m));
	GP_BUF_AUTO path = GP_BUF_INIT(65536);

	gp_buf_printf(&path, "%s/maillog", directory);
	m->state_path = gp_xstrdup(gp_buf_cstr(&path));
	m->name = gp_xstrdup(conf->source);
	m->socket = gp_xstrdup(conf->socket + sizeof("unix:") - 1);
	m->stop_fd = stop_fd;
	pthread_mutex_init(&m->lock, NULL);
	m->source = maillog_source_new(conf, stop_fd);
	m->lag = maillog_journal_folder(conf->source) ? &lag_seconds : &lag_bytes;
	m->source->ops->end(m->source, &m->first);
	m->join = maillog_join_new((size_t)conf->messages_max);
	maillog_sender_init(&m->sender, m->socket, stop_fd);
	gp_buf_init(&m->frames, (size_t)MAILLOG_BATCH * GP_EVENT_SIZE_MAX);
	return m;
}

int maillog_start(const struct gp_snapshot *snap, struct maillog **ret, struct gp_diag *diag)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);
	const struct gp_conf_learn *learn = gp_snapshot_get(snap, &gp_conf_learn_table);
	sigset_t all, old;
	struct maillog *m;
	int stop_fd;

	if (!*conf->maillog.source)
		return GP_OK;
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		return gp_diag_errno(diag, "eventfd");
	m = make(&conf->maillog, learn->directory, stop_fd);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&m->thread, NULL, thread_main, m);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno != 0) {
		release(m);
		return gp_diag_errno(diag, "thread for maillog.source");
	}
	*ret = m;
	return GP_OK;
}

void maillog_stop(struct maillog **maillog)
{
	struct maillog *m = *maillog;
	uint64_t one = 1;

	if (!m)
		return;
	*maillog = NULL;
	if (write(m->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(m->thread, NULL);
	release(m);
}

void maillog_health(struct maillog *m, struct gp_health *ret)
{
	const char *why = "";

	pthread_mutex_lock(&m->lock);
	for (size_t i = TROUBLES; i > 0; i--)
		if (*m->troubles[i - 1].text)
			why = m->troubles[i - 1].text;
	*ret = (struct gp_health){.name = "maillog", .is_ok = !*why};
	snprintf(ret->detail, sizeof(ret->detail), "%lld %s behind%s%.100s",
		 (long long)gp_metric_get(m->lag), m->source->ops->lag_unit, *why ? ": " : "", why);
	pthread_mutex_unlock(&m->lock);
}

void maillog_sandbox(const struct gp_snapshot *snap)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);

	const char *folder = maillog_journal_folder(conf->maillog.source);

	if (folder)
		maillog_journal_sandbox(folder);
	else
		gp_sandbox_read_folder_of(conf->maillog.source);
}
