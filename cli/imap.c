/*
 * A small IMAP client; see the header.
 */
#include "cli/imap.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/codec.h"
#include "lib/base/vec.h"

#define LINE_MAX_SIZE ((size_t)64 << 10) /* of a command */
#define FOLDERS_MAX 100000u

/* Gets each untagged response, without "* ". */
typedef void untagged_fn(void *arg, struct gp_str response);

void imap_init(struct imap *m, const struct cli_wait *wait)
{
	*m = (struct imap){.capabilities = GP_BUF_INIT(LINE_MAX_SIZE)};
	imap_stream_init(&m->stream, wait);
}

static void keep_capabilities(struct imap *m, struct gp_str text)
{
	gp_buf_reset(&m->capabilities);
	gp_buf_add_chr(&m->capabilities, ' ');
	gp_buf_add_str(&m->capabilities, gp_str_sub(text, 0, gp_str_find_chr(text, ']', 0)));
	gp_buf_add_chr(&m->capabilities, ' ');
}

bool imap_can(const struct imap *m, const char *capability)
{
	char word[64];
	int n = snprintf(word, sizeof(word), " %s ", capability);
	struct gp_str all = gp_buf_str(&m->capabilities);

	return gp_str_ifind(all, gp_str_n(word, (size_t)n), 0) < all.len;
}

/* The words of a NO or BAD, without what is in brackets. */
static int refused(struct gp_str line, struct gp_diag *diag)
{
	bool is_no = gp_str_istarts(line, GP_STR("NO"));
	struct gp_str why = gp_str_trim(gp_str_sub(line, is_no ? 2 : 3, line.len));

	if (gp_str_starts(why, GP_STR("[")))
		why = gp_str_trim(gp_str_sub(why, gp_str_find_chr(why, ']', 0) + 1, why.len));
	gp_diag_set(diag, "the server says: %.*s", GP_STR_FMT(gp_str_sub(why, 0, 300)));
	return is_no ? GP_EACCES : GP_EINVAL;
}

/* Reads until the end of the command; or, where it has more to send, until it may. */
static int answer(struct imap *m, untagged_fn *untagged, void *arg, bool *ret_goes_on,
		  struct gp_diag *diag)
{
	char tag[16];
	struct gp_str line, end = gp_str_n(tag, (size_t)snprintf(tag, sizeof(tag), "g%u ", m->tag));

	for (;;) {
		int r = imap_stream_line(&m->stream, &line, diag);

		if (r < 0)
			return r;
		if (gp_str_starts(line, GP_STR("+")) && ret_goes_on) {
			*ret_goes_on = true;
			return GP_OK;
		}
		if (gp_str_starts(line, end)) {
			line = gp_str_sub(line, end.len, line.len);
			return gp_str_istarts(line, GP_STR("OK")) ? GP_OK : refused(line, diag);
		}
		if (!gp_str_starts(line, GP_STR("* "))) {
			gp_diag_set(diag, "the server does not speak IMAP");
			return GP_EINVAL;
		}
		line = gp_str_sub(line, 2, line.len);
		if (gp_str_istarts(line, GP_STR("CAPABILITY ")))
			keep_capabilities(m, gp_str_sub(line, strlen("CAPABILITY "), line.len));
		else if (gp_str_istarts(line, GP_STR("BYE")) && !untagged)
			gp_diag_set(diag, "the server says: %.*s", GP_STR_FMT(line));
		else if (untagged)
			untagged(arg, line);
	}
}

static int begin(struct imap *m, const struct gp_buf *command, struct gp_diag *diag)
{
	GP_BUF_AUTO out = GP_BUF_INIT(LINE_MAX_SIZE);

	gp_buf_printf(&out, "g%u ", ++m->tag);
	gp_buf_add_str(&out, gp_buf_str(command));
	gp_buf_add_cstr(&out, "\r\n");
	if (gp_buf_error(command) || gp_buf_error(&out)) {
		gp_diag_set(diag, "a name is too long for IMAP");
		return GP_ELIMIT;
	}
	return imap_stream_write(&m->stream, gp_buf_str(&out), diag);
}

static int ask(struct imap *m, const struct gp_buf *command, untagged_fn *untagged, void *arg,
	       struct gp_diag *diag)
{
	int r = begin(m, command, diag);

	return r < 0 ? r : answer(m, untagged, arg, NULL, diag);
}

GP_PRINTF(3, 4) static int say(struct imap *m, struct gp_diag *diag, const char *fmt, ...)
{
	GP_BUF_AUTO command = GP_BUF_INIT(LINE_MAX_SIZE);
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gp_buf_add_cstr(&command, text);
	return ask(m, &command, NULL, NULL, diag);
}

/* Sends a command, and `rest` when the server is ready for it. */
static int ask_twice(struct imap *m, const struct gp_buf *command, struct gp_str rest,
		     struct gp_diag *diag)
{
	bool goes_on = false;
	int r = begin(m, command, diag);

