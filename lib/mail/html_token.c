/*
 * HTML tokenizer.
 *
 * Where clients and HTML::Parser (SpamAssassin's parser) agree, so do we; where
 * they differ the one that shows more text wins:
 *  - an unclosed comment ends at its first '>', and so do all after it;
 *  - an unclosed <script> or <style> is an empty element, its content markup;
 *    an unclosed <textarea>, <xmp>, <iframe> runs to the end;
 *  - a quote that is never closed is no quote;
 *  - a tag without '>' runs to the end, its attributes count;
 *  - '<' before anything but a letter, '/', '!', '?' is text.
 *
 * Builds no tree and decodes nothing.
 */
#include "lib/mail/html_token.h"

static bool at(const struct gp_html_tokenizer *t, size_t pos, char c)
{
	return pos < t->in.len && t->in.ptr[pos] == c;
}

/* "--", white space, ">" from `from`: position of the dashes, *ret_after behind
 * it all; in.len if there is none. */
static size_t comment_end(const struct gp_html_tokenizer *t, size_t from, size_t *ret_after)
{
	for (size_t p = from; (p = gp_str_find_chr(t->in, '-', p)) < t->in.len; p++) {
		size_t q = p + 1;

		if (!at(t, q, '-'))
			continue;
		while (at(t, q, '-'))
			q++;
		p = q - 2;
		if (at(t, q, '!'))
			q++;
		while (q < t->in.len && gp_is_space(t->in.ptr[q]))
			q++;
		if (at(t, q, '>')) {
			*ret_after = q + 1;
			return p;
		}
		p = q - 1;
	}
	return t->in.len;
}

/* At "<!", "<?" or "</" without a name: everything up to '>', or "-->" for a comment. */
static void take_comment(struct gp_html_tokenizer *t, struct gp_html_token *ret)
{
	size_t from = t->pos + 2, end, after;
	bool is_dashed = t->in.ptr[t->pos + 1] == '!' && at(t, from, '-') && at(t, from + 1, '-');

	ret->kind = GP_HTML_COMMENT;
	if (is_dashed) {
		from += 2;
		/* <!--> and <!---> are whole comments to every client. */
		if (at(t, from, '>') || (at(t, from, '-') && at(t, from + 1, '>'))) {
			ret->text = GP_STR("");
			t->pos = from + (at(t, from, '>') ? 1 : 2);
			return;
		}
		if (!(t->missing & GP_HTML_NO_COMMENT_END)) {
			end = comment_end(t, from, &after);
			if (end < t->in.len) {
				ret->text = gp_str_sub(t->in, from, end - from);
				t->pos = after;
				return;
			}
			t->missing |= GP_HTML_NO_COMMENT_END;
		}
		ret->is_unclosed = true;
	}
	end = gp_str_find_chr(t->in, '>', from);
	ret->is_unclosed |= end == t->in.len;
	ret->text = gp_str_sub(t->in, from, end - from);
	t->pos = end + (end < t->in.len);
}

/* The value after '=': sets *ret and gives the position behind it. */
static size_t take_value(struct gp_html_tokenizer *t, size_t p, struct gp_html_token *token,
			 struct gp_str *ret)
{
	const struct gp_str in = t->in;
	size_t end;

	if (at(t, p, '"') || at(t, p, '\'')) {
		unsigned miss = in.ptr[p] == '"' ? GP_HTML_NO_DQUOTE : GP_HTML_NO_SQUOTE;

		if (!(t->missing & miss)) {
			end = gp_str_find_chr(in, in.ptr[p], p + 1);
			if (end < in.len) {
				*ret = gp_str_sub(in, p + 1, end - p - 1);
				return end + 1;
			}
			t->missing |= miss;
		}
		token->is_unclosed = true;
		p++;
	}
	for (end = p; end < in.len && in.ptr[end] != '>' && !gp_is_space(in.ptr[end]); end++)
		;
	*ret = gp_str_sub(in, p, end - p);
	return end;
}

/* From behind the tag's name to behind its '>'. */
static size_t take_attrs(struct gp_html_tokenizer *t, size_t p, struct gp_html_token *ret)
{
	const struct gp_str in = t->in;

	for (;;) {
		struct gp_html_attr attr = {.value = GP_STR("")};
		size_t from;

		while (p < in.len && (gp_is_space(in.ptr[p]) || in.ptr[p] == '/'))
			p++;
		if (p == in.len) {
			ret->is_unclosed = true;
			return p;
		}
		if (in.ptr[p] == '>')
			return p + 1;
		from = p++; /* a name may begin with '=' */
		while (p < in.len && !gp_is_space(in.ptr[p]) && in.ptr[p] != '/' &&
		       in.ptr[p] != '>' && in.ptr[p] != '=')
			p++;
		attr.name = gp_str_sub(in, from, p - from);
		while (p < in.len && gp_is_space(in.ptr[p]))
			p++;
		if (at(t, p, '=')) {
			for (p++; p < in.len && gp_is_space(in.ptr[p]); p++)
				;
			p = take_value(t, p, ret, &attr.value);
			attr.has_value = true;
		}
		if (ret->n_attrs < GP_HTML_ATTRS_MAX)
			ret->attrs[ret->n_attrs++] = attr;
	}
}

