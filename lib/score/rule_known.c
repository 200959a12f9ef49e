/*
 * Tables: the plugins whose directives we understand, and the directives of
 * the language that have no effect here (settings of SpamAssassin's own
 * program, lists of eval functions that we do not have).
 */
#include "lib/score/rule_cond.h"

#include <stdint.h>

/* SpamAssassin's default set without those whose work other parts of a mail system do. */
static const char *const plugins[] = {
	"AskDNS", "AutoLearnThreshold", "Bayes", "BodyEval", "Check", "DKIM", "DMARC", "DNSEval",
	"FreeMail", "HTMLEval", "HTTPSMismatch", "HashBL", "HeaderEval", "ImageInfo", "MIMEEval",
	"MIMEHeader", "RelayEval", "ReplaceTags", "SPF", "URIDNSBL", "URIDetail", "URIEval",
	"VBounce", "WLBLEval", "WelcomeListSubject", "WhiteListSubject", "Dmarc",
};

/* With * as in file names. */
static const char *const directives[] = {
	"add_header", "adsp_override", "all_spam_to", "allow_user_rules",
	"always_trust_envelope_sender", "asn_*", "authres_*", "auto_welcomelist_*",
	"auto_whitelist_*", "bayes_*", "blacklist_*", "blocklist_*", "body_part_scan_size",
	"clear_*", "country_db_*", "dcc_*", "dccifd_*", "def_welcomelist_*", "def_whitelist_*",
	"delist_*", "dkim_*", "dmarc_*", "dns_*", "do_not_use_mail_spf*", "enable_compat",
	"enlist_*", "envelope_sender_header", "extracttext_*", "fns_*", "fold_headers",
	"freemail_*", "geodb_*", "hashbl_*", "ignore_*", "inactive_languages",
	"internal_networks", "loadplugin", "lock_method", "max_short_url*",
	"mbox_format_from_regex", "more_spam_to", "msa_networks", "normalize_charset", "ok_*",
	"olemacro_*", "originating_ip_headers", "parse_dkim_uris", "phishing_*", "pyzor_*",
	"rawbody_part_scan_size", "razor_*", "rbl_*", "redirector_pattern", "remove_header",
	"report", "report_*", "required_hits", "required_score", "reuse", "rewrite_header",
	"run_reuse_tests_only", "shortcircuit*", "skip_*", "spamcop_*", "spf_*", "subjprefix",
	"textcat_*", "time_limit", "trigger_*", "trusted_networks", "tryplugin",
	"txrep_*", "unblacklist_*", "unblocklist_*", "unsafe_report*", "unwelcomelist_*",
	"unwhitelist_*", "uri_block_*", "uri_country_*", "uri_host_lists", "uridnsbl*",
	"uridnssub", "urifullnsrhs*", "urinsrhs*", "urirhs*", "url_shortener*", "use_*",
	"user_*", "util_rb_*", "version_tag", "welcomelist_*", "whitelist_*",
};

/* Those that do have an effect; for suggestions only. */
static const char *const effective[] = {
	"header", "body", "rawbody", "full", "uri", "mimeheader", "meta", "score", "describe",
	"tflags", "priority", "lang", "include", "ifplugin", "endif", "else", "replace_tag",
	"replace_pre", "replace_inter", "replace_post", "replace_rules", "replace_start",
	"replace_end", "require_version", "uri_detail", "askdns",
};

bool gp_rule_plugin_is_loaded(struct gp_str name)
{
	const struct gp_str prefix = GP_STR("Mail::SpamAssassin::Plugin::");

	if (gp_str_eq(name, GP_STR("Gatepost")))
		return true;
	if (!gp_str_starts(name, prefix))
		return false;
	name = gp_str_sub(name, prefix.len, SIZE_MAX);
	for (size_t i = 0; i < GP_ARRAY_SIZE(plugins); i++)
		if (gp_str_eq(name, gp_str(plugins[i])))
			return true;
	return gp_str_eq(name, GP_STR("RaciallyCharged")); /* as SpamAssassin says */
}

bool gp_rule_directive_is_known(struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(directives); i++)
		if (gp_str_glob(gp_str(directives[i]), name))
			return true;
	return false;
}

const char *gp_rule_directive_near(struct gp_str name)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	if (name.len > 40)
		return NULL;
	for (size_t i = 0; i < GP_ARRAY_SIZE(effective); i++) {
		unsigned d = gp_str_distance(name, gp_str(effective[i]));

		if (d < best_distance) {
			best_distance = d;
			best = effective[i];
		}
	}
	return best;
}
