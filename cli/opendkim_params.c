/*
 * The parameters of opendkim.conf(5) as a table: what becomes of each.
 *
 * Those that choose keys (KeyTable, SigningTable, Domain, Selector, KeyFile, MultipleSignatures,
 * SubDomains) are read by opendkim_keys.c.
 */
#include "cli/opendkim_convert.h"

#define SET(name_, fn_, target_)                                 \
	{                                                        \
		.name = name_, .convert = fn_, .target = target_ \
	}
#define SECONDS(name_, target_, min_, max_)                                                \
	{                                                                                  \
		.name = name_, .convert = odk_to_duration, .target = target_, .min = min_, \
		.max = max_                                                                \
	}
#define ELSEWHERE(name_)      \
	{                     \
		.name = name_ \
	}
#define LOST(name_, text_)                                             \
	{                                                              \
		.name = name_, .kind = GP_IMPORT_LOST, .text = text_ \
	}
#define LOST_IF(name_, text_)                                                             \
	{                                                                                 \
		.name = name_, .kind = GP_IMPORT_LOST, .text = text_, .is_switch = true \
	}
#define NEEDLESS(name_, text_)                                             \
	{                                                                  \
		.name = name_, .kind = GP_IMPORT_NEEDLESS, .text = text_ \
	}
#define NEEDLESS_IF(name_, text_)                                                             \
	{                                                                                     \
		.name = name_, .kind = GP_IMPORT_NEEDLESS, .text = text_, .is_switch = true \
	}

#define BY_SYSTEMD "the service manager does that"
#define NO_SCRIPTS "there are no Lua scripts"
#define NO_LDAP "key tables are files"
#define NO_REPORTS "failure reports (RFC 6651) are not sent"
#define NO_VBR "Vouch By Reference is not known"
#define NO_STATISTICS "counters are served as metrics (metrics.listen)"
#define NO_REPLACE "headers are signed as they are; place the filter behind what rewrites them"

