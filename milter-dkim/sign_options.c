/*
 * The settings of signing: names, and checks of the rows' values.
 */
#include "milter-dkim/sign_options.h"

#include "lib/auth/crypto.h"
#include "lib/auth/senders.h"
#include "lib/conf/shared.h"
#include "milter-dkim/options.h"

const struct gp_conf_enum dkim_domain_from_names[] = {{"from", DKIM_FROM_AUTHOR},
						      {"sender", DKIM_FROM_SENDER},
						      {"envelope", DKIM_FROM_ENVELOPE},
						      {NULL, 0}};
const struct gp_conf_enum dkim_not_allowed_names[] = {
	{"unsigned", DKIM_NOT_ALLOWED_UNSIGNED}, {"reject", DKIM_NOT_ALLOWED_REJECT}, {NULL, 0}};
const struct gp_conf_enum dkim_canonicalization_names[] = {
	{"relaxed/relaxed", DKIM_RELAXED_RELAXED},
	{"relaxed/simple", DKIM_RELAXED_SIMPLE},
	{"simple/relaxed", DKIM_SIMPLE_RELAXED},
	{"simple/simple", DKIM_SIMPLE_SIMPLE},
	{NULL, 0}};

/* What may stand in h=: ftext of RFC 5322, 3.6.8, without the ";" that would end the tag. */
static bool is_field_name(struct gp_str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] < 33 || name.ptr[i] > 126 || name.ptr[i] == ':' ||
		    name.ptr[i] == ';')
			return false;
	return name.len > 0;
}

int dkim_check_field_names(const void *field, struct gp_diag *diag)
{
	const struct gp_conf_list *list = field;

	for (size_t i = 0; i < list->len; i++)
		if (!is_field_name(gp_str(list->items[i]))) {
			gp_diag_set(diag, "\"%s\" is not the name of a header field",
				    list->items[i]);
			return GP_EINVAL;
		}
	return GP_OK;
}

int dkim_check_key_types(const void *field, struct gp_diag *diag)
{
	const struct gp_conf_list *list = field;
	enum gp_key_type type;

	for (size_t i = 0; i < list->len; i++)
		if (gp_key_type_parse(gp_str(list->items[i]), &type)) {
			gp_diag_set(diag, "\"%s\" is not a type of key; there are rsa and ed25519",
				    list->items[i]);
			return GP_EINVAL;
		}
	return GP_OK;
}

void dkim_sign_validate(const struct dkim_conf *c, const struct gp_snapshot *snap,
			struct gp_conf_report *report)
{
	if (c->sign.generate && !*c->sign.key_directory)
		gp_conf_complain(snap, &dkim_table, "sign.generate", report,
				 "needs sign.key_directory, where the keys are written");
	if (c->sign.generate && c->sign.generate_types.len == 0)
		gp_conf_complain(snap, &dkim_table, "sign.generate_types", report,
				 "names no type of key, so that none can be made");
	gp_senders_check(c->sign.senders, report);
	gp_directory_query_check(&c->sign.ldap_keys, snap, &dkim_table, "sign.ldap.keys", report);
	gp_directory_query_check(&c->sign.ldap_senders, snap, &dkim_table, "sign.ldap.senders", report);
}

static const struct gp_str *names_of(const struct gp_conf_list *list, struct gp_arena *arena)
{
	struct gp_str *names = GP_ARENA_NEW_N(arena, list->len, struct gp_str);

	for (size_t i = 0; i < list->len; i++)
		names[i] = gp_str(list->items[i]);
	return names;
}

const struct gp_sign_options *dkim_sign_options(const struct dkim_sign_conf *conf,
						struct gp_arena *arena)
{
	struct gp_sign_options *o = GP_ARENA_NEW(arena, struct gp_sign_options);
	bool is_header_relaxed = conf->canonicalization == DKIM_RELAXED_SIMPLE ||
				 conf->canonicalization == DKIM_RELAXED_RELAXED;
	bool is_body_relaxed = conf->canonicalization == DKIM_SIMPLE_RELAXED ||
			       conf->canonicalization == DKIM_RELAXED_RELAXED;

	*o = (struct gp_sign_options){
		.header_canon = is_header_relaxed ? GP_CANON_RELAXED : GP_CANON_SIMPLE,
		.body_canon = is_body_relaxed ? GP_CANON_RELAXED : GP_CANON_SIMPLE,
		.headers = names_of(&conf->headers, arena),
		.n_headers = conf->headers.len,
		.oversign = names_of(&conf->oversign, arena),
		.n_oversign = conf->oversign.len,
		.ttl_s = conf->ttl_ms / 1000,
		.has_length = conf->length,
	};
	return o;
}
