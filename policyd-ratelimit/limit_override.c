/*
 * Overrides; see the header.
 *
 * Values are parsed when they are found: a map may hold a million lines, of which few are in use.
 */
#include "policyd-ratelimit/limit_override.h"

/* Takes the next part up to ";" off *rest: "NAME: WINDOWS" or "WINDOWS". */
static bool next_part(struct gp_str *rest, struct gp_str *ret_name, struct gp_str *ret_windows)
{
	struct gp_str part;
	size_t colon;

	do {
		if (!gp_str_next(rest, ';', &part))
			return false;
		part = gp_str_trim(part);
	} while (part.len == 0);
	colon = gp_str_find_chr(part, ':', 0);
	*ret_name = colon < part.len ? gp_str_trim(gp_str_sub(part, 0, colon)) : (struct gp_str){0};
	*ret_windows = colon < part.len ? gp_str_trim(gp_str_sub(part, colon + 1, part.len)) : part;
	return true;
}

/* Nothing at all can be said of what is sent. */
static int parse_windows(struct gp_str text, const struct limit_rule *rule,
			 struct limit_windows *ret, struct gp_diag *diag)
{
	struct limit_window_form form = rule->form;
	struct limit_windows windows;
	int r;

	form.has_zero = true;
	r = limit_windows_parse(text, &form, &windows, diag);
	if (r == GP_OK && limit_windows_zero(&windows) && limit_count_is_event(rule->count)) {
		gp_diag_set(diag, "0 is for limits of what is sent, and \"%.*s\" counts %s",
			    GP_STR_FMT(rule->name),
			    gp_conf_enum_name(limit_count_names, (int)rule->count));
		return GP_EINVAL;
	}
	if (r == GP_OK)
		*ret = windows;
	return r;
}

int limit_override_parse(struct gp_str value, const struct limit_rule *rule,
			 struct limit_windows *ret, struct gp_diag *diag)
{
	struct gp_str name, windows;

	while (next_part(&value, &name, &windows))
		if (name.len == 0 || gp_str_eq(name, rule->name))
			return parse_windows(windows, rule, ret, diag);
	return GP_ENOENT;
}

int limit_override_of_account(struct gp_str value, const struct limit_rule *rule,
			      struct limit_windows *ret, struct gp_diag *diag)
{
	bool has_name = gp_str_find_chr(value, ':', 0) < value.len;
	bool is_by_account = rule->by.len == 1 && rule->by.parts[0] == LIMIT_SASL_USERNAME;
	struct limit_window_form form = rule->form;
	struct limit_windows windows;

	if (has_name ? !limit_by_has(&rule->by, LIMIT_SASL_USERNAME)
		     : !is_by_account || rule->form.is_size)
		return GP_ENOENT;
	form.has_zero = true;
	if (!has_name && limit_count_is_event(rule->count) &&
	    limit_windows_parse(value, &form, &windows, NULL) == GP_OK && limit_windows_zero(&windows))
		return GP_ENOENT;
	return limit_override_parse(value, rule, ret, diag);
}

static bool find(const struct limit_rule *rule, struct limit_subject *s, struct gp_str key,
		 struct gp_map_hit *hit)
{
	const struct gp_mapfile *map = rule->conf->overrides;

	if (rule->by.len != 1)
		return gp_mapfile_find(map, key, hit);
	switch (rule->by.parts[0]) {
	case LIMIT_CLIENT_ADDRESS:
		return gp_mapfile_find_ip(map, &s->client, hit);
	case LIMIT_SENDER:
	case LIMIT_RECIPIENT:
		return gp_mapfile_find_address(map, key, hit);
	case LIMIT_SENDER_DOMAIN:
	case LIMIT_RECIPIENT_DOMAIN:
	case LIMIT_HELO_NAME:
		return gp_mapfile_find_domain(map, key, hit);
	case LIMIT_SASL_USERNAME:
		return gp_mapfile_find(map, key, hit) || (gp_str_find_chr(key, '@', 0) < key.len &&
							  gp_mapfile_find_address(map, key, hit));
	case LIMIT_LDAP_GROUP:
	case LIMIT_ATTRIBUTES:
		break;
	}
	return gp_mapfile_find(map, key, hit);
}

bool limit_override_find(const struct limit_rule *rule, struct limit_subject *subject,
			 struct gp_str key, struct limit_windows *ret)
{
	struct gp_map_hit hit;

	return rule->conf->overrides && find(rule, subject, key, &hit) &&
	       limit_override_parse(hit.value, rule, ret, NULL) == GP_OK;
}

struct check {
	const struct limit_rule *rule;
	const struct limit_rules *rules;
	struct gp_conf_report *report;
};

static void check_part(const struct check *c, const struct gp_map_hit *entry, struct gp_str name,
		       struct gp_str windows)
{
	const struct limit_rule *rule = name.len > 0 ? limit_rules_find(c->rules, name) : c->rule;
	const char *path = gp_mapfile_path(c->rule->conf->overrides);
	struct limit_windows unused;
	struct gp_diag diag = {""};

	if (!rule)
		gp_conf_report_add(c->report, path, entry->line, "there is no limit \"%.*s\"",
				   GP_STR_FMT(name));
	else if (parse_windows(windows, rule, &unused, &diag) < 0)
		gp_conf_report_add(c->report, path, entry->line, "%s", diag.text);
}

/* Keys are compared with what limit_key.h makes of domains. */
static void check_key(const struct check *c, const struct gp_map_hit *entry)
{
	const struct limit_by *by = &c->rule->by;
	bool is_domain = limit_by_has(by, LIMIT_SENDER_DOMAIN) || limit_by_has(by, LIMIT_RECIPIENT_DOMAIN) ||
			 limit_by_has(by, LIMIT_HELO_NAME);
	char form[GP_DNS_NAME_MAX + 1];

	if (limit_key_is_foreign(entry->key, is_domain, form))
		gp_conf_report_add(c->report, gp_mapfile_path(c->rule->conf->overrides), entry->line,
				   "%.*s: domains are compared in their ASCII form%s%s",
				   GP_STR_FMT(entry->key), *form ? ", " : "", form);
}

static void check_entry(const struct gp_map_hit *entry, void *arg)
{
	struct gp_str rest = entry->value, name, windows;
	const struct check *c = arg;

	check_key(c, entry);
	if (rest.len == 0)
		gp_conf_report_add(c->report, gp_mapfile_path(c->rule->conf->overrides),
				   entry->line, "%.*s: expected \"100 per 1h\" or \"unlimited\"",
				   GP_STR_FMT(entry->key));
	while (next_part(&rest, &name, &windows))
		check_part(c, entry, name, windows);
}

void limit_override_check(const struct limit_rule *rule, const struct limit_rules *rules,
			  struct gp_conf_report *report)
{
	struct check c = {rule, rules, report};

	if (rule->conf->overrides)
		gp_mapfile_each(rule->conf->overrides, check_entry, &c);
}
