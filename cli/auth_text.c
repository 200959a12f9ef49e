/*
 * Results of authentication in words, for a terminal.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "cli/auth_show.h"
#include "cli/text.h"
#include "lib/base/err.h"
#include "lib/dns/dns.h"

/* Bytes of a record, a name or a reason that are shown; a 4096-bit key has 750. */
#define SHOWN_MAX 1000

struct show {
	struct gp_arena *arena;
	bool colour;
};

static const char *text(const struct show *s, struct gp_str span)
{
	return gp_text_show(s->arena, span, SHOWN_MAX);
}

static const char *colour_of(enum gp_auth_status status)
{
	static const char *const colours[GP_AUTH_STATUSES] = {
		[GP_AUTH_NONE] = "",	       [GP_AUTH_PASS] = "\033[32m",
		[GP_AUTH_FAIL] = "\033[31m",   [GP_AUTH_SOFTFAIL] = "\033[33m",
		[GP_AUTH_NEUTRAL] = "",	       [GP_AUTH_POLICY] = "\033[33m",
		[GP_AUTH_TEMPERROR] = "\033[33m", [GP_AUTH_PERMERROR] = "\033[31m",
	};

	return colours[status];
}

/* "  METHOD         STATUS     TEXT" */
GP_PRINTF(4, 5)
static void put_result(const struct show *s, const char *method,
				       enum gp_auth_status status, const char *fmt, ...)
{
	const char *on = s->colour ? colour_of(status) : "";
	va_list ap;

