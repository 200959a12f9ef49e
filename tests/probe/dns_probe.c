/*
 * gp-dns-probe HINTS ANCHOR NAME...: asks for the TXT record of each name by
 * recursion with validation, and prints "NAME RCODE SECURITY TEXT" a line.  For
 * tests that bring name servers of their own; not installed.
 */
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/dns/dns_unbound.h"

#define WAIT_MS 20000

static const char *security_name(enum gp_dns_security security)
{
	switch (security) {
	case GP_DNS_SECURE:
		return "secure";
	case GP_DNS_BOGUS:
		return "bogus";
	case GP_DNS_INSECURE:
		break;
	}
	return "insecure";
}

static void ask(struct gp_resolver *resolver, const char *name)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_dns_answer answer;
	int r = gp_dns_get(resolver, gp_str(name), GP_DNS_TXT, gp_clock_mono_ms() + WAIT_MS, arena,
			   &answer);

	if (r)
		printf("%s failed: %s\n", name, gp_err_name(r));
	else
		printf("%s %d %s %.*s\n", name, answer.rcode, security_name(answer.security),
		       GP_STR_FMT(answer.n_records ? answer.records[0].text : GP_STR("-")));
	gp_arena_free(arena);
}

int main(int argc, char **argv)
{
	struct gp_dns_options options = {.recursion = true, .dnssec = true, .timeout_ms = WAIT_MS};
	struct gp_resolver *resolver;
	struct gp_loop *loop;
	struct gp_diag diag;

	if (argc < 4)
		return 64;
	options.root_hints = argv[1];
	options.trust_anchor = argv[2];
	if (gp_loop_open(&loop, &diag) || gp_dns_unbound_open(&options, loop, &resolver, &diag)) {
		fprintf(stderr, "%s\n", diag.text);
		return 69;
	}
	for (int i = 3; i < argc; i++)
		ask(resolver, argv[i]);
	gp_resolver_close(&resolver);
	gp_loop_close(&loop);
	return 0;
}
