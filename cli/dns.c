/*
 * Opening the resolver of a command.
 */
#include "cli/dns.h"

#include <stdio.h>

#include "cli/cmd.h"
#include "lib/conf/shared.h"
#include "lib/daemon/resolver.h"
#include "lib/dns/dns_zone.h"

static int open_zone(const char *file, struct gp_resolver **ret)
{
	struct gp_str notes, line;
	struct gp_diag diag;

	if (gp_dns_zone_open(file, ret, &diag))
		return gp_cli_fail(GP_EXIT_NOINPUT, "%s", diag.text);
	notes = gp_dns_zone_notes(*ret);
	while (gp_str_next(&notes, '\n', &line))
		fprintf(stderr, "%.*s\n", GP_STR_FMT(line));
	return 0;
}

int gp_cli_dns_open(const struct gp_snapshot *snap, const char *zone, struct gp_cli_dns *ret)
{
	const struct gp_conf_dns *conf = gp_snapshot_get(snap, &gp_conf_dns_table);
	struct gp_diag diag;

	if (zone)
		return open_zone(zone, &ret->resolver);
	if (gp_loop_open(&ret->loop, &diag))
		return gp_cli_fail(GP_EXIT_SOFTWARE, "%s", diag.text);
	if (gp_resolver_open(conf, ret->loop, &ret->resolver, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "dns: %s", diag.text);
	return 0;
}

void gp_cli_dns_close(struct gp_cli_dns *dns)
{
	gp_resolver_close(&dns->resolver);
	gp_loop_close(&dns->loop);
}
