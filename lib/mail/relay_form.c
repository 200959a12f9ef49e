/*
 * Which program writes what.  The order matters: forms with a mark of their
 * program come first, then from the special to the general, and lines that are
 * known to be of no use last.
 */
#include "lib/mail/relay_form.h"

#define LOOKED_UP GP_RELAY_LOOKED_UP
#define SKIP GP_RELAY_IS_SKIPPED
#define SAME GP_RELAY_HELO_IS_RDNS
#define HELO "{HELO|EHLO}"
#define IN_BRACKETS "{[|}%i{]|}" /* perhaps */
#define QMAIL_TAIL "{ (envelope-sender <%w>)|} by %b{ (%g)|} with {%g |}{SMTP|QMQP}%x"

struct form {
	const char *mark; /* stands somewhere in the line; NULL: none */
	const char *pattern;
	unsigned flags;
};

static const struct form forms[] = {
	/* webmail */
	{" authenticated user ", "%t%i%yby %b with HTTP", 0},
	{"with HTTP (WebMailUI)", "%t%i by %b (%I) with HTTP (WebMailUI)", 0},
	/* Microsoft */
	{" SMTPSVC", "%H ([%i]%c) by %b with Microsoft SMTPSVC", 0},
	{" SMTPSVC", "mail pickup service by %w with Microsoft SMTPSVC%e", SKIP},
	{" with mapi id ", "%h ({[|}%i%z{]|}) by %b %twith mapi id %n.%n.%n.%n", GP_RELAY_NO_ID},
	{" with Microsoft SMTP Server ", "%h ({[|}%i%z{]|}) by %b %twith Microsoft SMTP Server "
	 "{(%c) |}%n.%n.%n.%n", GP_RELAY_NO_ID},
	/* XMail */
	{"[XMail ", "%h (" IN_BRACKETS ":%n) by %b {(%w) |}with [XMail%t from <%f>", 0},
	{"[XMail ", "%h (" IN_BRACKETS ":%n) by %b {(%w) |}with [XMail", 0},
	/* Momentum */
	{"(ecelerity", "([%i:%n] helo=%h) by %b ", 0},
	{"(ecelerity", "%w ([%i:%n]) by %b ", 0},
	/* Exim; what is written can be configured */
	{"Exim", "%twith local{-%w|} ", SKIP},
	{"Exim", "[%i] (%s) by %b ", 0},
	{"Exim", "%r ([%i]%s) by %b ", SAME},
	{"Exim", "%r [%i]{:%n|} by %b ", SAME},
	{"Exim", "%r (%h) [%i{.%n|}] %tby %b ", 0},
	{"Exim", "%r %t[%i{.%n|}] %tby %b ", 0},
	/* Postfix */
	{" (Postfix) with", "%h (%r{ |}[%i]) by %b ", LOOKED_UP},
	/* Scalix, Domino, Horde */
	{"(Scalix SMTP Relay", "%h ({ |}%i) by %b", 0},
	{" (Lotus Domino ", "%h ([%i]) by %b (Lotus", 0},
	{"with HTTP", "%i ([%I]) by %b", 0},
	/* sendmail, and Postfix with TLS or authentication */
	{NULL, "%h (%r [%i]%g) by %b (", LOOKED_UP | GP_RELAY_SPLIT_IDENT | GP_RELAY_NOT_QMAIL},
	/* no program in particular */
	{NULL, "%h (%r [%i]) by %b with %w (", LOOKED_UP},
	{NULL, "%r ([%i] helo=%h) by %b with ", 0},
	{NULL, "%h (<unknown%W>[%i]) by %b ", 0},
	{NULL, "%h (%v[%i]) by %b ", LOOKED_UP},
	{NULL, "%h (%D@[%i]%g) by %b (", LOOKED_UP},
	{".hotmail.msn.com ", "{%i |%t}by %b ", 0},
	{"(qpsmtpd/", "%r (" HELO " %H) (%i) by %b (qpsmtpd/%w) with {ESMTP|SMTP}", 0},
	{"with LMTP", "%r (LHLO %H) (%i) by %b with LMTP", 0},
	{NULL, "%r (" HELO " %H) [%i] by %b (%c) with {ESMTP|SMTP}", 0},
	/* qmail and its patches */
	{NULL, "%r (" HELO " %k) (%d@" IN_BRACKETS ")" QMAIL_TAIL, GP_RELAY_QMAIL},
	{NULL, "%r (" HELO " %k) (" IN_BRACKETS ")" QMAIL_TAIL, GP_RELAY_QMAIL},
	{NULL, "%r (%d@" IN_BRACKETS ")" QMAIL_TAIL, GP_RELAY_QMAIL | SAME},
	{NULL, "%r (" IN_BRACKETS ")" QMAIL_TAIL, GP_RELAY_QMAIL | SAME},
	/* addresses without names */
	{NULL, "[%i] by %b via HTTP%e", 0},
	{NULL, "%w ( [%i])%t by %b ", 0},
	{NULL, "(%h [%i]) by %b ", 0},
	{NULL, "[%i] by %b ", 0},
	{NULL, "(" IN_BRACKETS ") by %b ", 0},
	/* MDaemon, sendmail without a name, Courier */
	{NULL, "%h [%i] by %b [%I] with ", LOOKED_UP},
	{NULL, "%h [(%i)] by %b (%I) ", 0},
	{NULL, "%h ([%i]) by %b (", LOOKED_UP},
	{NULL, "%h (softdnserr [%i])%t by %b", 0},
	{NULL, "%h (%r [%i])%t by %b", LOOKED_UP},
	{NULL, "%h ([%i{.%n|:%n|}])%t by %b ", LOOKED_UP},
	/* fetchmail, getmail */
	{"with POP3", "", GP_RELAY_IS_FETCH},
	{"with IMAP", "", GP_RELAY_IS_FETCH},
	/* more of qmail's kind */
	{NULL, "%r (" HELO " %p) ({%D@|}" IN_BRACKETS ")%g by %b ", LOOKED_UP},
	{NULL, "%r ({%D@|}" IN_BRACKETS ")%g by %b ", LOOKED_UP | SAME},
	/* smap, VirusWall and other gateways */
	{" via smap ", "%r(%i) by %b via smap ", LOOKED_UP},
	{" via smap ", "%r(%i, " HELO " %H) by %b via smap ", LOOKED_UP},
	{NULL, "%i by %b ({SMTPL|InterScan}", 0},
	{" with BSMTP", "%w by %w with BSMTP", SKIP},
	{NULL, "%r (" HELO " %H) ({%d@|}%i%t) by %b with ", LOOKED_UP},
	/* CommuniGate Pro */
	{NULL, "[%i] ({account %w |}" HELO " %H) by %b (", 0},
	{" (CommuniGate Pro", "%r ([%i] verified) by %b (", LOOKED_UP | SAME},
	/* rare ones */
	{" (Content Technologies ", "%w (%w) by %w (Content Technologies ", SKIP},
	{NULL, "%h ([%i] [%w]) by %b with ", 0},
	{NULL, "%i by %b with ", 0},
	{NULL, "%h (%r[%i]) by %b ", LOOKED_UP},
	{NULL, "[%i]%w (" HELO " %H) by %b ", 0},
	{NULL, "%i (" HELO " %H) by %b ", 0},
	{NULL, "%h [%i] by %b ", 0},
	{NULL, "%r(%i) by %b ", 0},
	{NULL, "%i (%c) by %b with ", 0},
	{NULL, "[%i] (%m) by %b ", 0},
	{" via ", "UNKNOWN(%i){, claiming to be \"%h\"|} via %w by %b,", 0},
	{" via ", "%r(%i){, claiming to be \"%h\"|} via %w by %b,", LOOKED_UP},
	{".yahoo.com with SMTP", "%h (%w@%i with login) by %b with SMTP", 0},
	/* made of X-Originating-IP and its kin */
	{"X-Originating-IP: ", "X-Originating-IP: %i%e", 0},
	/* within a host */
	{NULL, "%w (%w@%l) by %w (", SKIP},
	{NULL, "%w %w by %w with local-{e|}smtp ", SKIP},
	{NULL, "127.0.0.1 (AVG SMTP %w [%w])", SKIP},
	{NULL, "%w@%w by %w ", SKIP},
	{NULL, "Unknown/Local (", SKIP},
	{NULL, "%l ({%w@|}%l{)|[}", SKIP},
	{NULL, "%w ({%w@|}%l) ", SKIP},
	{NULL, "%w (%w@%w [%l]) ", SKIP},
	{NULL, "(AUTH: %w) by %w with ", SKIP},
	{NULL, "localhost (localhost [[UNIX: localhost]]) by ", SKIP},
	{"with qmail-scanner", "%w by %w (%t) with qmail-scanner", SKIP | GP_RELAY_IS_SCANNER},
	{"[unix socket]", "%w ([unix socket]) by %w (Cyrus v%w) with LMTPA", SKIP},
	/* between hosts, but nobody knows which */
	{NULL, "%w by %w {with|via|for|(}", SKIP},
	{NULL, "%w {with %w|via %w|for %w|(unverified)} by", SKIP},
	{NULL, "%w (unknown) by %w (SG) with ", SKIP},
	{NULL, "%w (%w [local]) by %w (OpenSMTPD) with ", SKIP},
	{"(LSMTP for", "", SKIP},
	{NULL, "([%l]) with MailEnable ", SKIP},
	{NULL, "facebook.com (%c) by facebook.com with Thrift id %w%e", SKIP},
	{NULL, "%w named %w by gmailapi.google.com with HTTPREST%e", SKIP},
	{NULL, "%w id %w%e", SKIP},
	{NULL, "[<%t (Jetsend", SKIP},
};

