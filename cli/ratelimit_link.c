/*
 * Asking policyd-ratelimit; see the header.
 */
#include "cli/ratelimit_link.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/io/dial.h"
#include "lib/proto/event.h"
#include "policyd-ratelimit/options.h"
#include "policyd-ratelimit/report.h"

#define WAIT_MS 30000
#define NOTES_SHOWN 20

int gp_ratelimit_put(struct gp_buf *frame, const char *name, const char *value)
{
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c < ' ')
			return GP_EINVAL;
	gp_buf_printf(frame, "%s=%s\n", name, value);
	return gp_buf_error(frame) ? GP_EINVAL : GP_OK;
}

void gp_ratelimit_rows_done(struct gp_ratelimit_rows *rows)
{
	for (size_t i = 0; i < rows->items.len; i++)
		json_decref(rows->items.items[i]);
	rows->items.len = 0;
}

static void add_row(struct gp_cli *cli, struct gp_str json, struct gp_ratelimit_rows *rows)
{
	json_t *row = json_loadb(json.ptr, json.len, JSON_ALLOW_NUL, NULL);

	if (row)
		*gp_vec_push(cli->arena, &rows->items) = row;
}

/* Takes the frames that are whole; true: the answer was among them. */
static bool take_frames(struct gp_cli *cli, struct gp_buf *in, struct gp_ratelimit_rows *rows,
			enum gp_event_answer *ret_answer, const char **ret_text)
{
	struct gp_attr row, text;
	const char *why;
	size_t n;

	while ((n = gp_attrs_length(in->data, in->len)) > 0) {
		if (gp_event_answer_parse(in->data, n, ret_answer, &text, &why) > 0) {
			*ret_text = gp_arena_cstr(cli->arena, gp_str_n(text.data, text.len));
			return true;
		}
		if (gp_attrs_find(in->data, n, "row", &row))
			add_row(cli, gp_str_n(row.data, row.len), rows);
		gp_buf_consume(in, n);
	}
	return false;
}

static int talk(struct gp_cli *cli, struct gp_dial *d, struct gp_str frame,
		struct gp_ratelimit_rows *rows)
{
	GP_BUF_AUTO in = GP_BUF_INIT(REPORT_MAX + 65536);
	enum gp_event_answer answer = GP_EVENT_ERROR;
	const char *text = "";
	struct gp_diag diag;
	char buf[16384];
	size_t n = 0;

	if (gp_dial_write(d, frame.ptr, frame.len, &diag) < 0 ||
	    gp_dial_write(d, "\n", 1, &diag) < 0)
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "policyd-ratelimit: %s", diag.text);
	do {
		if (gp_dial_read(d, buf, sizeof(buf), &n, &diag) < 0)
			return gp_cli_fail(GP_EXIT_UNAVAILABLE, "policyd-ratelimit: %s", diag.text);
		gp_buf_add(&in, buf, n);
		if (n == 0 || gp_buf_error(&in))
			return gp_cli_fail(GP_EXIT_UNAVAILABLE,
					   "policyd-ratelimit: its answer ends before its end");
	} while (!take_frames(cli, &in, rows, &answer, &text));
	if (answer == GP_EVENT_OK)
		return 0;
	return gp_cli_fail(answer == GP_EVENT_LATER ? GP_EXIT_TEMPFAIL : GP_EXIT_DATA, "%s", text);
}

static const char *socket_of(const struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);

	return conf->contain.control_socket;
}

static int connect_to(const struct gp_snapshot *snap, struct gp_dial *ret, struct gp_diag *diag)
{
	if (*socket_of(snap))
		return gp_dial_open(ret, socket_of(snap), gp_clock_mono_ms() + WAIT_MS, diag);
	gp_diag_set(diag, "policyd-ratelimit.control_socket is empty");
	return GP_EINVAL;
}

int gp_ratelimit_order(struct gp_cli *cli, const struct gp_snapshot *snap, struct gp_str frame,
		       struct gp_ratelimit_rows *ret)
{
	struct gp_diag diag = {""};
	struct gp_dial d;
	int status;

	if (connect_to(snap, &d, &diag) < 0)
		return gp_cli_fail(GP_EXIT_UNAVAILABLE,
				   "policyd-ratelimit does not answer at %s: %s; only a running one "
				   "changes anything", socket_of(snap), diag.text);
	status = talk(cli, &d, frame, ret);
	gp_dial_close(&d);
	return status;
}

/* Without the daemon. */

static int read_all(struct gp_store *store, struct gp_str name, struct gp_str key, unsigned max,
		    struct gp_buf *out)
{
	static const enum note_ring rings[] = {NOTE_CHANGE, NOTE_EVENT, NOTE_HELD};
	int64_t deadline_ms = gp_clock_mono_ms() + WAIT_MS;
	int r = report_contained_stored(store, name, deadline_ms, out);

	if (r == GP_OK)
		r = report_limits(store, key, key.len > 0 ? REPORT_LIMITS_MAX : max, deadline_ms, out);
	for (size_t i = 0; r == GP_OK && key.len > 0 && i < GP_ARRAY_SIZE(rings); i++)
		r = report_notes(store, rings[i], name, NOTES_SHOWN, deadline_ms, out);
	return r;
}

static int read_store(struct gp_cli *cli, const struct gp_snapshot *snap, const char *text,
		      unsigned max, struct gp_ratelimit_rows *ret)
{
	GP_BUF_AUTO out = GP_BUF_INIT(REPORT_MAX);
	enum contain_kind kind;
	enum gp_event_answer answer;
	struct gp_str key = {0}, name = {0};
	struct gp_store *store;
	const char *unused;
	int r, status;

	if (*text) {
		if (contained_parse_key(gp_str(text), cli->arena, &kind, &key) < 0)
			return gp_cli_fail(GP_EXIT_USAGE, "\"%s\" is no key", text);
		name = contained_name(cli->arena, kind, key);
	}
	status = gp_cli_open_store(snap, 0, &store);
	if (status)
		return status;
	r = read_all(store, name, key, max, &out);
	if (r == GP_OK)
		(void)take_frames(cli, &out, ret, &answer, &unused);
	else
		status = gp_cli_fail(GP_EXIT_UNAVAILABLE, "store: %s", gp_err_name(r));
	gp_store_close(&store);
	return status;
}

int gp_ratelimit_look(struct gp_cli *cli, const struct gp_snapshot *snap, const char *key,
		      unsigned max, struct gp_ratelimit_rows *ret)
{
	GP_BUF_AUTO frame = GP_BUF_INIT(2048);
	struct gp_diag diag = {""};
	struct gp_dial d;
	int status;

	if (connect_to(snap, &d, &diag) < 0) {
		fprintf(stderr, "gatepost: policyd-ratelimit does not answer (%s): this is what the "
				"store knows\n", diag.text);
		return read_store(cli, snap, key, max, ret);
	}
	gp_buf_printf(&frame, "request=%s\n", *key ? "show" : "list");
	if (!*key)
		gp_buf_printf(&frame, "max=%u\n", max);
	if (*key && gp_ratelimit_put(&frame, "key", key) < 0)
		status = gp_cli_fail(GP_EXIT_USAGE, "this is no key");
	else
		status = talk(cli, &d, gp_buf_str(&frame), ret);
	gp_dial_close(&d);
	return status;
}
