/*
 * Asking milter-virus; see the header.
 */
#include "cli/virus_link.h"

#include "lib/base/clock.h"
#include "lib/io/dial.h"
#include "milter-virus/options.h"

#define ANSWER_MAX 65536
/* Above what a message may wait for a worker and then be scanned (queue_wait, deadline). */
#define ASK_MS 900000

static int read_all(struct gp_dial *d, struct gp_buf *answer, struct gp_diag *diag)
{
	char chunk[4096];
	size_t n;

	do {
		if (gp_dial_read(d, chunk, sizeof(chunk), &n, diag) < 0)
			return GP_ETEMP;
		gp_buf_add(answer, chunk, n);
	} while (n > 0 && !gp_buf_error(answer));
	return GP_OK;
}

static int talk(const char *address, const char *request, struct gp_str body, struct gp_buf *answer,
		struct gp_diag *diag)
{
	struct gp_dial d;
	int r = gp_dial_open(&d, address, gp_clock_mono_ms() + ASK_MS, diag);

	if (r == GP_OK)
		r = gp_dial_write(&d, request, strlen(request), diag);
	if (r == GP_OK)
		r = gp_dial_write(&d, "\n", 1, diag);
	if (r == GP_OK && body.len > 0)
		r = gp_dial_write(&d, body.ptr, body.len, diag);
	if (r == GP_OK)
		r = read_all(&d, answer, diag);
	gp_dial_close(&d);
	return r;
}

int gp_virus_ask(const struct gp_snapshot *snap, const char *request, struct gp_str body,
		 json_t **ret)
{
	const struct virus_conf *conf = gp_snapshot_get(snap, &virus_table);
	GP_BUF_AUTO answer = GP_BUF_INIT(ANSWER_MAX);
	struct gp_diag diag = {""};
	const char *error;

	if (!*conf->control)
		return gp_cli_fail(GP_EXIT_CONFIG, "milter-virus.control is empty: there is nothing to ask");
	if (talk(conf->control, request, body, &answer, &diag) < 0)
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "%s: %s; does milter-virus run?", conf->control,
				   diag.text);
	*ret = json_loadb(answer.data, answer.len, 0, NULL);
	if (!json_is_object(*ret)) {
		json_decref(*ret);
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "%s: its answer is none of milter-virus",
				   conf->control);
	}
	error = json_string_value(json_object_get(*ret, "error"));
	if (!error)
		return 0;
	(void)gp_cli_fail(GP_EXIT_UNAVAILABLE, "milter-virus: %s", error);
	json_decref(*ret);
	return GP_EXIT_UNAVAILABLE;
}
