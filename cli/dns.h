/*
 * The resolver of a command: the configured one, or a zone file.
 */
#ifndef GP_CLI_DNS_H
#define GP_CLI_DNS_H

#include "lib/conf/snapshot.h"
#include "lib/dns/dns.h"

struct gp_cli_dns {
	struct gp_loop *loop; /* NULL with a zone file */
	struct gp_resolver *resolver;
};

/* zone: the file that is the only source of answers, or NULL for the configured servers.
 * Errors are printed; the result is an exit status, 0 if all is well. */
int gp_cli_dns_open(const struct gp_snapshot *snap, const char *zone, struct gp_cli_dns *ret);
void gp_cli_dns_close(struct gp_cli_dns *dns);
#define GP_CLI_DNS_AUTO GP_CLEANUP(gp_cli_dns_close) struct gp_cli_dns

#endif
