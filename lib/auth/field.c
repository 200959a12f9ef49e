/*
 * Collecting and finding header fields.
 */
#include "lib/auth/field.h"

#include "lib/base/limits.h"
#include "lib/mail/header.h"

/* A copy without the CR of line ends. */
static struct gp_str copy_lf(struct gp_arena *arena, struct gp_str s)
{
	char *out;
	size_t n = 0;

	if (gp_str_find_chr(s, '\r', 0) == s.len)
		return gp_arena_str(arena, s);
	out = gp_arena_alloc(arena, s.len);
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '\r' || i + 1 == s.len || s.ptr[i + 1] != '\n')
			out[n++] = s.ptr[i];
	return gp_str_n(out, n);
}

/* Behind the cut only From is kept: whoever could push it out of sight would be judged by
 * nobody's policy. */
static bool may_follow(struct gp_fields *f, struct gp_str name, struct gp_str value)
{
	if (!gp_str_ieq(name, GP_STR("From")) || f->n_behind == GP_MAX_AUTH_FROM ||
	    value.len > GP_MAX_AUTH_HEADER - f->size_behind)
		return false;
	f->n_behind++;
	f->size_behind += value.len;
	return true;
}

void gp_fields_add(struct gp_arena *arena, struct gp_fields *f, struct gp_str name,
		   struct gp_str value)
{
	struct gp_field *field;

	f->size += name.len + value.len;
	if (f->size > GP_MAX_AUTH_HEADER || f->list.len == GP_MAX_AUTH_FIELDS)
		f->is_cut = true;
	if (f->is_cut && !may_follow(f, name, value))
		return;
	field = gp_vec_push(arena, &f->list);
	*field = (struct gp_field){.name = gp_arena_str(arena, name),
				   .value = copy_lf(arena, value)};
	if (name.len > GP_MAX_FIELD_NAME)
		return;
	if (!f->by_name.arena)
		gp_map_init(&f->by_name, arena, true);
	field->above = (size_t)gp_map_set(&f->by_name, field->name, (void *)f->list.len);
}

void gp_fields_parse(struct gp_arena *arena, struct gp_str message, struct gp_fields *ret,
		     struct gp_str *ret_body)
{
	struct gp_str name, value;
	size_t pos = 0;

	*ret = (struct gp_fields){0};
	if (gp_str_starts(message, GP_STR("From "))) {
		pos = gp_str_find_chr(message, '\n', 0);
		pos += pos < message.len;
	}
	while (gp_header_next(message, &pos, &name, &value))
		gp_fields_add(arena, ret, name, value);
	*ret_body = gp_str_sub(message, pos, message.len);
}

size_t gp_fields_lowest(const struct gp_fields *f, struct gp_str name)
{
	return name.len <= GP_MAX_FIELD_NAME ? (size_t)gp_map_get(&f->by_name, name) : 0;
}

size_t gp_fields_count(const struct gp_fields *f, struct gp_str name)
{
	size_t n = 0;

	for (size_t i = gp_fields_lowest(f, name); i; i = f->list.items[i - 1].above)
		n++;
	return n;
}

const struct gp_field *gp_fields_get(const struct gp_fields *f, struct gp_str name, size_t n)
{
	size_t below = gp_fields_count(f, name);

	if (n >= below)
		return NULL;
	for (size_t i = gp_fields_lowest(f, name);; i = f->list.items[i - 1].above)
		if (--below == n)
			return &f->list.items[i - 1];
}
