/*
 * Tables: the plugins whose directives we understand, and the directives of
 * the language that have no effect here, with the reason (settings of
 * SpamAssassin's own program, of services, of eval functions that we do not have).
 */
#include "lib/score/rule_cond.h"

#include "lib/score/rule_eval.h"
#include "lib/score/rule_int.h"

#include <stdint.h>

/* SpamAssassin's default set without those whose work other parts of a mail system do. */
static const char *const plugins[] = {
	"AskDNS", "AutoLearnThreshold", "Bayes", "BodyEval", "Check", "DKIM", "DMARC", "DNSEval",
	"FreeMail", "HTMLEval", "HTTPSMismatch", "HashBL", "HeaderEval", "ImageInfo", "MIMEEval",
	"MIMEHeader", "RelayEval", "ReplaceTags", "SPF", "URIDNSBL", "URIDetail", "URIEval",
	"VBounce", "WLBLEval", "WelcomeListSubject", "WhiteListSubject", "Dmarc",
};

#define BAYES "learning and its store are set in gatepost.conf, groups bayes and store"
#define DNS "the resolver is set in gatepost.conf, group dns"
#define WRAP "messages are never wrapped into a report"
#define SERVICE "needs a service that is not asked here"
#define LEARNING "what is learned does not change what is known of senders"
#define SENDERS_STORE "senders' scores are kept in the store, gatepost.conf, group store"
#define AWL "it wants a loadplugin of its own, Mail::SpamAssassin::Plugin::AWL"
#define TXREP "it wants a loadplugin of its own, Mail::SpamAssassin::Plugin::TxRep"
#define USERS "there are no users' preferences; recipients' settings are in milter-spam's maps"
#define COMPILED "patterns are compiled by the command rules compile"
#define TIME "limits are set in gatepost.conf and fixed for each message"
#define TEXT "text is always decoded, and cut at fixed sizes"

/* Debian does not load these; we have them. */
static const char *const optional[] = {"ASN",	   "AWL",	 "AntiVirus", "AuthRes", "FromNameSpoof",
				       "OLEVBMacro", "PDFInfo", "Phishing", "Shortcircuit", "TextCat",
				       "TxRep"};

/* What is not built: plugins, and their eval functions (with * as in file names). */
static const struct {
	const char *plugin, *function, *reason;
} unbuilt[] = {
	{"AccessDB", "check_access_database", "Berkeley DB files are not read; senders are listed in gatepost.conf"},
	{"BodyRuleBaseExtractor", "", COMPILED},
	{"DCC", "check_dcc*", SERVICE},
	{"DecodeShortURLs", "short_url*",
	 "short links are not followed: that would be a request to a stranger's host"},
	{"ExtractText", "", "text of attached documents is not extracted here"},
	{"OneLineBodyRuleType", "", COMPILED},
	{"PhishTag", "", WRAP},
	{"Pyzor", "check_pyzor", SERVICE},
	{"Razor2", "check_razor2*", SERVICE},
	{"RelayCountry", "", "countries of relays are not looked up here"},
	{"ResourceLimits", "", TIME},
	{"Reuse", "", "results that stand in a message's headers are not believed"},
	{"Rule2XSBody", "", COMPILED},
	{"SpamCop", "", "spam is not reported from here"},
	{"URILocalBL", "check_uri_local_bl", "countries and networks of hosts are not looked up here"},
};

