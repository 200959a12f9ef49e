/*
 * Sessions and messages as programs see them, without any milter library.
 */
#include "lib/daemon/session.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"

#define HEADER_VALUE_MAX (64 << 10)

struct gp_session *gp_session_new(struct gp_snapshot *snap, const struct gp_session_verbs *verbs,
				  void *handle)
{
	struct gp_arena *arena = gp_arena_new(4096);
	struct gp_session *s = GP_ARENA_NEW(arena, struct gp_session);

	s->arena = arena;
	s->snap = gp_snapshot_ref(snap);
	s->verbs = verbs;
	s->handle = handle;
	s->msg.arena = gp_arena_new(0);
	return s;
}

void gp_session_free(struct gp_session *s)
{
	struct gp_snapshot *snap;

	if (!s)
		return;
	snap = s->snap;
	gp_arena_free(s->msg.arena);
	gp_arena_free(s->arena); /* s lives in it */
	gp_snapshot_unref(snap);
}

/* "<a@b>" without the brackets. */
static struct gp_str bare(struct gp_str address)
{
	if (address.len >= 2 && address.ptr[0] == '<' && address.ptr[address.len - 1] == '>')
		return gp_str_sub(address, 1, address.len - 2);
	return address;
}

static void read_mail_args(struct gp_envelope *msg)
{
	struct gp_str rest = msg->from_args, word;
	int64_t size;

	msg->size = -1;
	while (gp_str_next_word(&rest, &word)) {
		if (gp_str_istarts(word, GP_STR("SIZE=")) &&
		    gp_num_parse_int(gp_str_sub(word, 5, word.len), &size) == GP_OK && size >= 0)
			msg->size = size;
		else if (gp_str_ieq(word, GP_STR("SMTPUTF8")))
			msg->is_smtputf8 = true;
		else if (gp_str_ieq(word, GP_STR("BODY=8BITMIME")))
			msg->is_8bit = true;
	}
}

static struct gp_str macro_str(struct gp_session *s, struct gp_arena *arena, const char *name)
{
	const char *value = gp_session_macro(s, name);

	return value ? gp_arena_str(arena, gp_str(value)) : (struct gp_str){0};
}

void gp_session_begin_message(struct gp_session *s, struct gp_str from, struct gp_str args)
{
	struct gp_envelope *msg = &s->msg;

	gp_session_end_message(s);
	msg->from = gp_arena_str(msg->arena, bare(from));
	msg->from_args = gp_arena_str(msg->arena, args);
	read_mail_args(msg);
	msg->auth_user = macro_str(s, msg->arena, "auth_authen");
	msg->auth_type = macro_str(s, msg->arena, "auth_type");
	msg->queue_id = macro_str(s, msg->arena, "i");
	if (!s->tls_version.len)
		s->tls_version = macro_str(s, s->arena, "tls_version");
	msg->began_ms = gp_clock_mono_ms();
}

void gp_session_add_rcpt(struct gp_session *s, struct gp_str address, struct gp_str args)
{
	struct gp_envelope *msg = &s->msg;
	struct gp_rcpt *rcpt;

	if (!msg->queue_id.len)
		msg->queue_id = macro_str(s, msg->arena, "i");
	if (msg->n_rcpts_seen++ >= GP_MAX_RECIPIENTS)
		return;
	rcpt = gp_vec_push(msg->arena, &msg->rcpts);
	rcpt->address = gp_arena_str(msg->arena, bare(address));
	rcpt->args = gp_arena_str(msg->arena, args);
}

void gp_session_end_message(struct gp_session *s)
{
	struct gp_arena *arena = s->msg.arena;

	gp_arena_reset(arena);
	s->msg = (struct gp_envelope){.arena = arena, .size = -1};
	s->reply_code[0] = s->reply_xcode[0] = s->reply_text[0] = '\0';
}

const char *gp_session_macro(struct gp_session *s, const char *name)
{
	return s->verbs->macro(s, name);
}

/* The value as the MTA may have it: no CR, and a LF only where a fold follows. */
static void clean_value(struct gp_buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\r')
			continue;
		if (*value == '\n' && value[1] != ' ' && value[1] != '\t')
			gp_buf_add_chr(out, ' ');
		else
			gp_buf_add_chr(out, *value);
	}
}

int gp_session_add_header(struct gp_session *s, const char *name, const char *value)
{
	GP_BUF_AUTO clean = GP_BUF_INIT(HEADER_VALUE_MAX);

	clean_value(&clean, value);
	if (gp_buf_error(&clean) < 0)
		return gp_buf_error(&clean);
	return s->verbs->add_header(s, name, gp_buf_cstr(&clean));
}

int gp_session_insert_header(struct gp_session *s, int index, const char *name, const char *value)
{
	GP_BUF_AUTO clean = GP_BUF_INIT(HEADER_VALUE_MAX);

	clean_value(&clean, value);
	if (gp_buf_error(&clean) < 0)
		return gp_buf_error(&clean);
	return s->verbs->insert_header(s, index, name, gp_buf_cstr(&clean));
}

int gp_session_change_header(struct gp_session *s, const char *name, int nth, const char *value)
{
	GP_BUF_AUTO clean = GP_BUF_INIT(HEADER_VALUE_MAX);

	clean_value(&clean, value);
	if (gp_buf_error(&clean) < 0)
		return gp_buf_error(&clean);
	return s->verbs->change_header(s, name, nth, gp_buf_cstr(&clean));
}

int gp_session_delete_header(struct gp_session *s, const char *name, int nth)
{
	return s->verbs->change_header(s, name, nth, NULL);
}

int gp_session_delete_headers(struct gp_session *s, const char *name, int count)
{
	int r = GP_OK;

	for (int nth = count; nth > 0 && r == GP_OK; nth--)
		r = gp_session_delete_header(s, name, nth);
	return r;
}

int gp_session_quarantine(struct gp_session *s, const char *reason)
{
	GP_BUF_AUTO clean = GP_BUF_INIT(512);

	for (; *reason && clean.len < 200; reason++)
		gp_buf_add_chr(&clean, *reason >= ' ' && *reason < 0x7f ? *reason : ' ');
	return s->verbs->quarantine(s, clean.len ? gp_buf_cstr(&clean) : "held");
}

int gp_session_progress(struct gp_session *s)
{
	return s->verbs->progress(s);
}

void gp_session_set_reply(struct gp_session *s, const char *code, const char *xcode,
			  const char *fmt, ...)
{
	va_list args;

	gp_str_copy(s->reply_code, sizeof(s->reply_code), gp_str(code));
	gp_str_copy(s->reply_xcode, sizeof(s->reply_xcode), gp_str(xcode));
	va_start(args, fmt);
	vsnprintf(s->reply_text, sizeof(s->reply_text), fmt, args);
	va_end(args);
	for (char *p = s->reply_text; *p; p++)
		if (*p < ' ' || *p >= 0x7f)
			*p = '?';
}
