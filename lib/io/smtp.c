/*
 * A small SMTP client; see the header.
 *
 * One command at a time, each answered before the next: RFC 5321, 4.5.3.1 (sizes), 4.5.2
 * (dots), 3.2 (EHLO, and HELO where that is unknown); RFC 6152 (8BITMIME), RFC 6531
 * (SMTPUTF8).  Deliberately none: pipelining, TLS, logins, queues.
 */
#include "lib/io/smtp.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/io/address.h"

/* A reply of EHLO has a line for each extension, some twenty; RFC 5321 gives a line 512 bytes. */
#define REPLY_MAX 16384
#define ADDRESS_MAX 320
#define QUIT_MS 1000 /* a server that took the message need not be waited for */

struct smtp {
	int fd;
	int64_t deadline_ms;
	struct gp_buf in;     /* received, not yet read */
	struct gp_buf reply;  /* the last one: its lines, without codes */
	int code;	      /* … and its code */
	bool takes_8bit, takes_utf8;
	struct gp_diag *diag;
};

/* Bytes. */

static int wait_for(struct smtp *s, short events, const char *what)
{
	struct pollfd p = {.fd = s->fd, .events = events};
	int64_t left_ms;
	int n;

	do {
		left_ms = s->deadline_ms - gp_clock_mono_ms();
		n = left_ms > 0 ? poll(&p, 1, (int)GP_MIN(left_ms, (int64_t)INT_MAX)) : 0;
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return GP_OK;
	if (n == 0)
		gp_diag_set(s->diag, "the mail server is too slow: %s", what);
	else
		(void)gp_diag_errno(s->diag, "poll");
	return GP_ETEMP;
}

static int send_all(struct smtp *s, struct gp_str data, const char *what)
{
	while (data.len > 0) {
		ssize_t n = send(s->fd, data.ptr, data.len, MSG_NOSIGNAL);

		if (n >= 0) {
			data = gp_str_sub(data, (size_t)n, data.len);
		} else if (errno == EAGAIN) {
			if (wait_for(s, POLLOUT, what) < 0)
				return GP_ETEMP;
		} else if (errno != EINTR) {
			(void)gp_diag_errno(s->diag, "mail server: %s", what);
			return GP_ETEMP;
		}
	}
	return GP_OK;
}

static int receive(struct smtp *s, const char *what)
{
	ssize_t n;
	char *room = gp_buf_reserve(&s->in, 1024);

	if (!room) {
		gp_diag_set(s->diag, "mail server: its answer to %s is too long", what);
		return GP_ETEMP;
	}
	do {
		if (wait_for(s, POLLIN, what) < 0)
			return GP_ETEMP;
		n = recv(s->fd, room, 1024, 0);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n > 0) {
		s->in.len += (size_t)n;
		return GP_OK;
	}
	gp_diag_set(s->diag, "mail server: it closed the connection (%s)", what);
	return GP_ETEMP;
}

/* Replies. */

/* "250-TEXT": more follow; "250 TEXT", "250": the last.  False: no reply. */
static bool parse_line(struct gp_str line, int *ret_code, bool *ret_more)
{
	uint64_t code;

	if (line.len < 3 || gp_num_parse_uint(gp_str_sub(line, 0, 3), 10, &code) < 0 ||
	    code < 200 || code > 599 || (line.len > 3 && line.ptr[3] != ' ' && line.ptr[3] != '-'))
		return false;
	*ret_code = (int)code;
	*ret_more = line.len > 3 && line.ptr[3] == '-';
	return true;
}

/* Takes a line off what was received, waiting for it. */
static int take_line(struct smtp *s, struct gp_buf *ret, const char *what)
{
	size_t end;

	while ((end = gp_str_find_chr(gp_buf_str(&s->in), '\n', 0)) == s->in.len)
		if (receive(s, what) < 0)
			return GP_ETEMP;
	gp_buf_reset(ret);
	gp_buf_add(ret, s->in.data, end > 0 && s->in.data[end - 1] == '\r' ? end - 1 : end);
	gp_buf_consume(&s->in, end + 1);
	return GP_OK;
}

static int read_reply(struct smtp *s, const char *what)
{
	GP_BUF_AUTO line = GP_BUF_INIT(REPLY_MAX);
	bool is_more = true;
	int first = 0;

	gp_buf_reset(&s->reply);
	while (is_more) {
		if (take_line(s, &line, what) < 0)
			return GP_ETEMP;
		if (!parse_line(gp_buf_str(&line), &s->code, &is_more) ||
		    (first && s->code != first) || gp_buf_error(&s->reply)) {
			gp_diag_set(s->diag, "mail server: its answer to %s is no SMTP", what);
			return GP_ETEMP;
		}
		first = s->code;
		gp_buf_add_str(&s->reply, gp_str_sub(gp_buf_str(&line), 4, line.len));
		gp_buf_add_chr(&s->reply, '\n');
	}
	return GP_OK;
}

/* The last reply as a failure. */
static int refused(struct smtp *s, const char *what)
{
	GP_BUF_AUTO text = GP_BUF_INIT(512);

	gp_log_escape(&text, gp_str_sub(gp_str_trim(gp_buf_str(&s->reply)), 0, 100), GP_LOG_JSON);
	gp_diag_set(s->diag, "mail server: %s: %d %s", what, s->code, gp_buf_cstr(&text));
	return s->code >= 500 ? GP_EINVAL : GP_ETEMP;
}

/* Sends a line (without its end) and reads the reply; which of the hundreds is wanted: 2 or 3. */
static int command(struct smtp *s, const struct gp_buf *line, int wanted, const char *what)
{
	GP_BUF_AUTO out = GP_BUF_INIT(2048);

	gp_buf_add_str(&out, gp_buf_str(line));
	gp_buf_add_cstr(&out, "\r\n");
	if (gp_buf_error(&out)) {
		gp_diag_set(s->diag, "%s: the line is too long for SMTP", what);
		return GP_EINVAL;
	}
	if (send_all(s, gp_buf_str(&out), what) < 0 || read_reply(s, what) < 0)
		return GP_ETEMP;
	return s->code / 100 == wanted ? GP_OK : refused(s, what);
}

static int command_text(struct smtp *s, const char *text, int wanted, const char *what)
{
	GP_BUF_AUTO line = GP_BUF_INIT(2048);

	gp_buf_add_cstr(&line, text);
	return command(s, &line, wanted, what);
}

/* The dialogue. */

static void read_extensions(struct smtp *s)
{
	struct gp_str rest = gp_buf_str(&s->reply), line;

	gp_str_next(&rest, '\n', &line); /* its name */
	while (gp_str_next(&rest, '\n', &line)) {
		struct gp_str word = gp_str_sub(line, 0, gp_str_find_chr(line, ' ', 0));

		s->takes_8bit |= gp_str_ieq(word, GP_STR("8BITMIME"));
		s->takes_utf8 |= gp_str_ieq(word, GP_STR("SMTPUTF8"));
	}
}

static int greet(struct smtp *s, const char *helo)
{
	GP_BUF_AUTO line = GP_BUF_INIT(512);
	int r;

	if (read_reply(s, "greeting") < 0)
		return GP_ETEMP;
	if (s->code / 100 != 2)
		return refused(s, "greeting");
	gp_buf_printf(&line, "EHLO %s", helo);
	r = command(s, &line, 2, "EHLO");
	if (r == GP_OK) {
		read_extensions(s);
		return GP_OK;
	}
	if (r != GP_EINVAL)
		return r;
	gp_buf_reset(&line);
	gp_buf_printf(&line, "HELO %s", helo);
	return command(s, &line, 2, "HELO");
}

static bool is_8bit(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > 0x7f)
			return true;
	return false;
}