/* simta, Rockliffe */
static const struct form forms_upper[] = {
	{NULL, "%h (%r [%i]) BY %b {(%c) WITH SMTP |}ID {<|}%u{>|}{ FOR <%t>|}%e", LOOKED_UP},
};

static const struct form forms_paren[] = {
	{" (NAVGW ", "%H [%i]) by %b (NAVGW %t) with ", 0},
	{NULL, "%w@localhost) by %w ", SKIP},
	{"(jqueuemail)", "%w@%c) by %w(jqueuemail) id %w", SKIP},
};

bool gp_relay_form_find(struct gp_str line, enum gp_relay_case which, struct gp_relay_match *ret)
{
	static const struct {
		const struct form *forms;
		size_t n;
	} tables[GP_RELAY_CASES] = {
		{forms, GP_ARRAY_SIZE(forms)},
		{forms_upper, GP_ARRAY_SIZE(forms_upper)},
		{forms_paren, GP_ARRAY_SIZE(forms_paren)},
	};
	bool is_qmail_ldap = gp_str_find(line, GP_STR(" (qmail-"), 0) < line.len;

	for (size_t i = 0; i < tables[which].n; i++) {
		const struct form *f = &tables[which].forms[i];

		if (f->mark && gp_str_find(line, gp_str(f->mark), 0) >= line.len)
			continue;
		if (f->flags & GP_RELAY_NOT_QMAIL && is_qmail_ldap)
			continue;
		*ret = (struct gp_relay_match){.flags = f->flags};
		if (gp_relay_form_match(line, f->pattern, ret))
			return true;
	}
	return false;
}
