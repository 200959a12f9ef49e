/*
 * Notifications; see the header.
 *
 * A queue in memory: who restarts the filter has its log.  A mail server that does not take a
 * mail gets it once more after a while, then it is given up; the log has said it all.
 */
#include "milter-virus/notify.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/io/smtp.h"
#include "lib/mail/notice.h"
#include "lib/store/limit.h"

#define QUEUE_MAX 100
#define SEND_MS 30000
#define RETRY_MS 60000
#define HOUR_MS 3600000
#define HOST_MAX 255
#define MAIL_MAX 16384

struct mail {
	struct mail *next;
	struct gp_snapshot *snap; /* has the addresses */
	int64_t due_ms;
	bool is_second;
	char text[];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_t thread;
	struct mail *first, **last;
	size_t n;
	bool is_stopping, is_there;
	int64_t stop_ms; /* what is not sent by then is left */
	struct gp_limit_state sent;
	int64_t left_out;
	char host[HOST_MAX + 1];
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define MAILS(result_)                                                                             \
	GP_COUNTER_L("gatepost_virus_notifications_total", "result=\"" result_ "\"",               \
		     "Mails about what was found, by what became of them.")
static struct gp_metric sent = MAILS("sent"), failed = MAILS("failed"), limited = MAILS("limited");

void virus_notify_register_metrics(void)
{
	gp_metric_register(&sent);
	gp_metric_register(&failed);
	gp_metric_register(&limited);
}

static const struct virus_conf *conf_of(const struct mail *m)
{
	return gp_snapshot_get(m->snap, &virus_table);
}

static void free_mail(struct mail *m)
{
	gp_snapshot_unref(m->snap);
	free(m);
}

/* The thread. */

static int send_mail(const struct mail *m, int64_t deadline_ms, struct gp_diag *diag)
{
	const struct virus_conf *conf = conf_of(m);
	struct gp_smtp_message message = {.helo = queue.host, .to = conf->notify_to.items,
					  .n_to = conf->notify_to.len, .data = gp_str(m->text)};

	return gp_smtp_submit(conf->notify_smtp, &message, deadline_ms, diag);
}

/* Under the lock: the next one that is due; NULL: stop. */
static struct mail *await_mail(void)
{
	for (;;) {
		struct mail *m = queue.first;
		int64_t now_ms = gp_clock_mono_ms();
		struct timespec until;

		if (queue.is_stopping && (!m || now_ms >= queue.stop_ms))
			return NULL;
		if (m && (m->due_ms <= now_ms || queue.is_stopping)) {
			queue.first = m->next;
			if (!queue.first)
				queue.last = &queue.first;
			queue.n--;
			return m;
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += m ? (m->due_ms - now_ms) / 1000 + 1 : 3600;
		(void)pthread_cond_timedwait(&queue.work, &queue.lock, &until);
	}
}

static void append(struct mail *m)
{
	m->next = NULL;
	*queue.last = m;
	queue.last = &m->next;
	queue.n++;
	pthread_cond_signal(&queue.work);
}

/* Not under the lock.  True: again later. */
static bool deliver(struct mail *m)
{
	int64_t deadline_ms = gp_clock_mono_ms() + SEND_MS;
	struct gp_diag diag = {""};
	int r;

	pthread_mutex_lock(&queue.lock);
	if (queue.is_stopping)
		deadline_ms = GP_MIN(deadline_ms, queue.stop_ms);
	pthread_mutex_unlock(&queue.lock);
	r = send_mail(m, deadline_ms, &diag);
	if (r == GP_ETEMP && !m->is_second) {
		gp_log_warning("notification: %s; once more in a minute", diag.text);
		return true;
	}
	gp_metric_add(r == GP_OK ? &sent : &failed, 1);
	if (r != GP_OK)
		gp_log_error("notification: %s; given up", diag.text);
	else if (*diag.text)
		gp_log_warning("notification: %s", diag.text);
	return false;
}

static void *work(void *arg)
{
	struct mail *m;

	(void)arg;
	pthread_mutex_lock(&queue.lock);
	while ((m = await_mail()) != NULL) {
		bool is_again;

		pthread_mutex_unlock(&queue.lock);
		is_again = deliver(m);
		pthread_mutex_lock(&queue.lock);
		m->is_second = true;
		m->due_ms = gp_clock_mono_ms() + RETRY_MS;
		if (is_again && !queue.is_stopping)
			append(m);
		else
			free_mail(m);
	}
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

int virus_notify_start(struct gp_diag *diag)
{
	sigset_t all, old;
	pthread_condattr_t attr;

	queue.last = &queue.first;
	if (gethostname(queue.host, HOST_MAX) < 0 || !*queue.host)
		(void)gp_str_copy(queue.host, sizeof(queue.host), GP_STR("localhost"));
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&queue.work, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&queue.thread, NULL, work, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno)
		return gp_diag_errno(diag, "a thread for notifications");
	queue.is_there = true;
	return GP_OK;
}

void virus_notify_stop(int64_t deadline_ms)
{
	if (!queue.is_there)
		return;
	pthread_mutex_lock(&queue.lock);
	queue.is_stopping = true;
	queue.stop_ms = deadline_ms;
	pthread_cond_signal(&queue.work);
	pthread_mutex_unlock(&queue.lock);
	pthread_join(queue.thread, NULL);
	if (queue.n > 0)
		gp_log_warning("%zu notifications are not sent", queue.n);
	while (queue.first) {
		struct mail *m = queue.first;

		queue.first = m->next;
		free_mail(m);
	}
	pthread_cond_destroy(&queue.work);
	queue.is_there = false;
}

/* The mail. */

void virus_notify_format(const struct gp_session *s, const struct virus_message *m, int64_t left_out,
			 struct gp_buf *out)
{
	struct gp_notice notice = {.from = m->conf->notify_from, .to = m->conf->notify_to.items,
				   .n_to = m->conf->notify_to.len, .host = queue.host,
				   .now_s = gp_clock_real_s()};
	const char *found = *m->verdict.name ? m->verdict.name : m->decision.reason;
	char ip[GP_IP_TEXT];

