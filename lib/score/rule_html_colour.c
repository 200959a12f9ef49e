/*
 * Colours as SpamAssassin reads them: names, "#…" of odd lengths too, rgb(); not bare
 * hexadecimal digits.
 */
#include "lib/mail/html_colour.h"
#include "lib/score/rule_html_style.h"

/* "#" alone is nothing to compare with, and yet not invalid. */
#define COLOUR_EMPTY (-3)

static int hex_digit(char c)
{
	c = gp_lower(c);
	if (gp_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Six digits, or three doubled; what is missing is 0. */
static int from_hex(struct gp_str s)
{
	int digits[6] = {0}, colour = 0;
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int digit = hex_digit(s.ptr[i]);

		if (digit < 0 && s.ptr[i] != '#')
			return GP_HTML_COLOUR_INVALID;
		if (digit >= 0 && n < 6)
			digits[n++] = digit;
	}
	if (n == 0)
		return COLOUR_EMPTY;
	for (size_t i = 0; i < 6; i++)
		colour = colour << 4 | digits[n < 6 ? i / 2 : i];
	return colour;
}

/* "rgb(1, 2, 3)" or "rgb(1%, 2%, 3%)". */
static int from_rgb(struct gp_str s)
{
	int colour = 0;

	for (int n = 0; n < 3; n++) {
		int value = 0;
		size_t i = 0;

		s = gp_str_trim(s);
		for (; i < s.len && gp_is_digit(s.ptr[i]); i++)
			value = GP_MIN(value * 10 + (s.ptr[i] - '0'), 255);
		if (i == 0)
			return GP_HTML_COLOUR_INVALID;
		if (i < s.len && s.ptr[i] == '%')
			value = GP_MIN(value, 100) * 255 / 100;
		colour = colour << 8 | value;
		s = gp_str_sub(s, gp_str_find_chr(s, ',', i) + 1, SIZE_MAX);
	}
	return colour;
}

int gp_rule_html_colour(struct gp_str s)
{
	struct gp_colour known;
	size_t rgb;
	bool is_hex = true;

	s = gp_str_trim(s);
	if (gp_str_starts(s, GP_STR("#")))
		return from_hex(s);
	rgb = gp_str_ifind(s, GP_STR("rgb("), 0);
	if (rgb < s.len)
		return from_rgb(gp_str_sub(s, rgb + 4, SIZE_MAX));
	for (size_t i = 0; i < s.len; i++) {
		is_hex &= hex_digit(s.ptr[i]) >= 0;
		if (!gp_is_alpha(s.ptr[i]))
			return GP_HTML_COLOUR_INVALID;
	}
	known = gp_colour_parse(s);
	if (is_hex || known.kind != GP_COLOUR_RGB)
		return GP_HTML_COLOUR_INVALID;
	return known.r << 16 | known.g << 8 | known.b;
}
