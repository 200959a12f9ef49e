/*
 * The DNS record of a key, as text: for whoever has to publish it.
 */
#ifndef GP_DKIM_TXTRECORD_H
#define GP_DKIM_TXTRECORD_H

#include "lib/auth/crypto.h"

/* Appends the record's value, "v=DKIM1; k=rsa; p=…" (RFC 6376, 3.6.1). */
void dkim_txt_value(const struct gp_key *key, struct gp_buf *out);
/* Appends it as lines of a zone file, the value in strings of at most 255 bytes (RFC 1035,
 * 3.3.14): SELECTOR._domainkey.DOMAIN. IN TXT ( "…" "…" ). */
void dkim_txt_zone(struct gp_str domain, struct gp_str selector, struct gp_str value,
		   struct gp_buf *out);

#endif
