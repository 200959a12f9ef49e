/*
 * Lines of Postfix's log.  What was read lies within the line, in the kinds that have it; and
 * what such a line tells does not depend on how its prefix is written.
 */
#include <stdio.h>
#include <string.h>

#include "controller/maillog_line.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1795292400

static void check_text(struct gp_str text, struct gp_str line)
{
	if (text.len > 0)
		FUZZ_CHECK(text.ptr >= line.ptr &&
			   (size_t)(text.ptr - line.ptr) + text.len <= line.len);
}

static void check(const struct maillog_line *l, struct gp_str line)
{
	bool has_id = l->kind != MAILLOG_OTHER && l->kind != MAILLOG_AUTH_FAILURE;

	FUZZ_CHECK(l->kind <= MAILLOG_AUTH_FAILURE && l->time_s >= 0);
	FUZZ_CHECK((l->queue_id.len > 0) == has_id && l->queue_id.len <= 32);
	check_text(l->tag, line);
	check_text(l->queue_id, line);
	check_text(l->client, line);
	check_text(l->account, line);
	check_text(l->origin_id, line);
	check_text(l->sender, line);
	check_text(l->recipient, line);
	if (l->kind == MAILLOG_OTHER)
		FUZZ_CHECK(l->client.len + l->account.len + l->sender.len + l->recipient.len == 0);
}

/* The same message in the form of RFC 5424. */
static void check_other_form(const struct maillog_line *l, struct gp_str line)
{
	static const char prefix[] = "<22>1 2026-11-21T20:19:42Z mx ";
	static char text[65536];
	size_t at = gp_str_find(line, GP_STR(": "), (size_t)(l->tag.ptr - line.ptr)) + 2, n;
	struct maillog_line other;
	int len = snprintf(text, sizeof(text), "%s%.*s 1 - - ", prefix, GP_STR_FMT(l->tag));

	FUZZ_CHECK(len > 0 && (size_t)len + line.len - at < sizeof(text));
	n = (size_t)len;
	memcpy(text + n, line.ptr + at, line.len - at);
	n += line.len - at;
	maillog_parse(gp_str_n(text, n), NOW, &other);
	FUZZ_CHECK(other.kind == l->kind && gp_str_eq(other.queue_id, l->queue_id) &&
		   gp_str_eq(other.account, l->account) && gp_str_eq(other.client, l->client) &&
		   gp_str_eq(other.recipient, l->recipient) && gp_str_eq(other.sender, l->sender));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str rest = gp_str_n(data, size < 16384 ? size : 16384), line;

	while (gp_str_next(&rest, '\n', &line)) {
		struct maillog_line l;

		maillog_parse(line, NOW, &l);
		check(&l, line);
		if (l.kind != MAILLOG_OTHER && line.ptr[0] != '<' && line.ptr[0] != '1' &&
		    !memchr(l.tag.ptr, '\0', l.tag.len))
			check_other_form(&l, line);
	}
	return 0;
}
