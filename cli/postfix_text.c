/*
 * Lexical rules of Postfix's files; see the header.
 */
#include "cli/postfix_text.h"

bool gp_postfix_next_line(struct gp_postfix_lines *lines, struct gp_buf *line, unsigned *ret_number)
{
	gp_buf_reset(line);
	while (lines->rest.len) {
		size_t end = gp_str_find_chr(lines->rest, '\n', 0);
		struct gp_str raw = gp_str_sub(lines->rest, 0, end), text = gp_str_trim(raw);
		bool continues = raw.len && gp_is_space(raw.ptr[0]);

		if (line->len && text.len && text.ptr[0] != '#' && !continues)
			return true;
		++lines->at;
		lines->rest = gp_str_sub(lines->rest, end + 1, lines->rest.len);
		if (text.len == 0 || text.ptr[0] == '#')
			continue;
		if (line->len == 0)
			*ret_number = lines->at;
		else
			gp_buf_add_chr(line, ' ');
		gp_buf_add_str(line, text);
	}
	return line->len > 0;
}

static bool is_separator(char c, bool commas)
{
	return gp_is_space(c) || (commas && c == ',');
}

bool gp_postfix_next_word(struct gp_str *rest, bool commas, struct gp_str *ret)
{
	struct gp_str s = *rest;
	size_t n = 0, depth = 0;

	while (s.len && is_separator(s.ptr[0], commas))
		s = gp_str_sub(s, 1, s.len);
	for (; n < s.len && (depth > 0 || !is_separator(s.ptr[n], commas)); n++) {
		depth += s.ptr[n] == '{';
		depth -= depth > 0 && s.ptr[n] == '}';
	}
	*ret = gp_str_sub(s, 0, n);
	*rest = gp_str_sub(s, n, s.len);
	return n > 0;
}

struct gp_str gp_postfix_unbrace(struct gp_str s)
{
	if (s.len > 0 && s.ptr[0] == '{' && gp_postfix_balanced(s, '{', '}') == s.len)
		return gp_str_trim(gp_str_sub(s, 1, s.len - 2));
	return s;
}

size_t gp_postfix_balanced(struct gp_str s, char open, char close)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		depth += s.ptr[i] == open;
		depth -= depth > 0 && s.ptr[i] == close;
		if (depth == 0)
			return i + 1;
	}
	return 0;
}

struct gp_str gp_postfix_skip_space(struct gp_str s)
{
	while (s.len && gp_is_space(s.ptr[0]))
		s = gp_str_sub(s, 1, s.len);
	return s;
}
