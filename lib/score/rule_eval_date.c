/*
 * Eval functions over dates, under SpamAssassin's names (Mail::SpamAssassin::Plugin::HeaderEval):
 * how far Date is from the times at which relays say they had the message.
 */
#include <math.h>

#include "lib/base/clock.h"
#include "lib/score/rule_date.h"
#include "lib/score/rule_eval_text.h"

#define TIMES_MAX 200

struct dates {
	bool is_known; /* a Date, and a time in a Received line */
	double shift_h; /* hours from the nearest of them to Date */
};

static bool is_clock(struct gp_str s)
{
	struct gp_str piece;
	unsigned n = 0;

	while (gp_str_next(&s, ':', &piece))
		if (++n > 3 || !gp_str_is_digits(piece))
			return false;
	return n == 3;
}

/* "21 Nov 2026 11:22:58 +0000" within a line. */
static bool find_time(struct gp_str line, int64_t *ret)
{
	struct gp_str rest = line, w[5] = {{0}}, word;

	while (gp_str_next_word(&rest, &word)) {
		memmove(w, w + 1, 4 * sizeof(w[0]));
		w[4] = word;
		if (w[0].ptr && w[1].len == 3 && gp_str_is_digits(w[2]) && is_clock(w[3]) &&
		    (gp_str_is_digits(w[0]) || gp_str_is_digits(gp_str_sub(w[0], 1, w[0].len))))
			return gp_rule_date_parse(gp_str_n(w[0].ptr, (size_t)(word.ptr + word.len - w[0].ptr)),
					     ret) == GP_OK;
	}
	return false;
}

/* Resent-Date first, then Date: the first that can be read. */
static bool find_date(struct gp_eval *e, int64_t *ret)
{
	static const char *const names[] = {"Resent-Date", "Date"};
	const struct gp_header *h;

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		for (unsigned n = 0; (h = gp_message_header_n(e->in->message, names[i], n)); n++)
			if (gp_rule_date_parse(h->value, ret) == GP_OK)
				return true;
	return false;
}

static bool is_local(struct gp_str s)
{
	return gp_str_find(s, GP_STR("from localhost "), 0) < s.len ||
	       gp_str_find(s, GP_STR("127.0.0.1"), 0) < s.len ||
	       gp_str_find(s, GP_STR("invoked by uid "), 0) < s.len;
}

static bool is_fetch(const struct gp_header *h)
{
	return h && gp_str_find(h->value, GP_STR("by localhost with "), 0) < h->value.len &&
	       gp_str_find(h->value, GP_STR("(fetchmail-"), 0) < h->value.len;
}

/* How many lines at the top are fetchmail's, and of its delivery. */
static unsigned fetched_lines(struct gp_eval *e)
{
	const struct gp_header *first = gp_message_header_n(e->in->message, "Received", 0);

	if (is_fetch(first))
		return 1;
	return first && is_local(first->value) &&
	       is_fetch(gp_message_header_n(e->in->message, "Received", 1)) ? 2 : 0;
}

static const struct dates *dates_of(struct gp_eval *e)
{
	struct dates *d = e->memo[GP_EVAL_DATES];
	GP_UNZEROED double shifts[TIMES_MAX];
	const struct gp_header *h;
	int64_t date, time;
	size_t n = 0;

	if (d)
		return d;
	d = e->memo[GP_EVAL_DATES] = GP_ARENA_NEW(e->arena, struct dates);
	if (!find_date(e, &date))
		return d;
	for (unsigned i = fetched_lines(e); n < TIMES_MAX &&
	     (h = gp_message_header_n(e->in->message, "Received", i)); i++)
		if (find_time(h->value, &time))
			shifts[n++] = (double)(date - time) / 3600;
	if (n > 1 && shifts[n - 1] == 0) /* Date was made of it */
		n--;
	d->is_known = n != 0;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || fabs(shifts[i]) < fabs(d->shift_h))
			d->shift_h = shifts[i];
	return d;
}

/* check_for_shifted_date(FROM, TO): hours, either "undef". */
static bool check_for_shifted_date(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	return gp_eval_in_range(dates_of(e)->shift_h, args, n_args);
}

/* The time that Outlook puts into its Message-ID: is it neither that of Date nor of Received? */
static bool check_outlook_message_id(struct gp_eval *e, const struct gp_rule_eval *row,
				     const struct gp_str *args, size_t n_args)
{
	static const double factor = 0.0023283064365387, offset = 27111902.8329849, slack = 250;
	struct gp_str id = gp_eval_header(e, "Message-Id");
	int64_t times[2] = {0, 0};
	const struct gp_header *h;
	double token = 0;

	if (!gp_eval_matches(e, "^<[0-9a-f]{12}\\$[0-9a-f]{8}\\$[0-9a-f]{8}\\@", 0, id))
		return false;
	for (size_t i = 5; i < 13; i++)
		token = token * 16 + (gp_is_digit(id.ptr[i]) ? id.ptr[i] - '0' : id.ptr[i] - 'a' + 10);
	if (gp_rule_date_parse(gp_message_value(e->in->message, "Date"), &times[0]))
		times[0] = 0;
	for (unsigned i = 0; (h = gp_message_header_n(e->in->message, "Received", i)); i++)
		if (find_time(h->value, &times[1]))
			break;
	for (size_t i = 0; i < 2; i++)
		if (fabs(token - trunc((double)times[i] * factor + offset)) < slack)
			return false;
	return true;
}

/* When the message came: the middle of Date, the top Received line, and Date put right by how far
 * it is off; 0: nothing says. */
static double time_received(struct gp_eval *e)
{
	double times[3];
	const struct gp_header *h;
	int64_t date, top;
	bool has_date = find_date(e, &date), has_top = false;
	size_t n = 0;

	for (unsigned i = fetched_lines(e);
	     !has_top && (h = gp_message_header_n(e->in->message, "Received", i)); i++)
		has_top = find_time(h->value, &top);
	if (has_date)
		times[n++] = (double)date;
	if (has_top)
		times[n++] = (double)top;
	if (has_date && has_top)
		times[n++] = (double)date - dates_of(e)->shift_h * 3600;
	if (n == 3) /* the middle one */
		return GP_MAX(GP_MIN(times[0], times[1]),
			      GP_MIN(GP_MAX(times[0], times[1]), times[2]));
	return n == 0 ? 0 : n == 1 ? times[0] : GP_MAX(times[0], times[1]);
}

/* received_within_months(FROM, TO) ago, either "undef". */
static bool received_within_months(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	static const double month_s = 31556952.0 / 12;

	return gp_eval_in_range(((double)gp_clock_real_s() - time_received(e)) / month_s, args, n_args);
}

const struct gp_rule_eval gp_rule_evals_date[] = {
	{"received_within_months", 2, 2, received_within_months, 0, false},
	{"check_for_shifted_date", 2, 2, check_for_shifted_date, 0, false},
	{"check_outlook_message_id", 0, 0, check_outlook_message_id, 0, false},
	{0},
};
