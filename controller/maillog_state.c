/*
 * The follower's state; see the header.
 *
 *	gatepost-maillog 1
 *	source PATH
 *	position INODE OFFSET MARK-LENGTH MARK, or
 *	journal TIME CURSOR
 *	message QUEUE-ID<TAB>ACCOUNT<TAB>CLIENT<TAB>SENDER
 *	end SUM
 */
#include "controller/maillog_state.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/hash.h"
#include "lib/base/num.h"

#define STATE_MAX ((size_t)256 << 20) /* more than maillog.messages_max usual ones need */
#define HEAD "gatepost-maillog 1\n"
#define SUM_SEED 0x7374617465

static void add_message(void *arg, const struct maillog_message *m)
{
	gp_buf_printf(arg, "message %.*s\t%.*s\t%.*s\t%.*s\n", GP_STR_FMT(m->queue_id),
		      GP_STR_FMT(m->account), GP_STR_FMT(m->client), GP_STR_FMT(m->sender));
}

static void add_position(struct gp_buf *text, const struct maillog_position *p)
{
	if (p->inode == MAILLOG_JOURNAL)
		gp_buf_printf(text, "journal %" PRIu64 " %s\n", p->offset, p->cursor);
	else
		gp_buf_printf(text, "position %" PRIu64 " %" PRIu64 " %" PRIu32 " %016" PRIx64 "\n",
			      p->inode, p->offset, p->mark_len, p->mark);
}

int maillog_state_save(const char *path, const char *source, const struct maillog_position *position,
		       const struct maillog_join *join, uint64_t *ret_size, struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(STATE_MAX);
	int r;

	gp_buf_add_cstr(&text, HEAD);
	gp_buf_printf(&text, "source %s\n", source);
	add_position(&text, position);
	maillog_join_each(join, add_message, &text);
	gp_buf_printf(&text, "end %016" PRIx64 "\n", gp_hash64(SUM_SEED, text.data, text.len));
	if (gp_buf_error(&text))
		return gp_diag_set(diag, "%s: too many messages", path), GP_ELIMIT;
	r = gp_file_replace(path, text.data, text.len, 0600, diag);
	if (r == GP_OK)
		*ret_size = text.len;
	return r;
}

static bool take_number(struct gp_str *s, int base, uint64_t *ret)
{
	struct gp_str word;

	return gp_str_next(s, ' ', &word) && gp_num_parse_uint(word, base, ret) == GP_OK;
}

static bool read_position(struct gp_str s, struct maillog_position *ret)
{
	uint64_t len = 0;

	if (!take_number(&s, 10, &ret->inode) || !take_number(&s, 10, &ret->offset) ||
	    !take_number(&s, 10, &len) || len > UINT32_MAX || !take_number(&s, 16, &ret->mark))
		return false;
	ret->mark_len = (uint32_t)len;
	return true;
}

static bool read_journal(struct gp_str s, struct maillog_position *ret)
{
	ret->inode = MAILLOG_JOURNAL;
	return take_number(&s, 10, &ret->offset) && gp_str_copy(ret->cursor, sizeof(ret->cursor), s);
}

static bool read_message(struct gp_str s, struct maillog_join *join)
{
	struct maillog_message m = {.sender = GP_STR("")};

	if (!gp_str_next(&s, '\t', &m.queue_id) || !gp_str_next(&s, '\t', &m.account) ||
	    !gp_str_next(&s, '\t', &m.client))
		return false;
	m.sender = s;
	maillog_join_put(join, &m);
	return m.queue_id.len > 0;
}

/* The lines between the first and the last, if the sum is right. */
static bool check_sum(struct gp_str text, struct gp_str *ret_lines)
{
	const size_t last = sizeof("end 0123456789abcdef\n") - 1;
	struct gp_str end;
	uint64_t sum = 0;

	if (text.len < last + sizeof(HEAD) - 1 || !gp_str_starts(text, GP_STR(HEAD)))
		return false;
	end = gp_str_sub(text, text.len - last, last);
	*ret_lines = gp_str_sub(text, sizeof(HEAD) - 1, text.len - last - (sizeof(HEAD) - 1));
	return gp_str_starts(end, GP_STR("end ")) && end.ptr[last - 1] == '\n' &&
	       gp_num_parse_uint(gp_str_sub(end, 4, 16), 16, &sum) == GP_OK &&
	       sum == gp_hash64(SUM_SEED, text.ptr, text.len - last);
}

static bool read_lines(struct gp_str lines, struct maillog_position *ret, struct maillog_join *join)
{
	const struct gp_str position = GP_STR("position "), journal = GP_STR("journal "),
			    message = GP_STR("message ");
	bool has_position = false, ok = true;
	struct gp_str line;

	while (ok && gp_str_next(&lines, '\n', &line)) {
		if (gp_str_starts(line, position))
			ok = has_position = read_position(gp_str_sub(line, position.len, line.len), ret);
		else if (gp_str_starts(line, journal))
			ok = has_position = read_journal(gp_str_sub(line, journal.len, line.len), ret);
		else
			ok = gp_str_starts(line, message) &&
			     read_message(gp_str_sub(line, message.len, line.len), join);
	}
	return ok && has_position;
}

/* The first line; false: of another log. */
static bool skip_source(struct gp_str *lines, const char *source)
{
	struct gp_str line, prefix = GP_STR("source ");

	return gp_str_next(lines, '\n', &line) && gp_str_starts(line, prefix) &&
	       gp_str_eq(gp_str_sub(line, prefix.len, line.len), gp_str(source));
}

int maillog_state_load(const char *path, const char *source, struct maillog_position *ret, struct maillog_join *join,
		       struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(STATE_MAX);
	struct maillog_position position = {0};
	struct gp_str lines;
	int r;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return GP_ENOENT;
	r = gp_file_read(path, &text, diag);
	if (r < 0)
		return r;
	if (!check_sum(gp_buf_str(&text), &lines))
		return gp_diag_set(diag, "%s is damaged", path), GP_EINVAL;
	if (!skip_source(&lines, source))
		return GP_ENOENT;
	if (!read_lines(lines, &position, join))
		return gp_diag_set(diag, "%s is damaged", path), GP_EINVAL;
	*ret = position;
	return GP_OK;
}
