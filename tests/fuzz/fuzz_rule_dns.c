/*
 * A message under rules that ask the DNS, with a name server that answers anything.
 *
 * The first line is the client and HELO, the second MAIL FROM, the rest the message; what
 * is answered, a hash of the question says, and texts come out of the message itself.
 * Whatever the bytes: questions are bounded and none is asked twice, the same input
 * hits the same rules.
 */
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/base/map.h"
#include "lib/dns/dns.h"
#include "lib/score/rule_scan.h"
#include "tests/fuzz/fuzz.h"

static const char rules[] =
	"util_rb_tld com org example uk d\nutil_rb_2tld co.uk\n"
	"originating_ip_headers X-Originating-IP\ntrusted_networks 192.0.2.0/24\n"
	"header R1 eval:check_rbl('a', 'l1.d.')\nheader R2 eval:check_rbl_sub('a', '2')\n"
	"header R3 eval:check_rbl('b-lastexternal', 'l2.d', '^127\\.0\\.0\\.[1-9]$')\n"
	"header R4 eval:check_rbl_txt('c-notfirsthop', 'l3.d', '(?i:s.a.m)')\n"
	"header R5 eval:check_rbl('d-firsttrusted', 'l4.d')\ntflags R5 nice\n"
	"header R6 eval:check_rbl_from_host('e', 'l5.d')\nheader R7 eval:check_dns_sender()\n"
	"header R8 eval:check_rbl_envfrom('f', 'l6.d')\n"
	"urirhssub U1 u1.d A 127.0.0.2\nbody U1 eval:check_uridnsbl('U1')\n"
	"urirhsbl U2 u2.d TXT\nbody U2 eval:check_uridnsbl('U2')\ntflags U2 notrim\n"
	"uridnssub U3 u3.d A 4\nbody U3 eval:check_uridnsbl('U3')\ntflags U3 a ns\n"
	"urinsrhsbl U4 u4.d A\nbody U4 eval:check_uridnsbl('U4')\n"
	"urifullnsrhssub U5 u5.d A 127.0.0.1-127.0.0.100\nbody U5 eval:check_uridnsbl('U5')\n"
	"askdns A1 _AUTHORDOMAIN_.a1.d A 127.0.0.2\naskdns A2 _URIHOSTS_._LASTEXTERNALREVIP_.a2.d\n"
	"askdns A3 _LASTEXTERNALHELO_ TXT /x/\naskdns A4 _SENDERDOMAIN_ MX [NXDOMAIN]\n"
	"askdns A5 _URIDOMAINS_ NS /^n/\ndns_block_rule U1 u5.d\nuridnsbl_max_domains 100\n"
	"uridnsbl_skip_mailto 0\n";

struct server {
	struct gp_resolver base;
	struct gp_str text;
	struct gp_arena *arena;
	struct gp_map asked;
};

static void add_name(struct gp_dns_question *q, uint64_t hash)
{
	char wire[] = "\0\0\1x\3com";

	wire[3] = (char)('a' + hash % 26);
	if (q->type == GP_DNS_MX)
		FUZZ_CHECK(gp_dns_answer_add(q, wire, sizeof(wire)) == GP_OK);
	else
		FUZZ_CHECK(gp_dns_answer_add(q, wire + 2, sizeof(wire) - 2) == GP_OK);
}

static void add_text(struct gp_dns_question *q, struct gp_str text, uint64_t hash)
{
	char wire[256];
	struct gp_str piece = gp_str_sub(text, text.len ? hash % text.len : 0, hash % 256);

	wire[0] = (char)piece.len;
	memcpy(wire + 1, piece.ptr, piece.len);
	FUZZ_CHECK(gp_dns_answer_add(q, wire, piece.len + 1) == GP_OK);
}

static void answer(struct gp_resolver *r, struct gp_dns_question *q)
{
	struct server *s = (struct server *)r;
	uint64_t hash = gp_hash64(q->type, q->name, strlen(q->name));
	const char *key = gp_arena_printf(s->arena, "%u %s", (unsigned)q->type, q->name);

	FUZZ_CHECK(!gp_map_set(&s->asked, gp_str(key), s));
	for (uint64_t i = 0; i < hash % 4; i++) {
		unsigned char ip[4] = {127, hash >> 8 & 1 ? 255 : 0, hash >> 8 & 1 ? 255 : 0,
				       (unsigned char)(hash >> (16 + i) & 7)};

		if (hash >> 24 & 1)
			ip[0] = 198;
		if (q->type == GP_DNS_A)
			FUZZ_CHECK(gp_dns_answer_add(q, ip, sizeof(ip)) == GP_OK);
		else if (q->type == GP_DNS_TXT)
			add_text(q, s->text, hash >> i);
		else
			add_name(q, hash >> i);
	}
	q->answer.rcode = q->answer.n_records || hash % 3 ? GP_DNS_NOERROR : GP_DNS_NXDOMAIN;
	gp_job_finish(&q->job, hash % 97 == 0 ? GP_ETEMP : GP_OK);
}

/* The hits as text; the set is new each time, since refusals are remembered in it. */
static const char *scan(struct gp_arena *a, struct gp_rule_input *in, struct gp_str text,
			enum gp_rule_engine engine)
{
	static const struct gp_resolver_ops ops = {.ask = answer};
	const struct gp_rule_options options = {.engine = engine};
	struct server server = {.base = {.ops = &ops}, .text = text, .arena = a};
	struct gp_rule_set *set;
	struct gp_rule_scan *s;
	struct gp_symbols symbols;
	struct gp_symbol hit;
	const char *hits = "";
	size_t iter = 0;

	gp_map_init(&server.asked, a, false);
	gp_rule_set_load_text("f.cf", gp_str(rules), &options, NULL, &set);
	gp_symbols_init(&symbols, a);
	in->resolver = &server.base;
	s = gp_rule_scan_begin(set, in, a);
	gp_rule_scan_finish(s, &symbols);
	FUZZ_CHECK(gp_rule_scan_stats(s)->asked == server.asked.len);
	FUZZ_CHECK(server.asked.len <= GP_MAX_RULE_LOOKUPS);
	while (gp_rule_scan_next_hit(s, &iter, &hit))
		hits = gp_arena_printf(a, "%s %s", hits, hit.name);
	gp_rule_set_unref(set);
	return hits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_str rest = gp_str_n(data, size), client = {0}, from = {0};
	struct gp_rule_input in = {.has_network = true, .bayes = -1};

	gp_str_next(&rest, '\n', &client);
	gp_str_next(&rest, '\n', &from);
	in.client_ip = gp_str_sub(client, 0, gp_str_find_chr(client, ' ', 0));
	in.helo = gp_str_trim(gp_str_sub(client, in.client_ip.len, SIZE_MAX));
	in.envelope_from = from;
	in.message = gp_message_parse(a, NULL, rest);
	FUZZ_CHECK(strcmp(scan(a, &in, rest, GP_RULE_ENGINE_AUTO),
			  scan(a, &in, rest, GP_RULE_ENGINE_PCRE2)) == 0);
	gp_arena_free(a);
	return 0;
}