static const struct odk_row rows[] = {
	SET("On-Default", odk_convert_default_action, ""), /* first: the others override it */
	SET("AuthservID", odk_convert_authserv, "domains.authserv_id"),
	SET("Canonicalization", odk_convert_canonicalization, "milter-dkim.sign.canonicalization"),
	SECONDS("ClockDrift", "milter-dkim.dkim.clock_skew", 0, 86400),
	SECONDS("DNSTimeout", "dns.timeout", 1, 60),
	SET("ExemptDomains", odk_to_list, "milter-dkim.exempt_domains"),
	SET("InternalHosts", odk_to_networks, "networks.own"),
	SET("MaximumSignaturesToVerify", odk_convert_signatures, "milter-dkim.dkim.signatures_max"),
	SET("MinimumKeyBits", odk_convert_key_bits, ""),
	SET("Mode", odk_convert_mode, ""),
	SET("Nameservers", odk_to_servers, "dns.servers"),
	SET("OmitHeaders", odk_convert_omit_headers, "milter-dkim.sign.headers"),
	SET("On-BadSignature", odk_convert_action, "milter-dkim.dkim.fail"),
	SET("On-DNSError", odk_convert_error_action, "milter-dkim.dkim.temperror"),
	SET("On-InternalError", odk_convert_error_action, "milter-dkim.sign.on_error"),
	SET("On-NoSignature", odk_convert_action, "milter-dkim.dkim.none"),
	SET("On-SignatureError", odk_convert_error_action, "milter-dkim.sign.on_error"),
	SET("OversignHeaders", odk_to_list, "milter-dkim.sign.oversign"),
	SET("PeerList", odk_to_networks, "networks.exempt"),
	SET("RemoveARFrom", odk_convert_remove_from, "milter-dkim.remove_ids"),
	SET("RemoveOldSignatures", odk_to_switch, "milter-dkim.sign.remove_old"),
	SET("RequireSafeKeys", odk_convert_safe_keys, ""),
	SET("SenderHeaders", odk_convert_sender_headers, "milter-dkim.sign.domain_from"),
	SET("SignHeaders", odk_convert_sign_headers, "milter-dkim.sign.headers"),
	SET("SignatureAlgorithm", odk_convert_algorithm, ""),
	SECONDS("SignatureTTL", "milter-dkim.sign.ttl", 0, 31536000),
	SET("Socket", odk_convert_socket, "milter-dkim.socket"),
	SET("Syslog", odk_convert_syslog, ""),
	SET("SyslogFacility", odk_convert_facility, "log.facility"),
	SET("TrustAnchorFile", odk_convert_anchor, "dns.trust_anchor"),
	SET("UMask", odk_convert_umask, "milter-dkim.socket_mode"),
	SET("UserID", odk_convert_user, "milter-dkim.user"),
	ELSEWHERE("BaseDirectory"),
	ELSEWHERE("Domain"),
	ELSEWHERE("KeyFile"),
	ELSEWHERE("KeyTable"),
	ELSEWHERE("MultipleSignatures"),
	ELSEWHERE("Selector"),
	ELSEWHERE("SigningTable"),
	ELSEWHERE("SubDomains"),
	NEEDLESS_IF("AlwaysAddARHeader", "results are always noted"),
	LOST_IF("AuthservIDWithJobID", "the log line has the queue id"),
	NEEDLESS_IF("AutoRestart", BY_SYSTEMD),
	NEEDLESS("AutoRestartCount", BY_SYSTEMD),
	NEEDLESS("AutoRestartRate", BY_SYSTEMD),
	NEEDLESS("Background", "the program stays in the foreground"),
	LOST("BodyLengthDB", "l= lets anybody append to signed mail; sign.length sets it for all"),
	LOST("BogusKey", "a key that DNSSEC proves forged is a failed look-up"),
	LOST_IF("CaptureUnknownErrors", "an error defers the message or lets it pass (on_error)"),
	NEEDLESS("ChangeRootDirectory", "landlock and the unit confine the program"),
	LOST("DNSConnect", "TCP is used where an answer is cut"),
	LOST("DiagnosticDirectory", "the log line and gatepost auth say why"),
	LOST_IF("Diagnostics", "z= is not written"),
	NEEDLESS_IF("DisableCryptoInit", "OpenSSL 3 needs none"),
	LOST_IF("DomainKeysCompat", "DomainKeys (RFC 4870) are history"),
	LOST("DontSignMailTo", "whether mail is signed does not depend on its recipients"),
	NEEDLESS_IF("EnableCoredumps", BY_SYSTEMD),
	NEEDLESS(
		"ExternalIgnoreList",
		"it only silences a log line; who is signed: authenticated users and networks.own"),
	LOST("FinalPolicyScript", NO_SCRIPTS),
	NEEDLESS_IF("FixCRLF", "line ends count as CRLF"),
	LOST("IdentityHeader", "i= is the author's domain"),
	LOST("IdentityHeaderRemove", "i= is the author's domain"),
	NEEDLESS_IF("IgnoreMalformedMail", "malformed mail is judged as far as it can be read"),
	LOST_IF("KeepAuthResults", "results that claim to be ours always go"),
	NEEDLESS_IF("KeepTemporaryFiles", "there are none"),
	LOST("LDAPAuthMechanism", NO_LDAP),
	LOST("LDAPAuthName", NO_LDAP),
	LOST("LDAPAuthRealm", NO_LDAP),
	LOST("LDAPAuthUser", NO_LDAP),
	LOST("LDAPBindPassword", NO_LDAP),
	LOST("LDAPBindUser", NO_LDAP),
	LOST("LDAPDisableCache", NO_LDAP),
	LOST("LDAPKeepaliveIdle", NO_LDAP),
	LOST("LDAPKeepaliveInterval", NO_LDAP),
	LOST("LDAPKeepaliveProbes", NO_LDAP),
	LOST("LDAPTimeout", NO_LDAP),
	LOST("LDAPUseTLS", NO_LDAP),
	NEEDLESS_IF("LogResults", "the log line of each message has all results"),
	NEEDLESS_IF("LogWhy", "the log line says why; gatepost auth says it at length"),
	LOST("MTA", "daemon names are not asked; give the service its own networks or milters"),
	LOST("MTACommand", NO_REPORTS),
	LOST("MacroList", "users are known by {auth_authen}, hosts by networks.own"),
	NEEDLESS("MaximumHeaders", "the header is bounded (1 MB)"),
	LOST("MaximumSignedBytes", "bodies are signed whole"),
	NEEDLESS("MilterDebug", "log.level = \"debug\""),
	LOST("Minimum", "dkim.unsigned_max says how much may stand behind l="),
	LOST("MustBeSigned", "From must be signed; other fields are the signer's choice"),
	LOST_IF("NoHeaderB", "header.b is always written"),
	LOST("On-KeyNotFound", "a missing key is a failed signature: dkim.fail"),
	LOST("On-Security", "forged results are removed, bounds are met with an error"),
	LOST("POPDBFile", "POP before SMTP is not known"),
	NEEDLESS("PidFile", BY_SYSTEMD),
	LOST_IF("Quarantine", "dkim.fail = \"quarantine\" holds mail without a good signature"),
	NEEDLESS_IF("QueryCache", "answers are cached (dns.cache)"),
	LOST("RedirectFailuresTo", "recipients are not changed"),
	LOST_IF("RemoveARAll", "other hosts' results stay; remove_ids names those that go"),
	LOST("ReplaceHeaders", NO_REPLACE),
	LOST("ReplaceRules", NO_REPLACE),
	LOST("ReportAddress", NO_REPORTS),
	LOST("ReportBccAddress", NO_REPORTS),
	LOST_IF("RequestReports", NO_REPORTS),
	LOST_IF("RequiredHeaders", "Postfix checks and completes the header"),
	LOST_IF("ResignAll", "inbound mail is sealed (ARC), not signed again"),
	LOST("ResignMailTo", "inbound mail is sealed (ARC), not signed again"),
	LOST("ResolverConfiguration", "settings of the group dns take its place"),
	NEEDLESS_IF("ResolverTracing", "log.level = \"debug\""),
	LOST("SMTPURI", NO_REPORTS),
	LOST("ScreenPolicyScript", NO_SCRIPTS),
	LOST("SelectCanonicalizationHeader", "one canonicalisation for all mail"),
	LOST_IF("SendReports", NO_REPORTS),
	LOST("SenderMacro", "the domain is that of From, Sender or the envelope"),
	LOST("SetupPolicyScript", NO_SCRIPTS),
	NEEDLESS_IF("SoftStart", "a service that is down is no error at start"),
	LOST_IF("SoftwareHeader", "no such header is added"),
	LOST("Statistics", NO_STATISTICS),
	LOST("StatisticsName", NO_STATISTICS),
	LOST("StatisticsPolicyScript", NO_SCRIPTS),
	LOST("StatisticsPrefix", NO_STATISTICS),
	LOST_IF("StrictHeaders", "malformed mail is judged as far as it can be read"),
	NEEDLESS_IF("StrictTestMode", "it is for tests"),
	LOST("SyslogName", "the name is the program's"),
	NEEDLESS_IF("SyslogSuccess", "every message has its log line"),
	NEEDLESS("TemporaryDirectory", "there are no temporary files"),
	NEEDLESS("TestDNSData", "gatepost auth --zone takes a zone file"),
	NEEDLESS("TestPublicKeys", "gatepost auth --zone takes a zone file"),
	LOST("TrustSignaturesFrom", "DMARC says whose signature counts"),
	LOST("UnprotectedKey", "keys without DNSSEC count"),
	LOST("VBR-Certifiers", NO_VBR),
	LOST("VBR-PurgeFields", NO_VBR),
	LOST("VBR-TrustedCertifiers", NO_VBR),
	LOST("VBR-TrustedCertifiersOnly", NO_VBR),
	LOST("VBR-Type", NO_VBR),
	NEEDLESS_IF("WeakSyntaxChecks", "mail is judged as far as it can be read"),
};

