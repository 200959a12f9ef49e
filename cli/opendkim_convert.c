/*
 * What becomes of the values of OpenDKIM's parameters: by their kind, and those of the process, its
 * network and its log.  Those of signing and verifying are in opendkim_convert_dkim.c.
 */
#include <stdio.h>

#include "cli/opendkim_convert.h"
#include "lib/base/ip.h"
#include "lib/base/num.h"

void odk_invalid(struct odk *o, const struct odk_param *p, const char *expected)
{
	odk_note(o, GP_IMPORT_LOST, p->file, p->line, "%.*s: \"%.*s\": expected %s",
		 GP_STR_FMT(p->name), GP_STR_FMT(p->value), expected);
}

void odk_to_switch(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	odk_set(o, row->target, "%s", odk_is_true(p) ? "true" : "false");
}

void odk_to_text(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	odk_set_text(o, row->target, p->value);
}

/* Seconds. */
void odk_to_duration(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	int64_t n;

	if (gp_num_parse_int(p->value, &n) || n < row->min || n > row->max)
		odk_note(o, GP_IMPORT_LOST, p->file, p->line,
			 "%s: \"%.*s\" is not within %lld and "
			 "%lld seconds",
			 row->name, GP_STR_FMT(p->value), (long long)row->min, (long long)row->max);
	else
		odk_set(o, row->target, "\"%llds\"", (long long)n);
}

void odk_to_list(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	GP_VEC(struct gp_str) items = {0};
	struct odk_set set;

	if (!odk_read_set(o, p, &set))
		return;
	for (size_t i = 0; i < set.entries.len; i++)
		*gp_vec_push(o->arena, &items) = set.entries.items[i].key;
	odk_set_list(o, row->target, items.items, items.len);
}

/* Hosts: addresses and networks are ours, names are not. */
void odk_to_networks(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	GP_VEC(struct gp_str) items = {0};
	struct odk_set set;

	if (!odk_read_set(o, p, &set))
		return;
	for (size_t i = 0; i < set.entries.len; i++) {
		const struct odk_entry *e = &set.entries.items[i];
		struct gp_str key = e->key;
		struct gp_cidr net;

		if (gp_str_starts(key, GP_STR("[")) && gp_str_find_chr(key, ']', 0) < key.len)
			key = gp_str(gp_arena_printf(
				o->arena, "%.*s%.*s",
				GP_STR_FMT(gp_str_sub(key, 1, gp_str_find_chr(key, ']', 0) - 1)),
				GP_STR_FMT(gp_str_sub(key, gp_str_find_chr(key, ']', 0) + 1,
						      key.len))));
		if (gp_str_ieq(key, GP_STR("localhost"))) {
			*gp_vec_push(o->arena, &items) = GP_STR("127.0.0.0/8");
			*gp_vec_push(o->arena, &items) = GP_STR("::1");
		} else if (gp_cidr_parse(key, &net) == GP_OK) {
			*gp_vec_push(o->arena, &items) = key;
		} else {
			odk_note(o, GP_IMPORT_LOST, e->file, e->line,
				 "%.*s: \"%.*s\": only addresses and networks can be listed%s",
				 GP_STR_FMT(p->name), GP_STR_FMT(e->key),
				 gp_str_starts(key, GP_STR("!")) ? ", without exceptions" : "");
		}
	}
	odk_set_list(o, row->target, items.items, items.len);
	odk_note(o, GP_IMPORT_CHANGED, p->file, p->line, "%s: %s holds for milter-spam too",
		 row->name, row->target);
}

void odk_to_servers(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	GP_VEC(struct gp_str) items = {0};
	struct gp_str rest = p->value, piece;
	struct gp_ip ip;

	while (gp_str_next(&rest, ',', &piece)) {
		piece = gp_str_trim(piece);
		if (gp_ip_parse(piece, &ip) == GP_OK)
			*gp_vec_push(o->arena, &items) = piece;
		else
			odk_invalid(o, p, "addresses");
	}
	if (items.len)
		odk_set_list(o, row->target, items.items, items.len);
}

void odk_convert_anchor(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	odk_set_text(o, row->target, gp_str(odk_path(o, p->value)));
	odk_set(o, "dns.dnssec", "true");
}