/* Nothing that would end the line or the path. */
static bool is_sendable(struct gp_str address)
{
	for (size_t i = 0; i < address.len; i++)
		if ((unsigned char)address.ptr[i] <= ' ' || strchr("<>\x7f", address.ptr[i]))
			return false;
	return address.len <= ADDRESS_MAX;
}

static bool wants_utf8(const struct gp_smtp_message *m)
{
	bool is_wanted = m->from && is_8bit(gp_str(m->from));

	for (size_t i = 0; i < m->n_to; i++)
		is_wanted |= is_8bit(gp_str(m->to[i]));
	return is_wanted;
}

static int send_sender(struct smtp *s, const struct gp_smtp_message *m)
{
	GP_BUF_AUTO line = GP_BUF_INIT(1024);
	bool is_utf8 = wants_utf8(m);

	if ((is_utf8 && !s->takes_utf8) || (is_8bit(m->data) && !s->takes_8bit)) {
		gp_diag_set(s->diag, "mail server: it does not take %s",
			    is_utf8 && !s->takes_utf8 ? "SMTPUTF8" : "8BITMIME");
		return GP_EINVAL;
	}
	gp_buf_printf(&line, "MAIL FROM:<%s>%s%s", m->from ? m->from : "",
		      is_8bit(m->data) ? " BODY=8BITMIME" : "", is_utf8 ? " SMTPUTF8" : "");
	return command(s, &line, 2, "MAIL");
}

/* One that is taken suffices.  A failure for now is one of the whole: tried again, those who were
 * refused for good would be refused again and the others have nothing twice. */
