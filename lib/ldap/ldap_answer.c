/*
 * The bytes of an answer: how many entries, the first one's name, then values, each with the number of
 * its row in "result".  Written and read by the same program: no byte order, no version.
 */
#include <string.h>

#include "lib/base/vec.h"
#include "lib/ldap/ldap_int.h"

static void add_number(struct gp_buf *out, size_t n)
{
	uint32_t number = (uint32_t)n;

	gp_buf_add(out, &number, sizeof(number));
}

static void add_text(struct gp_buf *out, struct gp_str text)
{
	add_number(out, text.len);
	gp_buf_add_str(out, text);
}

void ldap_answer_begin(struct gp_buf *out, struct gp_str dn)
{
	add_number(out, 0);
	add_text(out, dn);
}

void ldap_answer_end(struct gp_buf *out, size_t n_entries)
{
	uint32_t number = (uint32_t)n_entries;

	if (out->len >= sizeof(number))
		memcpy(out->data, &number, sizeof(number));
}

void ldap_answer_add(struct gp_buf *out, size_t row, struct gp_str text)
{
	add_number(out, row);
	add_text(out, text);
}

static size_t take_number(struct gp_str *rest)
{
	uint32_t number = 0;

	if (rest->len >= sizeof(number))
		memcpy(&number, rest->ptr, sizeof(number));
	*rest = gp_str_sub(*rest, sizeof(number), rest->len);
	return number;
}

static struct gp_str take_text(struct gp_str *rest, struct gp_arena *arena)
{
	size_t len = take_number(rest);
	struct gp_str text = gp_str_sub(*rest, 0, len);

	*rest = gp_str_sub(*rest, len, rest->len);
	return gp_arena_str(arena, text);
}

void ldap_answer_read(struct gp_str bytes, const struct gp_ldap_query *query,
		      struct gp_arena *arena, struct gp_ldap_answer *ret)
{
	GP_VEC(struct gp_ldap_value) values = {0};

	*ret = (struct gp_ldap_answer){.n_entries = take_number(&bytes)};
	ret->dn = take_text(&bytes, arena);
	while (bytes.len > 0) {
		size_t row = take_number(&bytes);
		struct gp_str name = gp_str(query->rows[row].attribute);

		*gp_vec_push(arena, &values) = (struct gp_ldap_value){
			.attribute = gp_arena_str(arena, name), .text = take_text(&bytes, arena)};
	}
	ret->values = values.items;
	ret->n_values = values.len;
}
