/*
 * What reports say in brackets below rules that asked the DNS, in SpamAssassin's words.
 */
#include "lib/score/rule_dns_int.h"

/* A line's bytes; a rule's lines (SpamAssassin has no bounds). */
#define LINE_MAX_BYTES 500
#define LINES_MAX 20

static const char *type_name(enum gp_dns_type type)
{
	static const struct {
		enum gp_dns_type type;
		const char *name;
	} names[] = {{GP_DNS_A, "A"}, {GP_DNS_NS, "NS"}, {GP_DNS_MX, "MX"}, {GP_DNS_TXT, "TXT"},
		     {GP_DNS_AAAA, "AAAA"}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return "";
}

static bool is_link(struct gp_str s)
{
	struct gp_str rest = gp_str_sub(s, gp_str_istarts(s, GP_STR("https:")) ? 6 : 5, SIZE_MAX);

	return (gp_str_istarts(s, GP_STR("http:")) || gp_str_istarts(s, GP_STR("https:"))) &&
	       gp_str_starts(rest, GP_STR("//")) && rest.len > 2 && !gp_is_space(rest.ptr[2]);
}

/* What a list says, its links in angle brackets. */
static void add_text(struct gp_str s, struct gp_buf *out)
{
	bool is_within = false;

	for (size_t i = 0; i < s.len; i++) {
		if (!is_within && is_link(gp_str_sub(s, i, SIZE_MAX)) &&
		    (i == 0 || !strchr("<([", s.ptr[i - 1]))) {
			gp_buf_add_chr(out, '<');
			is_within = true;
		}
		if (is_within && gp_is_space(s.ptr[i])) {
			gp_buf_add_chr(out, '>');
			is_within = false;
		}
		gp_buf_add_chr(out, s.ptr[i]);
	}
	if (is_within)
		gp_buf_add_chr(out, '>');
}

static void add_lower(struct gp_str s, struct gp_buf *out)
{
	for (size_t i = 0; i < s.len; i++)
		gp_buf_add_chr(out, gp_lower(s.ptr[i]));
}

/* All eight groups of an address, as they are asked for. */
static void add_six(const struct gp_ip *ip, struct gp_buf *out)
{
	for (size_t i = 0; i < sizeof(ip->bytes); i += 2)
		gp_buf_printf(out, i ? ":%x" : "%04x", (unsigned)ip->bytes[i] << 8 | ip->bytes[i + 1]);
}

/* "192.0.2.1 listed in zen.example", "listed in host.example.list.example", what the list says. */
static void add_listed(const struct gp_query *q, struct gp_str subject, const struct gp_dns_record *record,
		       struct gp_buf *out)
{
	struct gp_ip ip;
	bool is_ip = gp_ip_parse(subject, &ip) == GP_OK;

	if (!record->ip.family) {
		add_text(gp_str_sub(record->text, 0, LINE_MAX_BYTES), out);
		return;
	}
	if (is_ip && ip.family == 6)
		add_six(&ip, out);
	else if (is_ip)
		gp_buf_add_str(out, subject);
	gp_buf_add_cstr(out, is_ip ? " listed in " : "listed in ");
	if (!is_ip) {
		add_lower(subject, out);
		gp_buf_add_chr(out, '.');
	}
	add_lower(q->zone->name, out);
}

/* "name.example TXT:what it says" */
static void add_asked(const struct gp_query *q, struct gp_str name, const struct gp_dns_record *record,
		      struct gp_buf *out)
{
	char ip[GP_IP_TEXT];
	struct gp_str data = {0};

	if (record)
		data = record->ip.family ? gp_str(gp_ip_format(&record->ip, ip)) : record->text;
	add_lower(name, out);
	gp_buf_printf(out, " %s:%.*s", type_name(q->type), GP_STR_FMT(gp_str_sub(data, 0, LINE_MAX_BYTES)));
}

/* What was looked for: "joe[at]example.com"; of a file its digest. */
static void add_value(const struct gp_dns_waiter *w, struct gp_buf *out)
{
	struct gp_str value = w->subject;

	if (w->rule->query->kind == GP_QUERY_HASH_PARTS)
		value = gp_str_sub(w->digest, 0, gp_str_find_chr(w->digest, '.', 0));
	value = gp_str_sub(value, 0, LINE_MAX_BYTES);
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == '@')
			gp_buf_add_cstr(out, "[at]");
		else
			gp_buf_add_chr(out, value.ptr[i]);
}

static void add_line(const struct gp_dns_waiter *w, const struct gp_dns_record *record, struct gp_buf *out)
{
	const struct gp_query *q = w->rule->query;
	struct gp_str subject = gp_str_sub(w->subject, 0, GP_DNS_NAME_MAX);

	if (q->kind >= GP_QUERY_HASH_BODY)
		add_value(w, out);
	else if (q->kind == GP_QUERY_ASKDNS)
		add_asked(q, subject, record, out);
	else if (q->kind >= GP_QUERY_URI_NAME)
		gp_buf_printf(out, "URI: %.*s", GP_STR_FMT(subject));
	else if (q->kind != GP_QUERY_SENDER && record && q->zone)
		add_listed(q, subject, record, out);
}

/* Of one answer digests are told of once, others for each record that fits; those of a set once. */
static bool is_told(const struct gp_dns_hit *h, const struct gp_rule *r, const struct gp_dns_waiter *w)
{
	return h->n_details >= LINES_MAX || (h->is_hit && r != w->rule) ||
	       (w->digest.len && h->last == w->digest.ptr);
}

void gp_rule_dns_add_detail(struct gp_rule_dns *d, const struct gp_rule *r, const struct gp_dns_waiter *w,
			    const struct gp_dns_record *record)
{
	GP_BUF_AUTO line = GP_BUF_INIT(8 * LINE_MAX_BYTES);
	struct gp_dns_hit *h = &d->hits[r->query->index];

	if (is_told(h, r, w))
		return;
	add_line(w, record, &line);
	if (line.len == 0)
		return;
	gp_symbol_detail_add(d->arena, &h->detail, gp_buf_str(&line));
	h->n_details++;
	h->last = w->digest.ptr;
}
