/*
 * One line of Postfix's log; see the header.
 *
 * What a line tells is looked for where Postfix writes it and nowhere else: texts of
 * strangers (names, addresses, other servers' answers) stand in the same lines.  Addresses
 * are quoted as in mail (info_log_addr_form = external, the default since 3.5), so a ">"
 * in one ends it only outside of quotes.
 */
#include "controller/maillog_line.h"

#include "controller/maillog_time.h"

#define QUEUE_ID_MIN 6
#define QUEUE_ID_MAX 32 /* long ones have up to some 18 characters */

static bool skip(struct gp_str *s, struct gp_str text)
{
	if (!gp_str_starts(*s, text))
		return false;
	*s = gp_str_sub(*s, text.len, s->len);
	return true;
}

/* Takes what stands before the text, and the text, off the rest; false: it is not there. */
static bool take_until(struct gp_str *rest, struct gp_str text, struct gp_str *ret)
{
	size_t at = gp_str_find(*rest, text, 0);

	if (at == rest->len)
		return false;
	*ret = gp_str_sub(*rest, 0, at);
	*rest = gp_str_sub(*rest, at + text.len, rest->len);
	return true;
}

/* Prefixes. */

/* "<22>", which RFC 5424 has, and some write before lines of RFC 3164. */
static void skip_priority(struct gp_str *s)
{
	size_t i = 1;

	if (s->len == 0 || s->ptr[0] != '<')
		return;
	while (i < s->len && i < 4 && gp_is_digit(s->ptr[i]))
		i++;
	if (i > 1 && i < s->len && s->ptr[i] == '>')
		*s = gp_str_sub(*s, i + 1, s->len);
}

/* Structured data: "-", or elements in brackets, whose values are quoted. */
static bool skip_data(struct gp_str *s)
{
	size_t i = 0;
	bool is_quoted = false;

	if (skip(s, GP_STR("- ")))
		return true;
	if (s->len == 0 || s->ptr[0] != '[')
		return false;
	for (; i < s->len; i++) {
		char c = s->ptr[i];

		if (is_quoted && c == '\\')
			i++;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && c == ' ' && s->ptr[i - 1] == ']')
			break;
	}
	if (i >= s->len)
		return false;
	*s = gp_str_sub(*s, i + 1, s->len);
	return true;
}

/* RFC 5424 behind the time: host, program, process, kind of message, data. */
static bool take_tag_5424(struct gp_str *s, struct gp_str *ret_tag)
{
	struct gp_str word;

	if (!take_until(s, GP_STR(" "), &word) || !take_until(s, GP_STR(" "), ret_tag) ||
	    !take_until(s, GP_STR(" "), &word) || !take_until(s, GP_STR(" "), &word) ||
	    !skip_data(s))
		return false;
	skip(s, GP_STR("\xef\xbb\xbf"));
	return true;
}

/* RFC 3164 behind the time: host, "program[process]:". */
static bool take_tag_3164(struct gp_str *s, struct gp_str *ret_tag)
{
	struct gp_str word;

	if (!take_until(s, GP_STR(" "), &word) || !take_until(s, GP_STR(": "), &word) ||
	    gp_str_find_chr(word, ' ', 0) < word.len)
		return false;
	*ret_tag = gp_str_sub(word, 0, gp_str_find_chr(word, '[', 0));
	return true;
}

/* Addresses and clients. */

/* The end of "<…" within the brackets; s.len if there is none. */
static size_t address_end(struct gp_str s)
{
	size_t i = 0;

	if (s.len > 0 && s.ptr[0] == '"') {
		for (i = 1; i < s.len && s.ptr[i] != '"'; i++)
			if (s.ptr[i] == '\\')
				i++;
	}
	return i < s.len ? gp_str_find_chr(s, '>', i) : s.len;
}