	if (r == GP_OK)
		r = answer(m, NULL, NULL, &goes_on, diag);
	if (r < 0 || !goes_on)
		return r;
	r = imap_stream_write(&m->stream, rest, diag);
	if (r == GP_OK)
		r = imap_stream_write(&m->stream, GP_STR("\r\n"), diag);
	return r < 0 ? r : answer(m, NULL, NULL, NULL, diag);
}

static void add_quoted(struct gp_buf *out, const char *name)
{
	gp_buf_add_chr(out, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			gp_buf_add_chr(out, '\\');
		gp_buf_add_chr(out, *name);
	}
	gp_buf_add_chr(out, '"');
}

int imap_greet(struct imap *m, struct gp_diag *diag)
{
	struct gp_str line;
	int r = imap_stream_line(&m->stream, &line, diag);

	if (r < 0)
		return r;
	m->is_in = gp_str_istarts(line, GP_STR("* PREAUTH"));
	if (!m->is_in && !gp_str_istarts(line, GP_STR("* OK"))) {
		gp_diag_set(diag, "the server greets with: %.*s", GP_STR_FMT(gp_str_sub(line, 0, 200)));
		return GP_EINVAL;
	}
	return say(m, diag, "CAPABILITY");
}

int imap_start_tls(struct imap *m, const struct gp_tls_config *config, const char *name,
		   struct gp_diag *diag)
{
	int r = say(m, diag, "STARTTLS");

	/* What came before TLS and was not asked for is nobody's answer. */
	gp_buf_reset(&m->stream.in);
	m->stream.taken = 0;
	if (r == GP_OK)
		r = imap_stream_secure(&m->stream, config, name, diag);
	return r < 0 ? r : say(m, diag, "CAPABILITY");
}

int imap_login(struct imap *m, const char *user, const char *login, const char *password,
	       struct gp_diag *diag)
{
	GP_BUF_AUTO command = GP_BUF_INIT(64);
	GP_BUF_AUTO plain = GP_BUF_INIT(LINE_MAX_SIZE);
	GP_BUF_AUTO coded = GP_BUF_INIT(LINE_MAX_SIZE);
	int r;

	gp_buf_add(&plain, user, strlen(user) + 1);
	gp_buf_add(&plain, login, strlen(login) + 1);
	gp_buf_add_cstr(&plain, password);
	gp_base64_encode(plain.data, plain.len, &coded);
	gp_buf_add_cstr(&command, "AUTHENTICATE PLAIN");
	r = ask_twice(m, &command, gp_buf_str(&coded), diag);
	if (r < 0)
		return r;
	m->is_in = true;
	return say(m, diag, "CAPABILITY");
}

void imap_close(struct imap *m)
{
	struct gp_diag diag;

	if (m->stream.fd >= 0 && m->is_in)
		(void)say(m, &diag, "LOGOUT"); /* its session hands over before it ends */
	imap_stream_close(&m->stream);
	gp_buf_done(&m->capabilities);
	m->is_in = false;
}

int imap_noop(struct imap *m, struct gp_diag *diag)
{
	return say(m, diag, "NOOP");
}

/* LIST. */

struct listing {
	struct gp_arena *arena;
	struct imap_folders *folders;
};

/* Takes a quoted string, a literal or an atom from the front; NULL for NIL. */
static const char *take_string(struct gp_arena *arena, struct gp_str *rest)
{
	GP_BUF_AUTO out = GP_BUF_INIT(LINE_MAX_SIZE);
	size_t i;

	if (gp_str_starts(*rest, GP_STR("{"))) {
		size_t end = gp_str_find(*rest, GP_STR("}\r\n"), 0);

		gp_buf_add_str(&out, gp_str_sub(*rest, end + 3, rest->len));
		*rest = gp_str_sub(*rest, rest->len, 0);
		return gp_arena_cstr(arena, gp_buf_str(&out));
	}
	if (!gp_str_starts(*rest, GP_STR("\""))) {
		struct gp_str atom = gp_str_sub(*rest, 0, gp_str_find_chr(*rest, ' ', 0));

		*rest = gp_str_sub(*rest, atom.len + 1, rest->len);
		return gp_str_ieq(atom, GP_STR("NIL")) ? NULL : gp_arena_cstr(arena, atom);
	}
	for (i = 1; i < rest->len && rest->ptr[i] != '"'; i++) {
		if (rest->ptr[i] == '\\' && i + 1 < rest->len)
			i++;
		gp_buf_add_chr(&out, rest->ptr[i]);
	}
	*rest = gp_str_trim(gp_str_sub(*rest, i + 1, rest->len));
	return gp_arena_cstr(arena, gp_buf_str(&out));
}

bool imap_folder_is(const struct imap_folder *f, const char *flag)
{
	struct gp_str rest = gp_str(f->flags), word;

	while (gp_str_next_word(&rest, &word))
		if (gp_str_ieq(word, gp_str(flag)))
			return true;
	return false;
}

