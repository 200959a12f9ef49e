/*
 * /history: milter-spam's newest verdicts, in the form that Rspamd gives them.
 */
#include <time.h>

#include "controller/api.h"
#include "controller/controller.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/store/history.h"

#define STORE_MS 5000
#define ROWS_DEFAULT 200
#define ROWS_MAX 1000 /* each of 16 KB at the most: 16 MB */

static json_t *copy(const json_t *item, const char *key, json_t *otherwise)
{
	json_t *v = json_object_get(item, key);

	if (!v)
		return otherwise;
	json_decref(otherwise);
	return json_incref(v);
}

static json_t *local_time(const json_t *item)
{
	time_t at = (time_t)json_number_value(json_object_get(item, "time"));
	struct tm tm;
	char text[64];

	if (!localtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		return json_string("");
	return json_string(text);
}

static json_t *action_json(const json_t *item)
{
	const char *action = json_string_value(json_object_get(item, "action"));

	if (!action)
		return json_string("");
	return json_string(strcmp(action, "accept") == 0 ? "no action" : action);
}

static json_t *symbols_json(const json_t *item)
{
	json_t *all = json_object(), *s;
	size_t i;

	json_array_foreach(json_object_get(item, "symbols"), i, s) {
		const char *name = json_string_value(json_object_get(s, "name"));

		if (name)
			json_object_set_new(all, name,
					    json_pack("{s:o}", "score", copy(s, "score", json_real(0))));
	}
	return all;
}

static double required(const json_t *item)
{
	const json_t *t = json_object_get(item, "thresholds");
	const json_t *reject = json_object_get(t, "reject");

	return json_number_value(reject ? reject : json_object_get(t, "add_header"));
}

static json_t *row(const json_t *item)
{
	double time_ms = json_number_value(json_object_get(item, "time_ms"));

	return json_pack(
		"{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:f, s:o, s:o, s:o}", "time",
		local_time(item), "unix_time",
		(json_int_t)json_number_value(json_object_get(item, "time")), "id",
		copy(item, "msgid", json_string("undef")), "queue-id",
		copy(item, "qid", json_string("")), "ip", copy(item, "client", json_string("")),
		"action", action_json(item), "score", copy(item, "score", json_real(0)),
		"required_score", required(item), "symbols", symbols_json(item), "size",
		copy(item, "size", json_integer(0)), "scan_time", time_ms / 1000, "from",
		copy(item, "from", json_string("")), "user", copy(item, "user", json_string("")),
		"rcpt", copy(item, "to", json_array()));
}

static bool add_row(void *arg, struct gp_str text)
{
	json_t *item = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);

	if (json_is_object(item)) /* else somebody else's: passed over */
		json_array_append_new(arg, row(item));
	json_decref(item);
	return true;
}

/* ?to=N, as Rspamd has it. */
static size_t rows_wanted(const struct http_request *rq)
{
	uint64_t n;

	if (gp_num_parse_uint(http_field_get(&rq->arguments, "to"), 10, &n) < 0)
		return ROWS_DEFAULT;
	return (size_t)GP_MIN(n, (uint64_t)ROWS_MAX);
}

void api_history(struct http_request *rq, struct http_reply *reply)
{
	int64_t until_ms = GP_MIN(rq->deadline_ms, gp_clock_mono_ms() + STORE_MS);
	json_t *rows = json_array();
	size_t n = rows_wanted(rq);

	if (n && gp_history_each(controller.store, GP_HISTORY_SPAM, n, until_ms, add_row, rows) < 0) {
		json_decref(rows);
		http_reply_error(reply, HTTP_UNAVAILABLE, "the store does not answer");
		return;
	}
	http_reply_json(reply, HTTP_OK, rows);
}
