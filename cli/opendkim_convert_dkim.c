/*
 * What becomes of the values of OpenDKIM's parameters: signing and verifying.
 */
#include <stdio.h>

#include "cli/opendkim_convert.h"
#include "lib/base/num.h"
#include "milter-dkim/options.h"

void odk_convert_canonicalization(struct odk *o, const struct odk_param *p,
				  const struct odk_row *row)
{
	struct gp_str rest = p->value, header = {0}, body = {0};
	bool is_header_relaxed, is_body_relaxed;

	gp_str_next(&rest, '/', &header);
	if (!gp_str_next(&rest, '/', &body))
		body = GP_STR("simple"); /* RFC 6376, 3.5 */
	is_header_relaxed = gp_str_ieq(header, GP_STR("relaxed"));
	is_body_relaxed = gp_str_ieq(body, GP_STR("relaxed"));
	if ((!is_header_relaxed && !gp_str_ieq(header, GP_STR("simple"))) ||
	    (!is_body_relaxed && !gp_str_ieq(body, GP_STR("simple"))))
		odk_invalid(o, p, "simple or relaxed");
	else
		odk_set(o, row->target, "\"%s/%s\"", is_header_relaxed ? "relaxed" : "simple",
			is_body_relaxed ? "relaxed" : "simple");
}

/* What lib's default signs, as a list to add to and take from. */
static void read_default_headers(struct odk *o, struct gp_str **ret, size_t *ret_n)
{
	GP_VEC(struct gp_str) names = {0};
	struct gp_str rest = GP_STR(DKIM_SIGN_HEADERS), piece;

	while (gp_str_next(&rest, ',', &piece))
		*gp_vec_push(o->arena, &names) = gp_str_trim(piece);
	*ret = names.items;
	*ret_n = names.len;
}

static size_t without(struct gp_str *names, size_t n, struct gp_str name)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!gp_str_ieq(names[i], name))
			names[kept++] = names[i];
	return kept;
}

/* SignHeaders: a list, or "*" with +NAME and -NAME as changes of the default. */
void odk_convert_sign_headers(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	struct odk_set set;
	struct gp_str *names = NULL, *all;
	bool is_delta = false;
	size_t n = 0;

	if (!odk_read_set(o, p, &set))
		return;
	for (size_t i = 0; i < set.entries.len; i++)
		is_delta = is_delta || gp_str_eq(set.entries.items[i].key, GP_STR("*"));
	if (is_delta)
		read_default_headers(o, &names, &n);
	all = GP_ARENA_NEW_N(o->arena, n + set.entries.len + 1, struct gp_str);
	for (size_t i = 0; i < n; i++)
		all[i] = names[i];
	for (size_t i = 0; i < set.entries.len; i++) {
		struct gp_str name = set.entries.items[i].key;

		if (gp_str_eq(name, GP_STR("*")))
			continue;
		if (gp_str_starts(name, GP_STR("-"))) {
			n = without(all, n, gp_str_sub(name, 1, name.len));
			continue;
		}
		if (gp_str_starts(name, GP_STR("+")))
			name = gp_str_sub(name, 1, name.len);
		n = without(all, n, name);
		all[n++] = name;
	}
	odk_set_list(o, row->target, all, n);
}

/* OmitHeaders: off the list of what is signed. */
void odk_convert_omit_headers(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	struct odk_set set;
	struct gp_str *names;
	size_t n, before;

	if (odk_get(o, "SignHeaders")) {
		odk_note(o, GP_IMPORT_NEEDLESS, p->file, p->line,
			 "OmitHeaders: SignHeaders lists what is signed");
		return;
	}
	if (!odk_read_set(o, p, &set))
		return;
	read_default_headers(o, &names, &n);
	before = n;
	for (size_t i = 0; i < set.entries.len; i++)
		n = without(names, n,
			    gp_str_starts(set.entries.items[i].key, GP_STR("+"))
				    ? gp_str_sub(set.entries.items[i].key, 1,
						 set.entries.items[i].key.len)
				    : set.entries.items[i].key);
	if (n < before)
		odk_set_list(o, row->target, names, n);
}

/* "Sender,From": our setting has From, Sender before From, or the envelope. */
void odk_convert_sender_headers(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	struct odk_set set;
	struct gp_str first;

	if (!odk_read_set(o, p, &set) || set.entries.len == 0)
		return;
	first = set.entries.items[0].key;
	if (gp_str_ieq(first, GP_STR("Sender")))
		odk_set(o, row->target, "\"sender\"");
	else if (!gp_str_ieq(first, GP_STR("From")))
		odk_note(o, GP_IMPORT_LOST, p->file, p->line,
			 "SenderHeaders: the domain is that of From (or Sender, or the envelope), "
			 "not of %.*s",
			 GP_STR_FMT(first));
}