	gp_notice_header(out, &notice, "virus filter: ", gp_str(found));
	gp_buf_add_cstr(out, "milter-virus found something in a message:\n\n");
	gp_notice_line(out, "found", gp_str(found));
	if (m->verdict.outcome == VIRUS_SCANNED_FOUND)
		gp_notice_line(out, "category", gp_str(virus_category_name(m->verdict.category)));
	gp_notice_line(out, "action", gp_str(virus_done_name(m->decision.action)));
	gp_notice_line(out, "queue id", s->msg.queue_id);
	gp_notice_line(out, "client", s->client.family ? gp_str(gp_ip_format(&s->client, ip)) : GP_STR("local"));
	gp_notice_line(out, "helo", s->helo);
	gp_notice_line(out, "user", s->msg.auth_user);
	gp_notice_line(out, "from", s->msg.from.len ? s->msg.from : GP_STR("<>"));
	for (size_t i = 0; i < s->msg.rcpts.len && i < 10; i++)
		gp_notice_line(out, "to", s->msg.rcpts.items[i].address);
	if (s->msg.n_rcpts_seen > 10)
		gp_buf_printf(out, "%-12s%zu recipients in all\n", "", s->msg.n_rcpts_seen);
	gp_notice_line(out, "message-id", m->message_id);
	if (left_out > 0)
		gp_buf_printf(out, "\n%lld more since the last mail were not told: "
				   "milter-virus.notify.per_hour is %lld.\n",
			      (long long)left_out, (long long)m->conf->notify_per_hour);
}

/* Under the lock: is there room for one more this hour? */
static bool is_allowed(const struct virus_conf *conf)
{
	struct gp_limit limit = {.kind = GP_LIMIT_SLIDING, .max = conf->notify_per_hour,
				 .window_ms = HOUR_MS};
	struct gp_limit_answer answer;
	int64_t now_ms = gp_clock_real_ms();

	gp_limit_look(&limit, &queue.sent, now_ms, 1, &answer);
	if (!answer.passed || queue.n >= QUEUE_MAX) {
		gp_metric_add(&limited, 1);
		queue.left_out++;
		return false;
	}
	gp_limit_count(&limit, &queue.sent, now_ms, 1);
	return true;
}

void virus_notify(const struct gp_session *s, const struct virus_message *m)
{
	GP_BUF_AUTO text = GP_BUF_INIT(MAIL_MAX);
	struct mail *mail;

	if (m->conf->notify_to.len == 0 || !m->decision.is_infected || !queue.is_there)
		return;
	pthread_mutex_lock(&queue.lock);
	if (is_allowed(m->conf)) {
		virus_notify_format(s, m, queue.left_out, &text);
		mail = gp_xcalloc(1, sizeof(*mail) + text.len + 1);
		memcpy(mail->text, gp_buf_cstr(&text), text.len + 1);
		mail->snap = gp_snapshot_ref(s->snap);
		queue.left_out = 0;
		append(mail);
	}
	pthread_mutex_unlock(&queue.lock);
}
