/*
 * The option table of milter-dkim, and the rules that span settings.
 */
#include "milter-dkim/options.h"

#include "config.h"
#include "lib/auth/dmarc.h"
#include "lib/daemon/reply.h"
#include "milter-dkim/policy.h"

static const struct gp_conf_enum deeds[] = {{"note", DKIM_DO_NOTE},
					    {"quarantine", DKIM_DO_QUARANTINE},
					    {"reject", DKIM_DO_REJECT},
					    {NULL, 0}};
static const struct gp_conf_enum orgdomains[] = {{"tree-walk", GP_ORGDOMAIN_TREE_WALK},
						 {"psl", GP_ORGDOMAIN_PSL},
						 {NULL, 0}};

#define AT(field) offsetof(struct dkim_conf, field)
#define DO(path_, field, def_, help_)                                                              \
	{path_, GP_CONF_ENUM, AT(field), def_, .values = deeds, .help = help_}
#define SWITCH(path_, field, def_, help_)                                                          \
	{path_, GP_CONF_BOOL, AT(field), def_, .help = help_}
#define ON_TEMPERROR(path_, field, what_)                                                          \
	{path_, GP_CONF_ENUM, AT(field), "accept", .values = gp_on_error_names_nomark,             \
	 .help = "What happens when " what_ " cannot be judged because the DNS does not answer: "   \
		 "noted and let on, or deferred."}
#define TEXT(path_, field, def_)                                                                   \
	{path_, GP_CONF_STRING, AT(field), def_, .check = dkim_policy_check_text,                  \
	 .help = "Text of the reply; %d is the domain, %c the client's address, %f the envelope "   \
		 "sender, %r the reason in words, %% a percent sign."}

static const struct gp_conf_row rows[] = {
	GP_DAEMON_ROWS(struct dkim_conf, daemon, "unix:/run/gatepost/dkim.sock", "gatepost-dkim"),
	{"deadline", GP_CONF_DURATION, AT(deadline_ms), "20s", .min = 100, .max = 240000,
	 .help = "Time for all look-ups of one message, from the end of its header on; what SPF "
		 "took before is taken off."},
	{"remove_ids", GP_CONF_LIST, AT(remove_ids), "",
	 .help = "Authentication-Results of these names (globs) are removed too, besides those of "
		 "our own name: the names of all hosts whose results somebody here believes."},
	{"exempt_domains", GP_CONF_LIST, AT(exempt_domains), "",
	 .help = "Domains (globs) that, as sender's, author's or HELO domain, keep a message from "
		 "being refused, held or deferred; the results are noted all the same."},
	SWITCH("spf.enabled", spf.enabled, "true", "Check SPF."),
	SWITCH("spf.helo", spf.helo, "true", "Check the HELO name too."),
	SWITCH("spf.received", spf.received, "false", "Add a Received-SPF header."),
	{"spf.deadline", GP_CONF_DURATION, AT(spf.deadline_ms), "8s", .min = 100, .max = 60000,
	 .help = "Time for SPF, which is asked while the client still names recipients."},
	DO("spf.fail", spf.fail, "note", "What SPF \"fail\" of the envelope sender makes us do."),
	DO("spf.softfail", spf.softfail, "note", "What SPF \"softfail\" makes us do."),
	DO("spf.helo_fail", spf.helo_fail, "note", "What SPF \"fail\" of the HELO name makes us do."),
	DO("spf.permerror", spf.permerror, "note", "What a broken SPF record makes us do."),
	ON_TEMPERROR("spf.temperror", spf.temperror, "SPF"),
	TEXT("spf.text", spf.text, "SPF: %c may not send for %d (%r)"),
	SWITCH("dkim.enabled", dkim.enabled, "true", "Verify DKIM signatures."),
	{"dkim.signatures_max", GP_CONF_INT, AT(dkim.signatures_max), "10", .min = 1, .max = 50,
	 .unit = "signatures",
	 .help = "Signatures of a message that are verified; those of the author's domain first."},
	{"dkim.rsa_bits_min", GP_CONF_INT, AT(dkim.rsa_bits_min), "1024", .min = 1024, .max = 8192,
	 .unit = "bits", .help = "RSA keys below this do not pass."},
	{"dkim.unsigned_max", GP_CONF_SIZE, AT(dkim.unsigned_max), "0", .min = 0, .max = 1e9,
	 .help = "Bytes behind the signed part of a body (l=) that are tolerated."},
	{"dkim.clock_skew", GP_CONF_DURATION, AT(dkim.clock_skew_ms), "5m", .min = 0,
	 .max = 86400000, .help = "How far the signer's clock may be off."},
	DO("dkim.fail", dkim.fail, "note",
	   "What it makes us do when a message has signatures and none passes; mailing lists break "
	   "signatures."),
	DO("dkim.none", dkim.none, "note", "What a message without a signature makes us do."),
	ON_TEMPERROR("dkim.temperror", dkim.temperror, "a signature"),
	TEXT("dkim.text", dkim.text, "DKIM: no valid signature of %d (%r)"),
	SWITCH("dkim.note_clients", dkim.note_clients, "true",
	       "Remember which domains signed what a network sent, for policyd-ratelimit's "
	       "greylisting."),
	SWITCH("arc.enabled", arc.enabled, "true", "Validate ARC chains."),
	{"arc.trusted", GP_CONF_LIST, AT(arc.trusted), "",
	 .help = "Forwarders (globs of the domains that seal) whose word overrides a DMARC failure."},
	{"arc.seal_as", GP_CONF_STRING, AT(arc.seal_as), "",
	 .help = "Adds an ARC set to inbound mail, sealed by this domain's key: for hosts that "
		 "forward mail; empty adds none."},
	DO("arc.fail", arc.fail, "note", "What a broken ARC chain makes us do."),
	ON_TEMPERROR("arc.temperror", arc.temperror, "an ARC chain"),
	TEXT("arc.text", arc.text, "ARC: the chain is broken (%r)"),
	SWITCH("dmarc.enabled", dmarc.enabled, "true", "Evaluate DMARC; needs spf and dkim."),
	{"dmarc.organizational_domain", GP_CONF_ENUM, AT(dmarc.organizational_domain), "tree-walk",
	 .values = orgdomains,
	 .help = "How the organisational domain is found: by asking the DNS upwards (RFC 9989) or "
		 "by the public suffix list (RFC 7489)."},
	{"dmarc.psl_file", GP_CONF_PATH, AT(dmarc.psl_file), "",
	 .help = "The public suffix list; empty takes the system's."},
	{"dmarc.reports", GP_CONF_BOOL, AT(dmarc.reports), "true", .flags = GP_CONF_RESTART,
	 .help = "Record in the store, for a week, how mail of domains fared that ask for aggregate "
		 "reports (rua=)."},
	DO("dmarc.reject", dmarc.reject, "note",
	   "What p=reject of the author's domain makes us do when DMARC fails."),
	DO("dmarc.quarantine", dmarc.quarantine, "note",
	   "What p=quarantine makes us do when DMARC fails."),
	DO("dmarc.permerror", dmarc.permerror, "note",
	   "What a From makes us do that DMARC cannot judge: none, several, or no domain."),
	ON_TEMPERROR("dmarc.temperror", dmarc.temperror, "DMARC"),
	TEXT("dmarc.text", dmarc.text, "DMARC: refused by the policy of %d (%r)"),
	DKIM_SIGN_ROWS(struct dkim_conf, sign),
};

