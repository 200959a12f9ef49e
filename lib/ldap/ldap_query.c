/*
 * Queries: the words of the configuration, checked once and kept ready.
 */
#include "lib/base/vec.h"
#include "lib/ldap/ldap_int.h"
#include "lib/ldap/ldap_text.h"

static const int scopes[] = {
	[GP_LDAP_SUB] = LDAP_SCOPE_SUBTREE,
	[GP_LDAP_ONE] = LDAP_SCOPE_ONELEVEL,
	[GP_LDAP_BASE] = LDAP_SCOPE_BASE,
};

/* RFC 4512, 2.5: a name or an OID, with options after semicolons. */
static bool is_attribute(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_alnum(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != ';' && s.ptr[i] != '.')
			return false;
	return s.len > 0;
}

static int bad_attribute(struct gp_str name, struct gp_diag *diag)
{
	gp_diag_set(diag, "\"%.*s\" is no name of an attribute", GP_STR_FMT(name));
	return GP_EINVAL;
}

/* "attribute" or "attribute: format". */
static int parse_row(struct gp_str text, struct gp_arena *arena, struct ldap_result_row *ret,
		     struct gp_diag *diag)
{
	size_t colon = gp_str_find_chr(text, ':', 0);
	struct gp_str name = gp_str_trim(gp_str_sub(text, 0, colon));
	struct gp_str format = gp_str_trim(gp_str_sub(text, colon + 1, text.len));

	if (!is_attribute(name))
		return bad_attribute(name, diag);
	ret->attribute = gp_arena_cstr(arena, name);
	ret->format = gp_arena_str(arena, format.len > 0 ? format : GP_STR("%s"));
	return gp_ldap_template_check(ret->format, diag);
}

static int fill_rows(const struct gp_ldap_words *w, struct gp_arena *arena,
		     struct gp_ldap_query *q, struct gp_diag *diag)
{
	q->rows = GP_ARENA_NEW_N(arena, w->n_result, struct ldap_result_row);
	for (; q->n_rows < w->n_result; q->n_rows++) {
		int r = parse_row(gp_str(w->result[q->n_rows]), arena, &q->rows[q->n_rows], diag);

		if (r)
			return r;
	}
	return GP_OK;
}

static int fill_follow(const struct gp_ldap_words *w, struct gp_arena *arena,
		       struct gp_ldap_query *q, struct gp_diag *diag)
{
	q->follow = GP_ARENA_NEW_N(arena, w->n_follow + 1, char *);
	for (; q->n_follow < w->n_follow; q->n_follow++) {
		if (!is_attribute(gp_str(w->follow[q->n_follow])))
			return bad_attribute(gp_str(w->follow[q->n_follow]), diag);
		q->follow[q->n_follow] = gp_arena_strdup(arena, w->follow[q->n_follow]);
	}
	return GP_OK;
}

/* What the server is asked for. */
static void name_attributes(struct gp_ldap_query *q, struct gp_arena *arena)
{
	size_t n = 0;

	q->attributes = GP_ARENA_NEW_N(arena, q->n_rows + q->n_follow + 2, char *);
	for (size_t i = 0; i < q->n_rows; i++)
		q->attributes[n++] = q->rows[i].attribute;
	for (size_t i = 0; i < q->n_follow; i++)
		q->attributes[n++] = q->follow[i];
	/* RFC 4511, 4.5.1.8: "1.1" asks for the entry's name alone; an empty list for all. */
	if (n == 0)
		q->attributes[0] = gp_arena_strdup(arena, LDAP_NO_ATTRS);
}

/* Everything that makes two queries differ, with separators that no text holds. */
static struct gp_str make_id(const struct gp_ldap_query *q, struct gp_arena *arena)
{
	GP_BUF_AUTO id = GP_BUF_INIT(1 << 20);