/* "NAME=<address>" at the beginning. */
static bool take_address(struct gp_str *s, struct gp_str name, struct gp_str *ret)
{
	struct gp_str rest = *s;
	size_t end;

	if (!skip(&rest, name))
		return false;
	end = address_end(rest);
	if (end == rest.len)
		return false;
	*ret = gp_str_sub(rest, 0, end);
	*s = gp_str_sub(rest, end + 1, rest.len);
	return true;
}

/* The address of "name[address]" or "name[address]:port"; "" for one that is not known. */
static struct gp_str client_address(struct gp_str client)
{
	size_t open = gp_str_find_chr(client, '[', 0);
	struct gp_str address = gp_str_sub(client, open + 1, client.len);

	address = gp_str_sub(address, 0, gp_str_find_chr(address, ']', 0));
	return gp_str_eq(address, GP_STR("unknown")) ? GP_STR("") : address;
}

/* Messages.  Each gets what stands behind the queue id and its colon. */

/* "client=name[address], sasl_method=PLAIN, sasl_username=u, orig_queue_id=…, orig_client=…";
 * a user name may hold ", " */
static bool read_client(struct gp_str s, struct maillog_line *l)
{
	const struct gp_str account = GP_STR(", sasl_username="), origin = GP_STR(", orig_queue_id="),
			    original = GP_STR(", orig_client=");
	const struct gp_str ends[] = {GP_STR(", sasl_sender="), origin, original};
	size_t at;

	if (!skip(&s, GP_STR("client=")))
		return false;
	l->client = client_address(gp_str_sub(s, 0, gp_str_find(s, GP_STR(", "), 0)));
	at = gp_str_find(s, account, 0);
	if (at < s.len) {
		l->account = gp_str_sub(s, at + account.len, s.len);
		for (size_t i = 0; i < GP_ARRAY_SIZE(ends); i++)
			l->account = gp_str_sub(l->account, 0, gp_str_find(l->account, ends[i], 0));
	}
	at = gp_str_find(s, origin, 0);
	if (at < s.len) {
		l->origin_id = gp_str_sub(s, at + origin.len, s.len);
		l->origin_id = gp_str_sub(l->origin_id, 0, gp_str_find_chr(l->origin_id, ',', 0));
	}
	at = gp_str_find(s, original, 0);
	if (at < s.len)
		l->client = client_address(gp_str_sub(s, at + original.len, s.len));
	l->kind = MAILLOG_CLIENT;
	return true;
}

static bool read_queue(struct gp_str s, struct maillog_line *l)
{
	if (gp_str_eq(s, GP_STR("removed")))
		l->kind = MAILLOG_REMOVED;
	else if (take_address(&s, GP_STR("from=<"), &l->sender))
		l->kind = MAILLOG_SENDER;
	return l->kind != MAILLOG_OTHER;
}

/* "to=<r>, orig_to=<o>, relay=…, …, dsn=5.1.1, status=bounced (…)" */
static bool read_delivery(struct gp_str s, struct maillog_line *l)
{
	struct gp_str before, original;

	if (!take_address(&s, GP_STR("to=<"), &l->recipient))
		return false;
	take_address(&s, GP_STR(", orig_to=<"), &original);
	if (!skip(&s, GP_STR(", relay=")) || !take_until(&s, GP_STR(", dsn="), &before) ||
	    !skip(&s, GP_STR("5.")) || !take_until(&s, GP_STR(", "), &before) ||
	    !skip(&s, GP_STR("status=bounced ")))
		return false;
	l->kind = MAILLOG_BOUNCE;
	return true;
}

/* What is no failure of the client. */
static bool is_our_failure(struct gp_str reason)
{
	return gp_str_starts(reason, GP_STR("Connection lost to authentication server")) ||
	       gp_str_starts(reason, GP_STR("Temporary authentication failure"));
}