void odk_convert_mode(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	static const char *const methods[] = {"spf", "dkim", "arc", "dmarc"};
	char path[64];

	(void)row;
	if (gp_str_find_chr(p->value, 's', 0) == p->value.len) {
		odk_set(o, "milter-dkim.sign.authenticated", "false");
		odk_set(o, "milter-dkim.sign.own_networks", "false");
	}
	if (gp_str_find_chr(p->value, 'v', 0) < p->value.len)
		return;
	for (size_t i = 0; i < GP_ARRAY_SIZE(methods); i++) {
		snprintf(path, sizeof(path), "milter-dkim.%s.enabled", methods[i]);
		odk_set(o, gp_arena_strdup(o->arena, path), "false");
	}
}

void odk_convert_algorithm(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	(void)row;
	if (!gp_str_ieq(p->value, GP_STR("rsa-sha256")))
		odk_note(o, GP_IMPORT_CHANGED, p->file, p->line,
			 "SignatureAlgorithm: %.*s: the key says it (rsa-sha256 or "
			 "ed25519-sha256); SHA-1 is not offered (RFC 8301)",
			 GP_STR_FMT(p->value));
}

void odk_convert_key_bits(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	int64_t bits;

	(void)row;
	if (gp_num_parse_int(p->value, &bits) || bits < 0 || bits > 8192) {
		odk_invalid(o, p, "a number of bits");
		return;
	}
	if (bits < 1024)
		odk_note(o, GP_IMPORT_CHANGED, p->file, p->line,
			 "MinimumKeyBits: RSA keys below 1024 bits never pass (RFC 8301)");
	odk_set(o, "milter-dkim.dkim.rsa_bits_min", "%d", (int)GP_MAX(bits, 1024));
}

void odk_convert_signatures(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	int64_t n;

	if (gp_num_parse_int(p->value, &n))
		odk_invalid(o, p, "a number");
	else
		odk_set(o, row->target, "%d", (int)GP_MIN(GP_MAX(n, 1), 50));
}

void odk_convert_remove_from(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	GP_VEC(struct gp_str) items = {0};
	struct odk_set set;

	if (!odk_read_set(o, p, &set))
		return;
	for (size_t i = 0; i < set.entries.len; i++) {
		struct gp_str key = set.entries.items[i].key;

		if (gp_str_starts(key, GP_STR(".")))
			key = gp_str(gp_arena_printf(o->arena, "*%.*s", GP_STR_FMT(key)));
		*gp_vec_push(o->arena, &items) = key;
	}
	odk_set_list(o, row->target, items.items, items.len);
}

/* The action of an On-… parameter by its first letter; 0 if it is none. */
static char action_of(const struct odk_param *p)
{
	char c = gp_lower(p->value.ptr[0]);

	return memchr("adqrt", c, 5) ? c : '\0';
}

/* To one of ours: note, quarantine, reject; there is no discard, and only errors are deferred. */
void odk_convert_action(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	switch (action_of(p)) {
	case 'a':
		odk_set(o, row->target, "\"note\"");
		break;
	case 'q':
		odk_set(o, row->target, "\"quarantine\"");
		break;
	case 'r':
		odk_set(o, row->target, "\"reject\"");
		break;
	case 'd':
	case 't':
		odk_set(o, row->target, "\"quarantine\"");
		odk_note(
			o, GP_IMPORT_CHANGED, p->file, p->line,
			"%.*s: mail is noted, held or refused, never thrown away or deferred for a "
			"result; it is held",
			GP_STR_FMT(p->name));
		break;
	default:
		odk_invalid(o, p, "accept, discard, quarantine, reject or tempfail");
	}
}

/* To accept or tempfail. */
void odk_convert_error_action(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	char action = action_of(p);

	if (!action)
		odk_invalid(o, p, "accept, discard, quarantine, reject or tempfail");
	else
		odk_set(o, row->target, action == 'a' ? "\"accept\"" : "\"tempfail\"");
	if (action && action != 'a' && action != 't')
		odk_note(o, GP_IMPORT_CHANGED, p->file, p->line,
			 "%.*s: what fails for now is accepted or deferred; it is deferred",
			 GP_STR_FMT(p->name));
}

/* Before the others, which override it. */
void odk_convert_default_action(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	static const struct odk_row results[] = {{.target = "milter-dkim.dkim.fail"}},
				    errors[] = {{.target = "milter-dkim.dkim.temperror"},
						{.target = "milter-dkim.sign.on_error"}};

	(void)row;
	for (size_t i = 0; i < GP_ARRAY_SIZE(results); i++)
		odk_convert_action(o, p, &results[i]);
	for (size_t i = 0; i < GP_ARRAY_SIZE(errors); i++)
		odk_convert_error_action(o, p, &errors[i]);
}

void odk_convert_safe_keys(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	(void)row;
	if (!odk_is_true(p))
		odk_note(
			o, GP_IMPORT_CHANGED, p->file, p->line,
			"RequireSafeKeys: a key that others can read is always refused; chmod 0640 "
			"or 0600");
}