static void listed(void *arg, struct gp_str line)
{
	const struct listing *l = arg;
	struct imap_folders *folders = l->folders;
	size_t open = gp_str_find_chr(line, '(', 0), close = gp_str_find_chr(line, ')', 0);
	struct gp_str rest = gp_str_trim(gp_str_sub(line, close + 1, line.len));
	struct imap_folder f;
	const char *separator;

	if (!gp_str_istarts(line, GP_STR("LIST ")) || open >= close || close >= line.len ||
	    folders->len >= FOLDERS_MAX)
		return;
	f.flags = gp_arena_cstr(l->arena, gp_str_sub(line, open + 1, close - open - 1));
	separator = take_string(l->arena, &rest);
	f.separator = separator ? *separator : '\0';
	f.name = take_string(l->arena, &rest);
	if (!f.name || strpbrk(f.name, "\r\n") || imap_folder_is(&f, "\\Noselect") ||
	    imap_folder_is(&f, "\\NonExistent"))
		return;
	*gp_vec_push(l->arena, folders) = f;
}

int imap_list(struct imap *m, struct gp_arena *arena, struct imap_folders *ret, struct gp_diag *diag)
{
	GP_BUF_AUTO command = GP_BUF_INIT(64);
	struct listing l = {arena, ret};

	gp_buf_add_cstr(&command, "LIST \"\" \"*\"");
	if (imap_can(m, "SPECIAL-USE"))
		gp_buf_add_cstr(&command, " RETURN (SPECIAL-USE)");
	return ask(m, &command, listed, &l, diag);
}

/* Messages. */

int imap_select(struct imap *m, const char *folder, struct gp_diag *diag)
{
	GP_BUF_AUTO command = GP_BUF_INIT(LINE_MAX_SIZE);

	gp_buf_add_cstr(&command, "SELECT ");
	add_quoted(&command, folder);
	return ask(m, &command, NULL, NULL, diag);
}

int imap_append(struct imap *m, const char *folder, const char *flags, struct gp_str message,
		struct gp_diag *diag)
{
	GP_BUF_AUTO command = GP_BUF_INIT(LINE_MAX_SIZE);

	gp_buf_add_cstr(&command, "APPEND ");
	add_quoted(&command, folder);
	gp_buf_printf(&command, " (%s) {%zu}", flags, message.len);
	return ask_twice(m, &command, message, diag);
}

static void searched(void *arg, struct gp_str line)
{
	struct gp_buf *uids = arg;
	struct gp_str word;

	if (!gp_str_next_word(&line, &word) || !gp_str_ieq(word, GP_STR("SEARCH")))
		return;
	while (gp_str_next_word(&line, &word))
		if (gp_str_is_digits(word)) {
			if (uids->len > 0)
				gp_buf_add_chr(uids, ',');
			gp_buf_add_str(uids, word);
		}
}

int imap_find(struct imap *m, const char *keyword, struct gp_buf *ret_uids, struct gp_diag *diag)
{
	GP_BUF_AUTO command = GP_BUF_INIT(256);

	gp_buf_reset(ret_uids);
	gp_buf_printf(&command, "UID SEARCH KEYWORD %s", keyword);
	return ask(m, &command, searched, ret_uids, diag);
}

int imap_move(struct imap *m, const char *uids, const char *folder, struct gp_diag *diag)
{
	GP_BUF_AUTO command = GP_BUF_INIT(LINE_MAX_SIZE);

	gp_buf_printf(&command, "UID MOVE %s ", uids);
	add_quoted(&command, folder);
	return ask(m, &command, NULL, NULL, diag);
}

int imap_expunge(struct imap *m, const char *uids, struct gp_diag *diag)
{
	GP_BUF_AUTO command = GP_BUF_INIT(LINE_MAX_SIZE);
	int r;

	gp_buf_printf(&command, "UID STORE %s +FLAGS.SILENT (\\Deleted)", uids);
	r = ask(m, &command, NULL, NULL, diag);
	if (r < 0)
		return r;
	gp_buf_reset(&command);
	gp_buf_printf(&command, "UID EXPUNGE %s", uids);
	return ask(m, &command, NULL, NULL, diag);
}

struct fetching {
	void (*found)(void *arg, struct gp_str message_id);
	void *arg;
};

/* "1 FETCH (UID 1 BODY[HEADER.FIELDS (MESSAGE-ID)] {60}\r\nMessage-ID: <…>\r\n\r\n)" */
static void fetched(void *arg, struct gp_str line)
{
	const struct fetching *f = arg;
	struct gp_str name = GP_STR("Message-ID:");
	size_t at = gp_str_ifind(line, GP_STR("}\r\n"), 0), end;

	at = at < line.len ? gp_str_ifind(line, name, at) : line.len;
	if (at >= line.len)
		return;
	line = gp_str_sub(line, at + name.len, line.len);
	end = gp_str_find_chr(line, '>', 0);
	f->found(f->arg, gp_str_trim(gp_str_sub(line, 0, end + 1)));
}

int imap_message_ids(struct imap *m, const char *uids,
		     void (*found)(void *arg, struct gp_str message_id), void *arg,
		     struct gp_diag *diag)
{
	GP_BUF_AUTO command = GP_BUF_INIT(LINE_MAX_SIZE);
	struct fetching f = {found, arg};

	gp_buf_printf(&command, "UID FETCH %s (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", uids);
	return ask(m, &command, fetched, &f, diag);
}