static const struct odk_row *find_row(struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++)
		if (gp_str_ieq(gp_str(rows[i].name), name))
			return &rows[i];
	return NULL;
}

static void check_names(struct odk *o)
{
	for (size_t i = 0; i < o->params.len; i++) {
		const struct odk_param *p = &o->params.items[i];

		if (!find_row(p->name))
			odk_note(o, GP_IMPORT_LOST, p->file, p->line,
				 "%.*s: OpenDKIM has no such parameter", GP_STR_FMT(p->name));
		else if (odk_get(o, find_row(p->name)->name) != p)
			odk_note(o, GP_IMPORT_NEEDLESS, p->file, p->line,
				 "%.*s: stands again below, where it counts", GP_STR_FMT(p->name));
	}
}

/* OpenDKIM judges by DKIM alone; what our other methods would do to mail is left to notes. */
static void keep_to_dkim(struct odk *o)
{
	const struct odk_param *mode = odk_get(o, "Mode");

	if (mode && gp_str_find_chr(mode->value, 'v', 0) == mode->value.len)
		return;
	odk_set(o, "milter-dkim.dmarc.reject", "\"note\"");
	odk_set(o, "milter-dkim.dkim.temperror", "\"tempfail\""); /* On-DNSError's default */
	odk_note(
		o, GP_IMPORT_CHANGED, NULL, 0,
		"SPF, ARC and DMARC are checked and noted too; dmarc.reject = \"note\" keeps DMARC "
		"from acting: remove it where nothing else (OpenDMARC) does");
}

void odk_convert_params(struct odk *o)
{
	check_names(o);
	keep_to_dkim(o);
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		const struct odk_param *p = odk_get(o, rows[i].name);

		if (!p)
			continue;
		if (rows[i].convert)
			rows[i].convert(o, p, &rows[i]);
		else if (rows[i].text && (!rows[i].is_switch || odk_is_true(p)))
			odk_note(o, rows[i].kind, p->file, p->line, "%s: %s", rows[i].name,
				 rows[i].text);
	}
}
