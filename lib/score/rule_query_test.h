/*
 * What a rule wants to hear from the DNS: parsing it.
 */
#ifndef GP_SCORE_RULE_QUERY_TEST_H
#define GP_SCORE_RULE_QUERY_TEST_H

#include "lib/score/rule_query.h"

/* Of check_rbl and its kin: an address, bits, else a pattern without delimiters. */
int gp_query_test_of_rbl(struct gp_arena *a, struct gp_str text, struct gp_query_test *ret,
			 struct gp_diag *diag) GP_MUST_USE;
/* Of uridnssub and its kin: "127.0.0.2", "2", "0x10", "127.0.0.2-127.0.0.9", "2/6". */
int gp_query_test_of_uribl(struct gp_arena *a, struct gp_str text, struct gp_query_test *ret,
			   struct gp_diag *diag) GP_MUST_USE;
/* Of askdns: the same, or "text", /pattern/, [NXDOMAIN,2]. */
int gp_query_test_of_askdns(struct gp_arena *a, struct gp_str text, struct gp_query_test *ret,
			    struct gp_diag *diag) GP_MUST_USE;

#endif