	printf("  %-14s %s%-10s%s ", method, on, gp_auth_status_name(status), *on ? "\033[0m" : "");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

GP_PRINTF(2, 3)
static void put_detail(const char *label, const char *fmt, ...)
{
	va_list ap;

	printf("  %-14s %-10s ", "", label);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void put_span(const struct show *s, const char *label, struct gp_str span)
{
	if (span.len)
		put_detail(label, "%s", text(s, span));
}

static const char *time_text(const struct show *s, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char out[64];
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%S UTC", &tm))
		return gp_arena_printf(s->arena, "%" PRId64, seconds);
	return gp_arena_strdup(s->arena, out);
}

static void show_spf(const struct show *s, const char *method, const struct gp_spf_result *r)
{
	if (r->domain.len)
		put_result(s, method, r->status, "%s%s%s", text(s, r->domain),
			   r->reason.len ? ": " : "", text(s, r->reason));
	else
		put_result(s, method, r->status, "%s", text(s, r->reason));
	put_span(s, "record", r->record);
	put_span(s, "explains", r->explanation);
}

static void show_dkim(const struct show *s, const struct gp_dkim_result *r)
{
	put_result(s, "DKIM", r->status, "%s%s%s", text(s, r->domain),
		   r->domain.len && r->reason.len ? ": " : "", text(s, r->reason));
	if (r->key_bits)
		put_detail("signed by", "selector %s, %s, %u bits%s%s", text(s, r->selector),
			   text(s, r->algorithm), r->key_bits,
			   r->is_author ? ", the author's domain" : "",
			   r->is_testing ? ", which only tests (t=y)" : "");
	else if (r->selector.len)
		put_detail("signed by", "selector %s, %s", text(s, r->selector),
			   text(s, r->algorithm));
	if (r->signed_s >= 0)
		put_detail("signed at", "%s", time_text(s, r->signed_s));
	if (r->expires_s >= 0)
		put_detail("expires", "%s", time_text(s, r->expires_s));
	if (r->unsigned_bytes)
		put_detail("uncovered", "%" PRIu64 " bytes at the end of the body (l=)",
			   r->unsigned_bytes);
	if (r->record.len) /* whole among the answers of the DNS */
		put_detail("key", "%s", gp_text_show(s->arena, r->record, 60));
}

static void show_all_dkim(const struct show *s, const struct gp_auth_result *r)
{
	if (r->n_dkim_seen == 0)
		put_result(s, "DKIM", GP_AUTH_NONE, "the message has no signature");
	for (size_t i = 0; i < r->n_dkim; i++)
		show_dkim(s, &r->dkim[i]);
	if (r->n_dkim_seen > r->n_dkim)
		put_detail("", "%zu more signatures were not looked at", r->n_dkim_seen - r->n_dkim);
}

static void show_arc(const struct show *s, const struct gp_arc_result *r)
{
	put_result(s, "ARC", r->status, "%s",
		   r->reason.len ? text(s, r->reason)
				 : r->n_sets ? "the chain is valid" : "the message has no set");
	for (size_t i = 0; i < r->n_sets; i++) {
		const struct gp_arc_set *set = &r->sets[i];

		put_detail(gp_arena_printf(s->arena, "set %zu", i + 1), "%s, selector %s: %s",
			   text(s, set->domain), text(s, set->selector), text(s, set->results));
	}
	if (r->is_override)
		put_detail("", "the results of set %u are believed: its sealers are trusted",
			   r->override_set + 1);
}

static void show_alignment(const struct show *s, const char *method, struct gp_str domain,
			   bool is_aligned, bool is_strict)
{
	put_detail(method, "%s%s%s (%s)", text(s, domain), domain.len ? ": " : "",
		   is_aligned ? "aligned" : "not passed or not aligned", is_strict ? "strict" : "relaxed");
}

static void show_dmarc(const struct show *s, const struct gp_dmarc_result *r)
{
	put_result(s, "DMARC", r->status, "%s%s%s", text(s, r->from),
		   r->from.len && r->reason.len ? ": " : "", text(s, r->reason));
	if (r->org.len)
		put_detail("below", "%s (the organisational domain)%s", text(s, r->org),
			   r->is_nonexistent ? "; the author's domain does not exist" : "");
	if (!r->has_record)
		return;
	show_alignment(s, "SPF", r->spf_domain, r->is_spf_aligned, r->is_strict_spf);
	show_alignment(s, "DKIM", r->dkim_domain, r->is_dkim_aligned, r->is_strict_dkim);
	put_detail("policy", "%s%s", gp_dmarc_policy_name(r->published),
		   r->is_testing ? ", but only testing (t=y)" : "");
	put_detail("record", "%s: %s", text(s, r->record_domain), text(s, r->record));
}

const char *gp_dns_type_name(int type)
{
	static const struct {
		int type;
		const char *name;
	} names[] = {{GP_DNS_A, "A"},	  {GP_DNS_CNAME, "CNAME"}, {GP_DNS_PTR, "PTR"},
		     {GP_DNS_MX, "MX"},	  {GP_DNS_TXT, "TXT"},	   {GP_DNS_AAAA, "AAAA"},
		     {GP_DNS_NS, "NS"}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return "?";
}

static void show_lookup(const struct show *s, const struct gp_auth_lookup *l)
{
	const char *outcome = l->result			   ? gp_err_name(l->result)
			      : l->rcode == GP_DNS_NXDOMAIN ? "no such name"
			      : l->n_data == 0		   ? "no such record"
							   : NULL;
	const char *security = l->security == GP_DNS_SECURE  ? ", DNSSEC"
			       : l->security == GP_DNS_BOGUS ? ", DNSSEC says bogus"
							     : "";

	printf("    %s %s (%u s%s)%s%s\n", text(s, l->name), gp_dns_type_name(l->type), l->ttl_s,
	       security, outcome ? ": " : "", outcome ? outcome : "");
	for (size_t i = 0; i < l->n_data; i++)
		printf("        %s\n", text(s, l->data[i]));
}

void gp_auth_print(const struct gp_auth_result *r, unsigned parts, bool colour,
		   struct gp_arena *arena)
{
	const struct show s = {.arena = arena, .colour = colour};

	if (parts & GP_SHOW_SPF) {
		show_spf(&s, "SPF MAIL FROM", &r->mailfrom);
		show_spf(&s, "SPF HELO", &r->helo);
	}
	if (parts & GP_SHOW_DKIM)
		show_all_dkim(&s, r);
	if (parts & GP_SHOW_ARC)
		show_arc(&s, &r->arc);
	if (parts & GP_SHOW_DMARC)
		show_dmarc(&s, &r->dmarc);
	if (r->n_lookups)
		puts("\n  Answers of the DNS");
	for (size_t i = 0; i < r->n_lookups; i++)
		show_lookup(&s, &r->lookups[i]);
}
