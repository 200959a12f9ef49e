/*
 * Tag lists: the grammar of RFC 6376, 3.2, with UTF-8 in values (RFC 8616).
 *
 * A list may end in one ';'; an empty tag anywhere else breaks it, as does a control
 * character that is not folding white space.  What a tag means is its reader's affair.
 */
#include "lib/auth/tags.h"

#include "lib/base/limits.h"
#include "lib/base/num.h"

/* How much of a stranger's name goes into a reason. */
#define NAME_SHOWN 32

static bool is_fws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct gp_str trim_fws(struct gp_str s)
{
	while (s.len && is_fws(s.ptr[0]))
		s = gp_str_n(s.ptr + 1, s.len - 1);
	while (s.len && is_fws(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static bool is_name(struct gp_str s)
{
	if (s.len == 0 || !gp_is_alpha(s.ptr[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!gp_is_alnum(s.ptr[i]) && s.ptr[i] != '_')
			return false;
	return true;
}

static bool has_control(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < ' ' && !is_fws((char)c)) || c == 0x7f)
			return true;
	}
	return false;
}

/* One tag of the text between two semicolons, which begins at `begin`. */
static int parse_tag(struct gp_str spec, size_t begin, struct gp_tag *ret, struct gp_diag *diag)
{
	size_t equal = gp_str_find_chr(spec, '=', 0);
	struct gp_str name = trim_fws(gp_str_sub(spec, 0, equal));
	struct gp_str value = gp_str_sub(spec, equal + 1, spec.len);

	if (equal == spec.len || !is_name(name)) {
		gp_diag_set(diag, "malformed tag");
		return GP_EINVAL;
	}
	if (has_control(value)) {
		gp_diag_set(diag, "control character in tag \"%.*s\"",
			    (int)GP_MIN(name.len, (size_t)NAME_SHOWN), name.ptr);
		return GP_EINVAL;
	}
	*ret = (struct gp_tag){.name = name, .value = trim_fws(value)};
	ret->begin = begin + equal + 1;
	ret->end = begin + spec.len;
	return GP_OK;
}

static bool has_name(const struct gp_tag *items, size_t n, struct gp_str name)
{
	for (size_t i = 0; i < n; i++)
		if (gp_str_eq(items[i].name, name))
			return true;
	return false;
}

int gp_tags_parse(struct gp_arena *arena, struct gp_str text, struct gp_tags *ret,
		  struct gp_diag *diag)
{
	struct gp_tag found[GP_MAX_TAGS];
	size_t n = 0, pos = 0;

	while (pos < text.len) {
		size_t end = gp_str_find_chr(text, ';', pos);
		struct gp_str spec = gp_str_sub(text, pos, end - pos);
		int r;

		if (end == text.len && n && trim_fws(spec).len == 0)
			break;
		if (n == GP_MAX_TAGS) {
			gp_diag_set(diag, "more than %d tags", GP_MAX_TAGS);
			return GP_ELIMIT;
		}
		r = parse_tag(spec, pos, &found[n], diag);
		if (r)
			return r;
		if (has_name(found, n, found[n].name)) {
			gp_diag_set(diag, "duplicate tag \"%.*s\"",
				    (int)GP_MIN(found[n].name.len, (size_t)NAME_SHOWN),
				    found[n].name.ptr);
			return GP_EINVAL;
		}
		n++;
		pos = end + 1;
	}
	if (n == 0) {
		gp_diag_set(diag, "no tags");
		return GP_EINVAL;
	}
	*ret = (struct gp_tags){.items = gp_arena_dup(arena, found, n * sizeof(*found)), .len = n};
	return GP_OK;
}

const struct gp_tag *gp_tags_get(const struct gp_tags *tags, const char *name)
{
	for (size_t i = 0; i < tags->len; i++)
		if (gp_str_eq(tags->items[i].name, gp_str(name)))
			return &tags->items[i];
	return NULL;
}

struct gp_str gp_tags_value(const struct gp_tags *tags, const char *name, const char *def)
{
	const struct gp_tag *tag = gp_tags_get(tags, name);

	return tag ? tag->value : gp_str(def);
}

struct gp_str gp_tags_packed(struct gp_arena *arena, const struct gp_tags *tags, const char *name)
{
	struct gp_str value = gp_tags_value(tags, name, NULL);
	size_t n = 0;
	char *out;

	while (n < value.len && !is_fws(value.ptr[n]))
		n++;
	if (n == value.len)
		return value;
	out = gp_arena_alloc(arena, value.len);
	n = 0;
	for (size_t i = 0; i < value.len; i++)
		if (!is_fws(value.ptr[i]))
			out[n++] = value.ptr[i];
	return gp_str_n(out, n);
}

int gp_tags_number(const struct gp_tags *tags, const char *name, int64_t *ret)
{
	const struct gp_tag *tag = gp_tags_get(tags, name);

	if (!tag)
		return GP_ENOENT;
	if (tag->value.len == 0 || !gp_is_digit(tag->value.ptr[0]))
		return GP_EINVAL;
	return gp_num_parse_int(tag->value, ret);
}