void odk_convert_authserv(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	if (!gp_str_eq(p->value, GP_STR("HOSTNAME")))
		odk_to_text(o, p, row);
}

/* "8891@localhost": ours binds addresses, not names; without a host any address. */
static void inet_socket(struct odk *o, const struct odk_param *p, struct gp_str port_and_host,
			bool is_v6, const char *target)
{
	size_t at = gp_str_find_chr(port_and_host, '@', 0);
	struct gp_str port = gp_str_sub(port_and_host, 0, at),
		      host = gp_str_sub(port_and_host, at + 1, port_and_host.len);
	struct gp_ip ip;

	if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = gp_str_sub(host, 1, host.len - 2);
	if (host.len == 0)
		host = is_v6 ? GP_STR("::") : GP_STR("0.0.0.0");
	else if (gp_str_ieq(host, GP_STR("localhost")))
		host = is_v6 ? GP_STR("::1") : GP_STR("127.0.0.1");
	if (gp_ip_parse(host, &ip) || (ip.family == 6) != is_v6) {
		odk_note(o, GP_IMPORT_LOST, p->file, p->line,
			 "Socket: \"%.*s\" is a name; give an address", GP_STR_FMT(host));
		return;
	}
	odk_set_text(o, target,
		     gp_str(gp_arena_printf(o->arena, "%s:%.*s@%.*s", is_v6 ? "inet6" : "inet",
					    GP_STR_FMT(port), GP_STR_FMT(host))));
}

void odk_convert_socket(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	size_t colon = gp_str_find_chr(p->value, ':', 0);
	struct gp_str kind = gp_str_sub(p->value, 0, colon),
		      rest = gp_str_sub(p->value, colon + 1, p->value.len);

	if (gp_str_ieq(kind, GP_STR("inet")) || gp_str_ieq(kind, GP_STR("inet6"))) {
		inet_socket(o, p, rest, gp_str_ieq(kind, GP_STR("inet6")), row->target);
	} else {
		if (p->value.ptr[0] == '/')
			rest = p->value;
		odk_set_text(o, row->target,
			     gp_str(gp_arena_printf(o->arena, "unix:%.*s", GP_STR_FMT(rest))));
	}
	odk_note(o, GP_IMPORT_CHANGED, p->file, p->line,
		 "Socket: OpenDKIM's is kept, so that main.cf stays as it is; only one of the two "
		 "programs can listen there");
}

void odk_convert_umask(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	unsigned mask = 0;

	for (size_t i = 0; i < p->value.len; i++) {
		if (p->value.ptr[i] < '0' || p->value.ptr[i] > '7' || mask > 0777) {
			odk_invalid(o, p, "an octal number");
			return;
		}
		mask = mask * 8 + (unsigned)(p->value.ptr[i] - '0');
	}
	odk_set(o, row->target, "\"%04o\"", 0666u & ~mask);
}

void odk_convert_user(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	size_t colon = gp_str_find_chr(p->value, ':', 0);

	odk_set_text(o, row->target, gp_str_sub(p->value, 0, colon));
	if (colon < p->value.len)
		odk_set_text(o, "milter-dkim.socket_group",
			     gp_str_sub(p->value, colon + 1, p->value.len));
	odk_note(o, GP_IMPORT_CHANGED, p->file, p->line,
		 "UserID: kept, so that the keys can be read; our own user is gatepost-dkim, which "
		 "the unit names (then give it the keys: chown)");
}

void odk_convert_syslog(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	(void)row;
	if (odk_is_true(p))
		odk_set(o, "log.target", "\"syslog\"");
}

void odk_convert_facility(struct odk *o, const struct odk_param *p, const struct odk_row *row)
{
	static const char *const known[] = {"mail",   "daemon", "user",	  "local0",
					    "local1", "local2", "local3", "local4",
					    "local5", "local6", "local7"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(known); i++)
		if (gp_str_ieq(p->value, gp_str(known[i]))) {
			odk_set_text(o, row->target, gp_str(known[i]));
			return;
		}
	odk_invalid(o, p, "mail, daemon, user or local0 … local7");
}