	gp_buf_printf(&id, "%d%c", q->scope, 0);
	gp_buf_add_str(&id, q->base);
	gp_buf_add_chr(&id, '\0');
	gp_buf_add_str(&id, q->filter);
	gp_buf_add_chr(&id, '\0');
	for (size_t i = 0; i < q->n_rows; i++) {
		gp_buf_add_cstr(&id, q->rows[i].attribute);
		gp_buf_add_chr(&id, ':');
		gp_buf_add_str(&id, q->rows[i].format);
		gp_buf_add_chr(&id, '\0');
	}
	for (size_t i = 0; i < q->n_follow; i++) {
		gp_buf_add_cstr(&id, q->follow[i]);
		gp_buf_add_chr(&id, '\0');
	}
	return gp_arena_str(arena, gp_buf_str(&id));
}

static int fill_base(const struct gp_ldap_words *w, struct gp_arena *arena,
		     struct gp_ldap_query *q, struct gp_diag *diag)
{
	q->base = gp_arena_str(arena, gp_str(w->base));
	return gp_ldap_template_check(q->base, diag);
}

static int fill_filter(const struct gp_ldap_words *w, struct gp_arena *arena,
		       struct gp_ldap_query *q, struct gp_diag *diag)
{
	q->filter = gp_arena_str(arena, gp_str(w->filter));
	return gp_ldap_filter_check(q->filter, diag);
}

int gp_ldap_query_new(const struct gp_ldap_words *words, struct gp_arena *arena,
		      struct gp_ldap_query **ret, const char **ret_part, struct gp_diag *diag)
{
	static const struct {
		const char *name;
		int (*fill)(const struct gp_ldap_words *w, struct gp_arena *arena,
			    struct gp_ldap_query *q, struct gp_diag *diag);
	} parts[] = {{"base", fill_base}, {"filter", fill_filter}, {"result", fill_rows},
		     {"follow", fill_follow}};
	struct gp_ldap_query *q = GP_ARENA_NEW(arena, struct gp_ldap_query);

	q->scope = scopes[words->scope];
	q->domains = GP_ARENA_NEW_N(arena, words->n_domains + 1, struct gp_str);
	for (; q->n_domains < words->n_domains; q->n_domains++)
		q->domains[q->n_domains] = gp_arena_lower(arena, gp_str(words->domains[q->n_domains]));
	for (size_t i = 0; i < GP_ARRAY_SIZE(parts); i++) {
		int r = parts[i].fill(words, arena, q, diag);

		if (r && ret_part)
			*ret_part = parts[i].name;
		if (r)
			return r;
	}
	name_attributes(q, arena);
	q->id = make_id(q, arena);
	*ret = q;
	return GP_OK;
}

static bool is_for(const struct gp_ldap_query *q, struct gp_str key)
{
	struct gp_str domain;

	if (q->n_domains == 0)
		return true;
	if (!gp_ldap_domain(key, &domain) || key.ptr[0] == '@')
		return false;
	for (size_t i = 0; i < q->n_domains; i++)
		if (gp_str_ieq(q->domains[i], domain))
			return true;
	return false;
}

int gp_ldap_explain(const struct gp_ldap_query *query, struct gp_str key, struct gp_arena *arena,
		    struct gp_str *ret_base, struct gp_str *ret_filter)
{
	GP_BUF_AUTO base = GP_BUF_INIT(65536);
	GP_BUF_AUTO filter = GP_BUF_INIT(65536);

	if (key.len == 0 || key.len > GP_LDAP_KEY_MAX || !is_for(query, key) ||
	    !gp_ldap_expand(query->base, key, key, GP_LDAP_DN, &base) ||
	    !gp_ldap_expand(query->filter, key, key, GP_LDAP_FILTER, &filter) ||
	    gp_buf_error(&base) || gp_buf_error(&filter))
		return GP_ENOENT;
	*ret_base = gp_arena_str(arena, gp_buf_str(&base));
	*ret_filter = gp_arena_str(arena, gp_buf_str(&filter));
	return GP_OK;
}