static int send_recipients(struct smtp *s, const struct gp_smtp_message *m)
{
	GP_BUF_AUTO line = GP_BUF_INIT(1024), refusals = GP_BUF_INIT(512);
	size_t taken = 0;

	for (size_t i = 0; i < m->n_to; i++) {
		int r;

		gp_buf_reset(&line);
		gp_buf_printf(&line, "RCPT TO:<%s>", m->to[i]);
		r = command(s, &line, 2, m->to[i]);
		if (r == GP_ETEMP)
			return r;
		taken += r == GP_OK;
		if (r != GP_OK)
			gp_buf_printf(&refusals, "%s%s", refusals.len ? "; " : "", s->diag->text);
	}
	gp_diag_set(s->diag, "%s", gp_buf_cstr(&refusals));
	return taken > 0 ? GP_OK : GP_EINVAL;
}

/* CRLF line ends, a dot before dots (RFC 5321, 4.5.2), and the end. */
static void add_data(struct gp_buf *out, struct gp_str data)
{
	struct gp_str line;

	while (gp_str_next(&data, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0 && line.ptr[0] == '.')
			gp_buf_add_chr(out, '.');
		gp_buf_add_str(out, line);
		gp_buf_add_cstr(out, "\r\n");
	}
	gp_buf_add_cstr(out, ".\r\n");
}

static int send_data(struct smtp *s, const struct gp_smtp_message *m)
{
	GP_BUF_AUTO out = GP_BUF_INIT(3 * m->data.len + 16);
	struct gp_diag refusals = *s->diag;
	int r = command_text(s, "DATA", 3, "DATA");

	if (r != GP_OK)
		return r;
	add_data(&out, m->data);
	if (send_all(s, gp_buf_str(&out), "message") < 0 || read_reply(s, "end of message") < 0)
		return GP_ETEMP;
	if (s->code / 100 != 2)
		return refused(s, "message");
	*s->diag = refusals;
	return GP_OK;
}

/* What is taken is taken, whatever the server says to this. */
static void quit(struct smtp *s)
{
	struct gp_diag said = *s->diag;

	s->deadline_ms = GP_MIN(s->deadline_ms, gp_clock_mono_ms() + QUIT_MS);
	(void)command_text(s, "QUIT", 2, "QUIT");
	*s->diag = said;
}

/* Connecting. */

static int open_connection(struct smtp *s, const char *address)
{
	struct gp_address to;
	socklen_t err_len = sizeof(int);
	int err = 0;

	if (gp_address_parse(address, &to) < 0) {
		gp_diag_set(s->diag, "%s: no address of a mail server", address);
		return GP_EINVAL;
	}
	s->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || (connect(s->fd, &to.any, to.len) < 0 && errno != EINPROGRESS)) {
		(void)gp_diag_errno(s->diag, "%s", address);
		return GP_ETEMP;
	}
	if (wait_for(s, POLLOUT, address) < 0)
		return GP_ETEMP;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &err_len) == 0 && err != 0) {
		errno = err;
		(void)gp_diag_errno(s->diag, "%s", address);
		return GP_ETEMP;
	}
	return GP_OK;
}

static int check(const struct gp_smtp_message *m, struct gp_diag *diag)
{
	const char *bad = m->from && !is_sendable(gp_str(m->from)) ? m->from : NULL;

	if (m->n_to == 0 || m->n_to > GP_SMTP_RECIPIENTS_MAX) {
		gp_diag_set(diag, "%zu recipients cannot be sent to", m->n_to);
		return GP_EINVAL;
	}
	for (size_t i = 0; i < m->n_to && !bad; i++)
		if (!*m->to[i] || !is_sendable(gp_str(m->to[i])))
			bad = m->to[i];
	if (!bad)
		return GP_OK;
	gp_diag_set(diag, "an address cannot be sent by SMTP");
	return GP_EINVAL;
}

static int talk(struct smtp *s, const char *address, const struct gp_smtp_message *m)
{
	int r = open_connection(s, address);

	if (r == GP_OK)
		r = greet(s, m->helo && *m->helo ? m->helo : "localhost");
	if (r == GP_OK)
		r = send_sender(s, m);
	if (r == GP_OK)
		r = send_recipients(s, m);
	if (r == GP_OK)
		r = send_data(s, m);
	if (s->fd >= 0 && r != GP_ETEMP)
		quit(s);
	return r;
}

int gp_smtp_submit(const char *address, const struct gp_smtp_message *message, int64_t deadline_ms,
		   struct gp_diag *diag)
{
	struct gp_diag own = {""};
	struct smtp s = {.fd = -1, .deadline_ms = deadline_ms, .in = GP_BUF_INIT(REPLY_MAX),
			 .reply = GP_BUF_INIT(REPLY_MAX), .diag = &own};
	int r = check(message, &own);

	if (r == GP_OK)
		r = talk(&s, address, message);
	gp_fd_close(&s.fd);
	gp_buf_done(&s.in);
	gp_buf_done(&s.reply);
	if (diag)
		*diag = own;
	return r;
}