static void validate(const void *values, const struct gp_snapshot *snap,
		     struct gp_conf_report *report)
{
	const struct dkim_conf *c = values;

	if (c->dmarc.enabled && !(c->spf.enabled && c->dkim.enabled))
		gp_conf_complain(snap, &dkim_table, "dmarc.enabled", report,
				 "DMARC needs spf.enabled and dkim.enabled");
	if (c->arc.trusted.len && !(c->arc.enabled && c->dmarc.enabled))
		gp_conf_complain(snap, &dkim_table, "arc.trusted", report,
				 "overrides DMARC, which needs arc.enabled and dmarc.enabled");
	dkim_sign_validate(c, snap, report);
}

const struct gp_conf_table dkim_table = {
	.group = "milter-dkim",
	.title = "SPF, DKIM, ARC and DMARC, milter-dkim(8)",
	.rows = rows,
	.n_rows = GP_ARRAY_SIZE(rows),
	.size = sizeof(struct dkim_conf),
	.validate = validate,
};

static struct gp_str *copy_list(struct gp_arena *arena, const struct gp_conf_list *list)
{
	struct gp_str *ret = GP_ARENA_NEW_N(arena, list->len + 1, struct gp_str);

	for (size_t i = 0; i < list->len; i++)
		ret[i] = gp_str(list->items[i]);
	return ret;
}

struct gp_auth_options dkim_auth_options(const struct dkim_conf *c, struct gp_str receiver,
					 struct gp_arena *arena)
{
	return (struct gp_auth_options){
		.spf = c->spf.enabled,
		.dkim = c->dkim.enabled,
		.arc = c->arc.enabled,
		.dmarc = c->dmarc.enabled,
		.spf_helo = c->spf.helo,
		.signatures = {.signatures_max = (unsigned)c->dkim.signatures_max,
			       .rsa_bits_min = (unsigned)c->dkim.rsa_bits_min,
			       .unsigned_max = c->dkim.unsigned_max,
			       .clock_skew_s = c->dkim.clock_skew_ms / 1000},
		.org = (enum gp_orgdomain)c->dmarc.organizational_domain,
		.psl_file = c->dmarc.psl_file,
		.trusted_sealers = copy_list(arena, &c->arc.trusted),
		.n_trusted_sealers = c->arc.trusted.len,
		.receiver = receiver,
	};
}