/* "warning: name[address]: SASL LOGIN authentication failed: reason, sasl_username=u" */
static bool read_failure(struct gp_str s, struct maillog_line *l)
{
	const struct gp_str account = GP_STR(", sasl_username=");
	struct gp_str client, method;
	size_t at, next;

	if (!skip(&s, GP_STR("warning: ")) || !take_until(&s, GP_STR(": SASL "), &client) ||
	    !take_until(&s, GP_STR(" "), &method) || !skip(&s, GP_STR("authentication failed: ")) ||
	    is_our_failure(s))
		return false;
	l->client = client_address(client);
	at = gp_str_find(s, account, 0);
	while (at < s.len && (next = gp_str_find(s, account, at + 1)) < s.len)
		at = next;
	if (at < s.len)
		l->account = gp_str_sub(s, at + account.len, s.len);
	if (gp_str_eq(l->account, GP_STR("(unavailable)")))
		l->account = GP_STR("");
	l->kind = MAILLOG_AUTH_FAILURE;
	return true;
}

typedef bool read_fn(struct gp_str message, struct maillog_line *l);

/* Who says what. */
static const struct {
	const char *program;
	read_fn *read;
	bool is_without_id;
} readers[] = {
	{"smtpd", read_client, false},	  {"smtpd", read_failure, true},
	{"qmgr", read_queue, false},	  {"nqmgr", read_queue, false},
	{"oqmgr", read_queue, false},	  {"postsuper", read_queue, false},
	{"smtp", read_delivery, false},	  {"lmtp", read_delivery, false},
	{"local", read_delivery, false},  {"virtual", read_delivery, false},
	{"pipe", read_delivery, false},	  {"error", read_delivery, false},
	{"retry", read_delivery, false},  {"discard", read_delivery, false},
};

/* "4FXW2K6C1: ", which the line goes on with. */
static bool take_queue_id(struct gp_str *s, struct gp_str *ret)
{
	size_t n = 0;

	while (n < s->len && gp_is_alnum(s->ptr[n]))
		n++;
	if (n < QUEUE_ID_MIN || n > QUEUE_ID_MAX || s->len < n + 2 || s->ptr[n] != ':' ||
	    s->ptr[n + 1] != ' ')
		return false;
	*ret = gp_str_sub(*s, 0, n);
	*s = gp_str_sub(*s, n + 2, s->len);
	return !gp_str_eq(*ret, GP_STR("NOQUEUE")) && !gp_str_eq(*ret, GP_STR("warning"));
}

static void read_message(struct gp_str message, struct maillog_line *l)
{
	struct gp_str program = gp_str_after_last(l->tag, '/'), rest = message, id = GP_STR("");
	bool has_id;

	if (program.len == l->tag.len) /* no "/": not Postfix's */
		return;
	has_id = take_queue_id(&rest, &id);
	for (size_t i = 0; i < GP_ARRAY_SIZE(readers); i++) {
		if (!gp_str_eq(program, gp_str(readers[i].program)) ||
		    has_id == readers[i].is_without_id)
			continue;
		if (readers[i].read(has_id ? rest : message, l)) {
			if (has_id)
				l->queue_id = id;
			return;
		}
	}
}

void maillog_parse(struct gp_str line, int64_t now_s, struct maillog_line *ret)
{
	struct maillog_line l = {.kind = MAILLOG_OTHER};
	struct gp_str time;
	bool is_5424, ok;

	skip_priority(&line);
	is_5424 = skip(&line, GP_STR("1 "));
	time = line;
	ok = maillog_take_time(&line, now_s, NULL) &&
	     (is_5424 ? take_tag_5424(&line, &l.tag) : take_tag_3164(&line, &l.tag));
	if (ok)
		read_message(line, &l);
	if (l.kind == MAILLOG_OTHER)
		l = (struct maillog_line){.kind = MAILLOG_OTHER, .tag = l.tag};
	if (l.kind == MAILLOG_BOUNCE || l.kind == MAILLOG_AUTH_FAILURE)
		(void)maillog_take_time(&time, now_s, &l.time_s);
	*ret = l;
}
