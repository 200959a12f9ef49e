/*
 * Whose ARC results are believed (RFC 8617, 7.2.1): the rule stands in arc.h.
 */
#include "lib/auth/arc_int.h"
#include "lib/auth/author.h"
#include "lib/auth/authres.h"

static bool is_trusted(struct gp_str domain, const struct gp_str *trusted, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (domain.len && gp_str_glob(trusted[i], domain))
			return true;
	return false;
}

/* Do these results say that DMARC passed, for that author, and nothing else about DMARC? */
static bool says_pass(struct gp_arena *arena, struct gp_str results, struct gp_str author)
{
	struct gp_authres a;
	size_t n_pass = 0;

	if (gp_authres_parse_lenient(arena, results, &a, NULL))
		return false;
	for (size_t i = 0; i < a.entries.len; i++) {
		const struct gp_authres_entry *e = &a.entries.items[i];

		if (!gp_str_ieq(e->method, GP_STR("dmarc")))
			continue;
		if (!gp_str_ieq(e->result, GP_STR("pass")))
			return false;
		n_pass++;
		for (size_t k = 0; k < e->properties.len; k++)
			if (gp_str_ieq(e->properties.items[k].ptype, GP_STR("header")) &&
			    gp_str_ieq(e->properties.items[k].name, GP_STR("from")) &&
			    !gp_str_ieq(e->properties.items[k].value, author))
				return false;
	}
	return n_pass > 0;
}

void gp_arc_find_override(struct gp_arena *arena, const struct gp_fields *fields,
			  const struct gp_str *trusted, size_t n_trusted, struct gp_arc_result *ret)
{
	size_t first = ret->n_sets;
	struct gp_authors authors;

	while (first > 0 && is_trusted(ret->sets[first - 1].domain, trusted, n_trusted))
		first--;
	if (first == ret->n_sets)
		return;
	gp_authors_read(arena, fields, &authors);
	if (authors.n != 1 || authors.n_fields != 1 || authors.problem.len)
		return;
	ret->is_override = says_pass(arena, ret->sets[first].results, authors.domains[0]);
	ret->override_set = (unsigned)first;
}
