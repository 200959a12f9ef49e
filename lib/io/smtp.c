/*
 * A small SMTP client; see the header.
 *
 * One command at a time, each answered before the next: RFC 5321, 4.5.3.1 (sizes), 4.5.2
 * (dots), 3.2 (EHLO, and HELO where that is unknown); RFC 6152 (8BITMIME), RFC 6531
 * (SMTPUTF8).  Deliberately none: pipelining, TLS, logins, queues.
 */
#include "lib/io/smtp.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/io/dial.h"

/* A reply of EHLO has a line for each extension, some twenty; RFC 5321 gives a line 512 bytes. */
#define REPLY_MAX 16384
#define ADDRESS_MAX 320
#define QUIT_MS 1000 /* a server that took the message need not be waited for */

struct smtp {
	struct gp_dial dial;
	struct gp_buf in;     /* received, not yet read */
	struct gp_buf reply;  /* the last one: its lines, without codes */
	int code;	      /* … and its code */
	bool takes_8bit, takes_utf8;
	struct gp_diag *diag;
};

/* Bytes. */

/* The diag of a connection says what is wrong with it; here also what it was about. */
static int about(struct smtp *s, const char *what, int r)
{
	if (r < 0)
		gp_diag_prepend(s->diag, "mail server: %s", what);
	return r;
}

static int send_all(struct smtp *s, struct gp_str data, const char *what)
{
	return about(s, what, gp_dial_write(&s->dial, data.ptr, data.len, s->diag));
}

static int receive(struct smtp *s, const char *what)
{
	char *room = gp_buf_reserve(&s->in, 1024);
	size_t n;

	if (!room) {
		gp_diag_set(s->diag, "mail server: its answer to %s is too long", what);
		return GP_ETEMP;
	}
	if (about(s, what, gp_dial_read(&s->dial, room, 1024, &n, s->diag)) < 0)
		return GP_ETEMP;
	s->in.len += n;
	if (n == 0)
		gp_diag_set(s->diag, "mail server: it closed the connection (%s)", what);
	return n > 0 ? GP_OK : GP_ETEMP;
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

	s->dial.deadline_ms = GP_MIN(s->dial.deadline_ms, gp_clock_mono_ms() + QUIT_MS);
	(void)command_text(s, "QUIT", 2, "QUIT");
	*s->diag = said;
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
	int r = about(s, address, gp_dial_open(&s->dial, address, s->dial.deadline_ms, s->diag));

	if (r < 0)
		return r;
	r = greet(s, m->helo && *m->helo ? m->helo : "localhost");
	if (r == GP_OK)
		r = send_sender(s, m);
	if (r == GP_OK)
		r = send_recipients(s, m);
	if (r == GP_OK)
		r = send_data(s, m);
	if (r != GP_ETEMP)
		quit(s);
	return r;
}

int gp_smtp_submit(const char *address, const struct gp_smtp_message *message, int64_t deadline_ms,
		   struct gp_diag *diag)
{
	struct gp_diag own = {""};
	struct smtp s = {.dial = {.fd = -1, .deadline_ms = deadline_ms}, .in = GP_BUF_INIT(REPLY_MAX),
			 .reply = GP_BUF_INIT(REPLY_MAX), .diag = &own};
	int r = check(message, &own);

	if (r == GP_OK)
		r = talk(&s, address, message);
	gp_dial_close(&s.dial);
	gp_buf_done(&s.in);
	gp_buf_done(&s.reply);
	if (diag)
		*diag = own;
	return r;
}
