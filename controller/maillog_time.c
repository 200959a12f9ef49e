/*
 * Times in front of log lines; see the header.
 *
 * The system converts local times; of two that a change to winter time gives one name it
 * is free to choose.
 */
#include "controller/maillog_time.h"

#include <time.h>

#define DAY_S 86400

/* A number of exactly so many digits; a blank may stand for leading zeros. */
static bool take_digits(struct gp_str *s, size_t n, int *ret)
{
	int value = 0;

	if (s->len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->ptr[i] == ' ' && value == 0 && i + 1 < n)
			continue;
		if (!gp_is_digit(s->ptr[i]))
			return false;
		value = value * 10 + (s->ptr[i] - '0');
	}
	*s = gp_str_sub(*s, n, s->len);
	*ret = value;
	return true;
}

static bool take_chr(struct gp_str *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = gp_str_sub(*s, 1, s->len);
	return true;
}

static bool take_clock(struct gp_str *s, struct tm *tm)
{
	return take_digits(s, 2, &tm->tm_hour) && take_chr(s, ':') &&
	       take_digits(s, 2, &tm->tm_min) && take_chr(s, ':') &&
	       take_digits(s, 2, &tm->tm_sec) && tm->tm_hour <= 23 && tm->tm_min <= 59 &&
	       tm->tm_sec <= 60 && tm->tm_mday >= 1 && tm->tm_mday <= 31;
}

static bool take_month(struct gp_str *s, int *ret)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (gp_str_starts(*s, gp_str_n(months + (size_t)i * 3, 3))) {
			*s = gp_str_sub(*s, 3, s->len);
			*ret = i;
			return true;
		}
	}
	return false;
}

static int64_t local_time(struct tm tm)
{
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm);
}

/* "Nov 21 20:19:42" */
static bool take_short(struct gp_str *s, int64_t now_s, int64_t *ret_s)
{
	time_t now = (time_t)now_s;
	struct tm tm = {0}, today;

	if (!take_month(s, &tm.tm_mon) || !take_chr(s, ' ') || !take_digits(s, 2, &tm.tm_mday) ||
	    !take_chr(s, ' ') || !take_clock(s, &tm))
		return false;
	if (!ret_s)
		return true;
	if (!localtime_r(&now, &today))
		return false;
	tm.tm_year = today.tm_year;
	*ret_s = local_time(tm);
	if (*ret_s > now_s + DAY_S) {
		tm.tm_year--;
		*ret_s = local_time(tm);
	} else if (tm.tm_mon == 0 && today.tm_mon == 11) {
		tm.tm_year++; /* the clock that wrote it is ahead, over New Year */
		if (local_time(tm) <= now_s + DAY_S)
			*ret_s = local_time(tm);
	}
	return true;
}

/* "Z", "+01:00", "-0330" */
static bool take_zone(struct gp_str *s, int *ret_s)
{
	bool is_west = s->len > 0 && s->ptr[0] == '-';
	int hours, minutes;

	*ret_s = 0;
	if (take_chr(s, 'Z'))
		return true;
	if (!take_chr(s, '+') && !take_chr(s, '-'))
		return false;
	if (!take_digits(s, 2, &hours))
		return false;
	(void)take_chr(s, ':');
	if (!take_digits(s, 2, &minutes))
		return false;
	*ret_s = (hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
	return true;
}

/* "2026-11-21T20:19:42.123456+01:00" */
static bool take_long(struct gp_str *s, int64_t *ret_s)
{
	struct tm tm = {0};
	int zone_s;

	if (!take_digits(s, 4, &tm.tm_year) || !take_chr(s, '-') ||
	    !take_digits(s, 2, &tm.tm_mon) || !take_chr(s, '-') ||
	    !take_digits(s, 2, &tm.tm_mday) || !take_chr(s, 'T') || !take_clock(s, &tm) ||
	    tm.tm_mon < 1 || tm.tm_mon > 12)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	if (take_chr(s, '.'))
		while (s->len > 0 && gp_is_digit(s->ptr[0]))
			*s = gp_str_sub(*s, 1, s->len);
	if (!take_zone(s, &zone_s))
		zone_s = INT32_MAX;
	if (ret_s)
		*ret_s = zone_s == INT32_MAX ? local_time(tm) : (int64_t)timegm(&tm) - zone_s;
	return true;
}

bool maillog_take_time(struct gp_str *line, int64_t now_s, int64_t *ret_s)
{
	struct gp_str rest = *line;
	int64_t time_s = 0;
	int64_t *to = ret_s ? &time_s : NULL;
	bool ok = rest.len > 0 && gp_is_digit(rest.ptr[0]) ? take_long(&rest, to)
							   : take_short(&rest, now_s, to);

	if (!ok || !take_chr(&rest, ' '))
		return false;
	*line = rest;
	if (ret_s)
		*ret_s = GP_MAX(time_s, (int64_t)0);
	return true;
}
