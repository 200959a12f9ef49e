/*
 * Raw data for DMARC aggregate reports (RFC 9990): one row says how messages that
 * are alike fared.
 *
 * A row is kept as one line of text, "v=1 KEY=VALUE …", white space and bytes beyond
 * ASCII in values as \xNN.  It holds all that a report says about messages:
 *
 *	id          unlike that of any other row
 *	begin end   of the first and the last of its messages, within one day (UTC)
 *	n           how many there were
 *	domain      the policy domain; method: treewalk or psl
 *	p sp np adkim aspf t fo rua	policy_published: as the record has it, defaults in
 *	ip          source_ip
 *	do dkim spf why			policy_evaluated; why: the override reason, or empty
 *	from env    header_from, envelope_from (empty: a bounce)
 *	sr sd       result and domain of SPF; the scope always is mfrom
 *	sig         RESULT:DOMAIN:SELECTOR of one signature, those that matter first
 *
 * The report's begin and end are those of the day.  Different policies of one domain are
 * different rows.
 */
#ifndef GP_AUTH_DMARC_REPORT_H
#define GP_AUTH_DMARC_REPORT_H

#include "lib/auth/dmarc.h"
#include "lib/base/buf.h"

#define GP_DMARC_ROW_SIGNATURES 10 /* RFC 9990 allows for 100 */
#define GP_DMARC_DAY_S 86400

struct gp_dmarc_row_signature {
	enum gp_auth_status status;
	struct gp_str domain, selector;
};

/* Strings borrow. */
struct gp_dmarc_row {
	struct gp_str id;
	int64_t begin_s, end_s;
	int64_t count;
	struct gp_str domain;
	enum gp_orgdomain how;
	enum gp_dmarc_policy p, sp, np;
	bool is_strict_dkim, is_strict_spf, is_testing;
	struct gp_str fo, rua;
	struct gp_ip client;
	bool has_passed;
	enum gp_dmarc_policy disposition; /* what was done; none where has_passed */
	bool is_dkim_aligned, is_spf_aligned;
	struct gp_str
		override; /* "local_policy", "trusted_forwarder", "policy_test_mode" …, or "" */
	struct gp_str from, envelope_from;
	enum gp_auth_status spf;
	struct gp_str spf_domain;
	struct gp_dmarc_row_signature signatures[GP_DMARC_ROW_SIGNATURES];
	size_t n_signatures;
};

/* A message and what was done with it. */
struct gp_dmarc_seen {
	const struct gp_auth_result *result;
	enum gp_orgdomain how;
	struct gp_ip client;
	struct gp_str mailfrom; /* the address, without <> */
	enum gp_dmarc_policy disposition;
	const char *override; /* or "" */
	int64_t now_s;
};

/* The row of one message, without id; borrows from *seen.  False if none is wanted: no
 * policy, one without rua=, or no result. */
bool gp_dmarc_row_make(const struct gp_dmarc_seen *seen, struct gp_dmarc_row *ret);

/* Appends the line, without line end; signatures that would make it longer than
 * GP_MAX_DMARC_ROW are left out. */
void gp_dmarc_row_format(const struct gp_dmarc_row *row, struct gp_buf *out);
/* Only what messages that are alike have in common: neither id nor time nor number. */
void gp_dmarc_row_format_alike(const struct gp_dmarc_row *row, struct gp_buf *out);
/* Reads a line; unknown keys are passed over.  GP_EINVAL: not of version 1, a value that
 * cannot be, or without domain, ip, from or n.  GP_ELIMIT: too long. */
int gp_dmarc_row_parse(struct gp_arena *arena, struct gp_str line, struct gp_dmarc_row *ret,
		       struct gp_diag *diag) GP_MUST_USE;

/* The ring of the store that holds the rows of a day (seconds / GP_DMARC_DAY_S).  There
 * are GP_DMARC_RINGS, used in turn: one may hold rows of an earlier day too. */
#define GP_DMARC_RINGS 8
struct gp_str gp_dmarc_ring(int64_t day);

#endif
