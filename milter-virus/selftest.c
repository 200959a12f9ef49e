/*
 * The trial of a new engine; see the header.
 */
#include "milter-virus/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "milter-virus/spool.h"
#include "milter-virus/wire.h"

#define TRIAL_MS 60000 /* for each message; an engine that takes longer is of no use */

struct virus_selftest {
	struct gp_loop *loop;
	struct virus_worker *worker;
	bool is_mail;
	unsigned step;
	struct gp_watch *watch;
	struct gp_timer timer;
	void (*done)(void *arg, const char *why);
	void *arg;
	union virus_wire wire;
};

static const char harmless[] = "Received: by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n"
			       "From: <test@localhost>\r\nTo: <test@localhost>\r\n"
			       "Subject: Nothing\r\n\r\nNothing to see here.\r\n";

static void add_infected(struct gp_buf *out, bool is_mail)
{
	gp_buf_add_cstr(out, "Received: by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n"
			     "From: <test@localhost>\r\nTo: <test@localhost>\r\nSubject: Test\r\n");
	if (!is_mail) {
		gp_buf_add_cstr(out, "\r\n" VIRUS_SELFTEST_MARK "\r\n");
		return;
	}
	gp_buf_add_cstr(out, "MIME-Version: 1.0\r\n"
			     "Content-Type: multipart/mixed; boundary=\"gatepost\"\r\n\r\n"
			     "--gatepost\r\nContent-Type: application/octet-stream\r\n"
			     "Content-Transfer-Encoding: base64\r\n\r\n");
	gp_base64_encode(VIRUS_SELFTEST_MARK, strlen(VIRUS_SELFTEST_MARK), out);
	gp_buf_add_cstr(out, "\r\n--gatepost--\r\n");
}

static void finish(struct virus_selftest *t, const char *why)
{
	void (*done)(void *arg, const char *why) = t->done;
	void *arg = t->arg;

	virus_selftest_free(&t);
	done(arg, why);
}

/* Hands the worker the step's message; false when it is gone. */
static bool ask(struct virus_selftest *t)
{
	GP_BUF_AUTO text = GP_BUF_INIT(4096);
	struct virus_wire_scan order = {.head = {.kind = VIRUS_SCAN}};
	GP_FD_AUTO file = -1;

	if (t->step == 0)
		gp_buf_add_cstr(&text, harmless);
	else
		add_infected(&text, t->is_mail);
	file = virus_spool_text(gp_buf_str(&text));
	order.size = text.len;
	if (file < 0 ||
	    virus_wire_send(t->worker->fd, &order, sizeof(order), &file, 1, true) != GP_OK)
		return false;
	gp_timer_set(t->loop, &t->timer, gp_clock_mono_ms() + TRIAL_MS);
	return true;
}

/* What is wrong with the answer; NULL: nothing. */
static const char *judge(struct virus_selftest *t)
{
	struct virus_wire_result *r = &t->wire.result;

	r->name[VIRUS_NAME_MAX - 1] = '\0';
	if (r->status >= VIRUS_FAILED)
		return "its test message could not be scanned";
	if (t->step == 0)
		return r->status == VIRUS_CLEAN ? NULL : "it finds something in a harmless message";
	return r->status == VIRUS_FOUND && gp_str_starts(gp_str(r->name), GP_STR(VIRUS_SELFTEST_NAME))
		       ? NULL
		       : "it does not find what it must";
}

static void readable(void *arg, unsigned events)
{
	struct virus_selftest *t = arg;
	const char *why;
	size_t len;
	int r = virus_wire_receive(t->worker->fd, &t->wire, &len, NULL, true);

	(void)events;
	if (r == GP_ETEMP)
		return;
	if (r < 0 || t->wire.head.kind != VIRUS_RESULT) {
		finish(t, "its worker died of the test");
		return;
	}
	why = judge(t);
	if (why || t->step == 1) {
		finish(t, why);
		return;
	}
	t->step = 1;
	if (!ask(t))
		finish(t, "its worker died of the test");
}

static void too_late(void *arg)
{
	finish(arg, "its test takes too long");
}

struct virus_selftest *virus_selftest_begin(struct gp_loop *loop, struct virus_worker *worker,
					    bool is_mail, void (*done)(void *arg, const char *why),
					    void *arg)
{
	struct virus_selftest *t = gp_xcalloc(1, sizeof(*t));

	*t = (struct virus_selftest){.loop = loop, .worker = worker, .is_mail = is_mail,
				     .done = done, .arg = arg};
	t->timer = (struct gp_timer){.fn = too_late, .arg = t};
	t->watch = gp_loop_watch_fd(loop, worker->fd, GP_IO_READ, readable, t);
	/* What cannot be asked shows by the timer: the caller is not called back from within. */
	gp_timer_set(loop, &t->timer, gp_clock_mono_ms());
	if (t->watch)
		(void)ask(t);
	return t;
}

void virus_selftest_free(struct virus_selftest **test)
{
	struct virus_selftest *t = *test;

	if (!t)
		return;
	*test = NULL;
	gp_timer_clear(t->loop, &t->timer);
	gp_watch_free(&t->watch);
	free(t);
}
