/*
 * Words of a zone file as data of the wire: names, strings, and the records that
 * somebody here asks for.
 */
#ifndef GP_DNS_ZONE_DATA_H
#define GP_DNS_ZONE_DATA_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/dns/zone_lex.h"

/* An uncompressed name, lower case, with the root's empty label. */
struct gp_zone_name {
	unsigned char wire[255];
	size_t len;
};
extern const struct gp_zone_name gp_zone_root;

/* "@" is the origin; a name without final dot is below it.  GP_EINVAL with the reason
 * and a remedy in the diag. */
int gp_zone_name_parse(struct gp_zone_word word, const struct gp_zone_name *origin,
		       struct gp_zone_name *ret, struct gp_diag *diag) GP_MUST_USE;

/* Seconds: "3600" or "1h30m".  GP_EINVAL if it is none. */
int gp_zone_ttl_parse(struct gp_str text, uint32_t *ret) GP_MUST_USE;

/* What becomes of a type. */
enum gp_zone_use {
	GP_ZONE_UNKNOWN, /* no such type */
	GP_ZONE_KEPT,	 /* gp_zone_data_parse reads it; *ret_number is the type's */
	GP_ZONE_PASSED,	 /* belongs into a zone, nobody here asks for it (SOA, SPF) */
	GP_ZONE_IGNORED, /* others of the registry: ignored, with a note */
};
enum gp_zone_use gp_zone_type(struct gp_str name, unsigned *ret_number);

/* The data of a record of a type that is kept, appended to *wire (maximum 65535). */
int gp_zone_data_parse(unsigned type, const struct gp_zone_word *words, size_t n_words,
		       const struct gp_zone_name *origin, struct gp_buf *wire,
		       struct gp_diag *diag) GP_MUST_USE;

#endif