/* With * as in file names; the first that fits counts. */
static const struct {
	const char *name, *reason;
} directives[] = {
	{"allow_user_rules", USERS},
	{"asn_*geodb", "autonomous systems are asked of the DNS only, by asn_lookup"},
	{"asn_*", "it wants a loadplugin of its own, Mail::SpamAssassin::Plugin::ASN"},
	{"auto_w*list_db_modules", SENDERS_STORE},
	{"auto_w*list_factory", SENDERS_STORE},
	{"auto_w*list_file_mode", SENDERS_STORE},
	{"auto_w*list_path", SENDERS_STORE},
	{"auto_w*", AWL},
	{"bayes_stopword*", ""},
	{"bayes_*", BAYES},
	{"body_part_scan_size", TEXT},
	{"clear_asn_lookups", "it wants a loadplugin of its own, Mail::SpamAssassin::Plugin::ASN"},
	{"clear_dns_servers", DNS},
	{"clear_unsafe_report_template", WRAP},
	{"clear_url_shortener", "short links are not followed"},
	{"country_db_*", "countries of relays are not looked up here"},
	{"dcc_*", SERVICE},
	{"dccifd_*", SERVICE},
	{"dkim_*", "signatures are checked by lib/auth; see gatepost.conf, milter-dkim"},
	{"dmarc_*", "DMARC is checked by lib/auth; see gatepost.conf, milter-dkim"},
	{"dns_*", DNS},
	{"do_not_use_mail_spf*", ""},
	{"ignore_received_spf_header", "SPF is checked by lib/auth; see gatepost.conf, milter-dkim"},
	{"resource_limit_*", TIME},
	{"uridnsbl_timeout", "rbl_timeout holds for all questions to lists"},
	{"use_newest_received_spf_header", "SPF is checked by lib/auth; see gatepost.conf, milter-dkim"},
	{"extracttext_*", "text of attached documents is not extracted here"},
	{"freemail_*", ""},
	{"geodb_*", "countries of relays are not looked up here"},
	{"ignore_always_matching_regexps", "such patterns are warned of, and kept"},
	{"lock_method", ""},
	{"max_short_url*", SERVICE},
	{"mbox_format_from_regex", ""},
	{"normalize_charset", TEXT},
	{"olemacro_prefer_contentdisposition", "the name of Content-Disposition always comes first"},
	{"parse_dkim_uris", "domains of signatures are always looked up in block lists"},
	{"phishing_*", "it wants a loadplugin of its own, Mail::SpamAssassin::Plugin::Phishing"},
	{"pyzor_*", SERVICE},
	{"rawbody_part_scan_size", TEXT},
	{"razor_*", SERVICE},
	{"report_charset", WRAP},
	{"report_safe_copy_headers", WRAP},
	{"reuse", ""},
	{"run_reuse_tests_only", ""},
	{"shortcircuit", "it wants a loadplugin of its own, Mail::SpamAssassin::Plugin::Shortcircuit"},
	{"shortcircuit_m*", "only rules end the checks, not sums"},
	{"skip_*", ""},
	{"spamcop_*", "spam is not reported from here"},
	{"spf_*", "SPF is checked by lib/auth; see gatepost.conf, milter-dkim"},
	{"time_limit", TIME},
	{"trigger_*", ""},
	{"txrep_autolearn", LEARNING},
	{"txrep_dilution_factor", "SpamAssassin 4.0.1 reads it and does not go by it"},
	{"txrep_expiry_days", "SpamAssassin 4.0.1 reads it and does not go by it"},
	{"txrep_factory", SENDERS_STORE},
	{"txrep_learn_*", LEARNING},
	{"txrep_report_details", "gatepost scan shows what the rule has seen"},
	{"txrep_user2global_ratio", "all recipients share what is known of senders"},
	{"txrep_w*list_out", "mail of our own users makes nobody welcome"},
	{"txrep_*", TXREP},
	{"unsafe_report", WRAP},
	{"uri_block_*", "countries of hosts are not looked up here"},
	{"uri_country_*", "countries of hosts are not looked up here"},
	{"url_shortener*", "short links are not followed: that would be a request to a stranger's host"},
	{"use_auto_w*", AWL},
	{"use_bayes*", BAYES},
	{"use_dcc*", SERVICE},
	{"use_learner", BAYES},
	{"use_pyzor", SERVICE},
	{"use_razor*", SERVICE},
	{"use_txrep", TXREP},
	{"user_awl_*", SENDERS_STORE},
	{"user_*", USERS},
	{"version_tag", "_VERSION_ is this program's"},
};

/* Those that do have an effect; for suggestions only. */
static const char *const effective[] = {
	"header", "body", "rawbody", "full", "uri", "mimeheader", "meta", "score", "describe",
	"tflags", "priority", "lang", "include", "ifplugin", "endif", "else", "replace_tag",
	"replace_pre", "replace_inter", "replace_post", "replace_rules", "replace_start",
	"replace_end", "require_version", "uri_detail", "askdns", "add_header", "remove_header",
	"clear_headers", "rewrite_header", "report", "required_score", "report_safe", "subjprefix",
	"test",
};

static bool is_optional(struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(optional); i++)
		if (gp_str_eq(name, gp_str(optional[i])))
			return true;
	return false;
}

bool gp_rule_plugin_is_loaded(const struct gp_rule_builder *b, struct gp_str name)
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
	return gp_map_get(&b->plugins, name) ||
	       gp_str_eq(name, GP_STR("RaciallyCharged")); /* as SpamAssassin says */
}

const char *gp_rule_function_reason(struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(unbuilt); i++)
		if (gp_str_glob(gp_str(unbuilt[i].function), name))
			return unbuilt[i].reason;
	return NULL;
}

static const char *plugin_reason(struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(unbuilt); i++)
		if (gp_str_eq(name, gp_str(unbuilt[i].plugin)))
			return unbuilt[i].reason;
	return "its directives are not understood here";
}

void gp_rule_plugin_load(struct gp_rule_builder *b, struct gp_str value)
{
	const struct gp_str prefix = GP_STR("Mail::SpamAssassin::Plugin::");
	struct gp_str name = {0}, key;

	gp_str_next_word(&value, &name);
	if (gp_rule_plugin_is_loaded(b, name))
		return;
	key = gp_str_starts(name, prefix) ? gp_str_sub(name, prefix.len, SIZE_MAX) : name;
	if (is_optional(key))
		gp_map_set(&b->plugins, gp_arena_str(b->arena, key), b);
	else
		gp_rule_note_unused(b, gp_str(gp_arena_printf(b->arena, "loadplugin %.*s",
							      GP_STR_FMT(gp_str_sub(name, 0, 100)))),
				    plugin_reason(key));
}

bool gp_rule_plugin_wants(struct gp_rule_builder *b, const char *plugin, const struct gp_rule_eval *table)
{
	if (gp_map_get(&b->plugins, gp_str(plugin)))
		return true;
	for (size_t i = 0; i < b->set->rules.len; i++) {
		struct gp_rule *r = b->set->rules.items[i];

		for (const struct gp_rule_eval *e = table; r->eval && e->name; e++)
			if (r->eval == e)
				gp_rule_make_inert(b, r, "%s() wants loadplugin "
							 "Mail::SpamAssassin::Plugin::%s", e->name, plugin);
	}
	return false;
}

void gp_rule_compat_enable(struct gp_rule_builder *b, struct gp_str value)
{
	if (gp_rule_name_is_valid(value))
		gp_map_set(&b->compats, gp_arena_str(b->arena, value), b);
	else
		gp_rule_note(b, GP_RULE_ERROR, "", "enable_compat wants a name");
}

const char *gp_rule_directive_reason(struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(directives); i++)
		if (gp_str_glob(gp_str(directives[i].name), name))
			return directives[i].reason;
	return NULL;
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
