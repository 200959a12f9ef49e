/*
 * gp-zone-probe ZONEFILE SERVER: for each name on standard input asks for every type, of
 * the zone file's resolver and, by libunbound, of SERVER ("ADDRESS@PORT"), and prints
 * "NAME TYPE RCODE END RECORDS TTL" of both, the zone file's first, where they differ.
 * What SERVER's answers have lost of their TTL while they were in libunbound's cache is no
 * difference.  At the end "N answers, D differ".  For tests that load the same file into a name
 * server; not installed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/dns/dns_unbound.h"
#include "lib/dns/dns_zone.h"

#define WAIT_MS 60000
#define RECORD_MAX 70000

static const struct {
	enum gp_dns_type type;
	const char *name;
} TYPES[] = {
	{GP_DNS_A, "A"},   {GP_DNS_AAAA, "AAAA"}, {GP_DNS_MX, "MX"},
	{GP_DNS_TXT, "TXT"}, {GP_DNS_PTR, "PTR"},   {GP_DNS_CNAME, "CNAME"}, {GP_DNS_NS, "NS"},
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Servers give records in any order. */
static void add_records(struct gp_arena *arena, const struct gp_dns_answer *a, struct gp_buf *out)
{
	const char *lines[GP_DNS_RECORDS_MAX];
	char ip[GP_IP_TEXT];

	for (size_t i = 0; i < a->n_records; i++) {
		const struct gp_dns_record *r = &a->records[i];

		lines[i] = gp_arena_printf(arena, " [%u %s %.*s]", r->preference,
					   gp_ip_format(&r->ip, ip), GP_STR_FMT(r->text));
	}
	qsort(lines, a->n_records, sizeof(*lines), compare);
	for (size_t i = 0; i < a->n_records; i++)
		gp_buf_add_cstr(out, lines[i]);
}

/* The answer without its TTL, and that; 0 where there are no records. */
static uint32_t ask(struct gp_resolver *r, const char *name, enum gp_dns_type type, struct gp_buf *out)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_dns_answer a;
	uint32_t ttl_s = 0;
	int result =
		gp_dns_get(r, gp_str(name), type, gp_clock_mono_ms() + WAIT_MS, arena, &a);

	if (result < 0) {
		gp_buf_add_cstr(out, gp_err_name(result));
	} else {
		gp_buf_printf(out, "%d %.*s", a.rcode, GP_STR_FMT(a.name));
		if (a.n_records)
			ttl_s = a.ttl_s;
		add_records(arena, &a, out);
	}
	gp_arena_free(arena);
	return ttl_s;
}

/* The server's answers are cached since that time. */
static bool agree(struct gp_resolver *zone, struct gp_resolver *server, int64_t since_ms,
		  const char *name, size_t i)
{
	GP_BUF_AUTO ours = GP_BUF_INIT(RECORD_MAX);
	GP_BUF_AUTO theirs = GP_BUF_INIT(RECORD_MAX);

	uint32_t our_ttl_s = ask(zone, name, TYPES[i].type, &ours);
	uint32_t their_ttl_s = ask(server, name, TYPES[i].type, &theirs);
	int64_t age_s = (gp_clock_mono_ms() - since_ms) / 1000 + 1;

	if (gp_str_eq(gp_buf_str(&ours), gp_buf_str(&theirs)) && their_ttl_s <= our_ttl_s &&
	    their_ttl_s + age_s >= our_ttl_s)
		return true;
	printf("%s %s %s %u\n%s %s %s %u\n", name, TYPES[i].name, gp_buf_cstr(&ours), our_ttl_s, name,
	       TYPES[i].name, gp_buf_cstr(&theirs), their_ttl_s);
	return false;
}

int main(int argc, char **argv)
{
	struct gp_dns_options options = {.n_servers = 1, .timeout_ms = WAIT_MS};
	struct gp_resolver *zone, *server;
	struct gp_loop *loop;
	struct gp_diag diag;
	char name[300];
	unsigned asked = 0, differ = 0;
	int64_t since_ms = gp_clock_mono_ms();

	if (argc != 3)
		return 64;
	options.servers = (const char *const *)&argv[2];
	if (gp_dns_zone_open(argv[1], &zone, &diag) || gp_loop_open(&loop, &diag) ||
	    gp_dns_unbound_open(&options, loop, &server, &diag)) {
		fprintf(stderr, "%s\n", diag.text);
		return 69;
	}
	while (fgets(name, sizeof(name), stdin)) {
		name[strcspn(name, "\n")] = '\0';
		for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++, asked++)
			differ += !agree(zone, server, since_ms, name, i);
	}
	printf("%u answers, %u differ\n", asked, differ);
	gp_resolver_close(&server);
	gp_resolver_close(&zone);
	gp_loop_close(&loop);
	return 0;
}