static void take_tag(struct gp_html_tokenizer *t, size_t name_at, struct gp_html_token *ret)
{
	size_t p = name_at;

	while (p < t->in.len && !gp_is_space(t->in.ptr[p]) && t->in.ptr[p] != '>' &&
	       t->in.ptr[p] != '/')
		p++;
	ret->name = gp_str_sub(t->in, name_at, p - name_at);
	ret->tag = gp_html_tag_find(ret->name);
	t->pos = take_attrs(t, p, ret);
	if (ret->kind == GP_HTML_START && gp_html_tag_info(ret->tag)->raw)
		t->raw = ret->tag;
}

/* Where "</name" stands from t->pos on; in.len if nowhere. */
static size_t find_end_tag(const struct gp_html_tokenizer *t, struct gp_str name)
{
	for (size_t p = t->pos; (p = gp_str_find_chr(t->in, '<', p)) < t->in.len; p++) {
		size_t after = p + 2 + name.len;

		if (!at(t, p + 1, '/') || !gp_str_ieq(gp_str_sub(t->in, p + 2, name.len), name))
			continue;
		if (after == t->in.len || gp_is_space(t->in.ptr[after]) || at(t, after, '>') ||
		    at(t, after, '/'))
			return p;
	}
	return t->in.len;
}

/* Content of the raw element just opened; false if it is (or counts as) empty. */
static bool take_raw(struct gp_html_tokenizer *t, struct gp_html_token *ret)
{
	const struct gp_html_tag_info *info = gp_html_tag_info(t->raw);
	unsigned bit = 1u << info->raw;
	size_t end = t->in.len;

	ret->tag = t->raw;
	t->raw = GP_TAG_UNKNOWN;
	if (!(t->missing_end & bit) && ret->tag != GP_TAG_PLAINTEXT)
		end = find_end_tag(t, gp_str(info->name));
	if (end == t->in.len && ret->tag != GP_TAG_PLAINTEXT) {
		t->missing_end |= bit;
		if (!(info->flags & GP_HTML_RAW_TO_END)) {
			t->met_unclosed |= (info->flags & GP_HTML_NEVER_TEXT) != 0;
			return false;
		}
		ret->is_unclosed = true;
	}
	ret->kind = info->flags & GP_HTML_RAW_DECODED ? GP_HTML_TEXT : GP_HTML_RAW;
	ret->text = gp_str_sub(t->in, t->pos, end - t->pos);
	t->pos = end;
	return ret->text.len > 0;
}

bool gp_html_next(struct gp_html_tokenizer *t, struct gp_html_token *ret)
{
	size_t from, lt;

	ret->n_attrs = 0;
	ret->is_unclosed = false;
	if (t->raw != GP_TAG_UNKNOWN && take_raw(t, ret))
		return true;
	ret->tag = GP_TAG_UNKNOWN;
	from = t->pos;
	for (lt = from; (lt = gp_str_find_chr(t->in, '<', lt)) < t->in.len; lt++) {
		bool is_end = at(t, lt + 1, '/');
		char c = lt + 1 + is_end < t->in.len ? t->in.ptr[lt + 1 + is_end] : ' ';

		if (!gp_is_alpha(c) && !is_end && c != '!' && c != '?')
			continue;
		if (lt > from)
			break;
		if (gp_is_alpha(c)) {
			ret->kind = is_end ? GP_HTML_END : GP_HTML_START;
			take_tag(t, lt + 1 + is_end, ret);
		} else {
			take_comment(t, ret);
		}
		return true;
	}
	ret->kind = GP_HTML_TEXT;
	ret->text = gp_str_sub(t->in, from, lt - from);
	t->pos = lt;
	return lt > from;
}

bool gp_html_attr(const struct gp_html_token *token, const char *name, struct gp_str *ret)
{
	struct gp_str wanted = gp_str(name);

	for (unsigned i = 0; i < token->n_attrs; i++) {
		if (gp_str_ieq(token->attrs[i].name, wanted)) {
			*ret = token->attrs[i].value;
			return true;
		}
	}
	return false;
}
