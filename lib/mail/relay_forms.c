/*
 * The table of forms.  Order matters: what a form takes the later ones do not
 * see, so the particular stand before the general, and where SpamAssassin 4
 * reads a line in a certain way, it stands where that comes out.
 */
#include "lib/mail/relay_form.h"

#include <stddef.h>

#define RDNS GP_FORM_RDNS
#define SKIP GP_FORM_SKIP
#define FORM(text, flags) {text, NULL, NULL, flags, GP_START_FROM}
#define ONLY(gate, text, flags) {text, gate, NULL, flags, GP_START_FROM}

const struct gp_relay_form gp_relay_forms[] = {
	/* Web mail. */
	ONLY(" (SquirrelMail authenticated user ", "%~%i%~by %b with HTTP", 0),
	ONLY(" (NaSMail authenticated user ", "%~%i%~by %b with HTTP", 0),
	ONLY("with HTTP (WebMailUI)", "%~%i by %b (%I) with HTTP (WebMailUI)", 0),
	/* Microsoft. */
	ONLY(" SMTPSVC", "%H ([%i]{%)}) by %b with Microsoft SMTPSVC", 0),
	ONLY(" SMTPSVC", "mail pickup service by %w with Microsoft SMTPSVC$", SKIP),
	ONLY(" with Microsoft SMTP Server", "%h ({[}%i{]}) by %b ", GP_FORM_NO_ID),
	ONLY(" with mapi id", "%h ({[}%i{]}) by %b ", GP_FORM_NO_ID),
	/* XMail, Ecelerity. */
	ONLY("[XMail ", "%h ({[}%i{]}:%d) by %b{ (%w)} with [XMail", 0),
	ONLY("(ecelerity", "([%i:%d] helo=%h) by %b ", 0),
	ONLY("(ecelerity", "%w ([%i:%d]) by %b ", 0),
	/* Exim: in use with every form that its administrators can think of. */
	ONLY("Exim", "%~with local ", SKIP),
	ONLY("Exim", "%~with local-%w ", SKIP),
	ONLY("Exim", "[%i] (%s) by %b ", 0),
	ONLY("Exim", "%x ([%i]%s) by %b ", 0),
	ONLY("Exim", "%x [%i]{:%d} by %b ", 0),
	ONLY("Exim", "", GP_FORM_PARTS),
	/* Postfix, Scalix, Domino. */
	ONLY(" (Postfix) with", "%h (%r [%i]) by %b ", RDNS),
	ONLY(" (Postfix) with", "%h (%r[%i]) by %b ", RDNS),
	ONLY("(Scalix SMTP Relay", "%h ({ }%i) by %b", 0),
	ONLY(" (Lotus Domino ", "%h ([%i]) by %b (Lotus", 0),
	ONLY("with HTTP", "%i ([%I]) by %b", 0),
	/* sendmail, and what looks like it. */
	{"%h (%r [%i]%*) by %b (", NULL, " (qmail-", RDNS | GP_FORM_IDENT, GP_START_FROM},
	FORM("%h (%r [%i]) by %b with %w (", RDNS),
	FORM("%r ([%i] helo=%h) by %b with ", 0),
	FORM("%h (<unknown%W>[%i]) by %b ", 0),
	FORM("%h (%t@[%i]%*) by %b (", RDNS),
	FORM("%h (%r[%i]) by %b ", RDNS),
	ONLY(".hotmail.msn.com ", "{%i }%*by %b ", 0),
	/* qpsmtpd, LMTP, GMX. */
	FORM("%r (%E %H) (%i) by %b (qpsmtpd/%w) with {E}SMTP", 0),
	FORM("%r (LHLO %H) (%i) by %b with LMTP", 0),
	FORM("%r (%E %H) [%i] by %b (%)) with {E}SMTP", 0),
	/* qmail and its patches. */
	FORM("%r (%E %n) ({%t@}{[}%i{]}){ (envelope-sender <%w>)} by %b{ (%*)} with {%* }%Q", RDNS),
	FORM("%x ({%t@}{[}%i{]}){ (envelope-sender <%w>)} by %b{ (%*)} with {%* }%Q", RDNS),
	/* An address and nothing else. */
	FORM("%w ( [%i])%~ by %b ", 0),
	FORM("(%h [%i]) by %b ", 0),
	FORM("[%i] by %b ", 0),
	FORM("({[}%i{]}) by %b ", 0),
	/* MDaemon, sendmail without a name. */
	FORM("%h [%i] by %b [%I] with ", RDNS),
	FORM("%h [(%i)] by %b (%I) ", 0),
	FORM("%h ([%i]) by %b (", RDNS),
	FORM("%h (softdnserr [%i])%~ by %b", GP_FORM_LAST_WORD),
	FORM("%h (%r [%i])%~ by %b", RDNS | GP_FORM_LAST_WORD),
	FORM("%h ([%i]{.%d}{:%d})%~ by %b ", RDNS),
	/* fetchmail, getmail. */
	ONLY("with POP3", "", GP_FORM_FETCH | SKIP),
	ONLY("with IMAP", "", GP_FORM_FETCH | SKIP),
	/* qmail's look, loosely. */
	FORM("%r (%E %k) ({%t@}{[}%i{]})%* by %b ", RDNS),
	FORM("%x ({%t@}{[}%i{]})%* by %b ", RDNS),
	/* Virus scanners and firewalls. */
	FORM("%r(%i, %E %H) by %b via smap ", RDNS),
	FORM("%i by %b (SMTPL", 0),
	FORM("%i by %b (InterScan", 0),
	FORM("%w by %w with BSMTP", SKIP),
	FORM("%r (%E %H) ({%t@}%i%~) by %b with ", RDNS),
	FORM("[%i] ({account %w }%E %H) by %b (", 0),
	ONLY(" (CommuniGate Pro", "%x ([%i] verified) by %b (", RDNS),
	FORM("%w (%w) by %w (Content Technologies ", SKIP),
	FORM("%h ([%i] [%w]) by %b with ", 0),
	FORM("%i by %b with ", 0),
	FORM("[%i]%w (%E %H) by %b ", 0),
	FORM("%i (%E %H) by %b ", 0),
	FORM("%h [%i] by %b ", 0),
	FORM("%r(%i) by %b ", 0),
	FORM("%i (%)) by %b with ", 0),
	FORM("[%i] (%s) by %b ", 0),
	FORM("%r(%i){, claiming to be \"%h\"} via %w by %b,", RDNS),
	ONLY(".yahoo.com with SMTP", "%h (%w@%i with login) by %b with SMTP", 0),
	/* Within a host. */
	FORM("%w (%w@%L) by %w (", SKIP),
	FORM("%w %w by %w with local-esmtp ", SKIP),
	FORM("%w %w by %w with local-smtp ", SKIP),
	FORM("127.0.0.1 (AVG SMTP %w [%w])", SKIP),
	FORM("%w@%w by %w ", SKIP),
	FORM("Unknown/Local (", SKIP),
	FORM("%L ({%w@}%L)", SKIP),
	FORM("%L ({%w@}%L[", SKIP),
	FORM("%w ({%w@}%L) ", SKIP),
	FORM("%w (%w@%w [%L]) ", SKIP),
	FORM("(AUTH: %w) by %w with ", SKIP),
	FORM("localhost (localhost [[UNIX: localhost]]) by ", SKIP),
	ONLY(" with Novell_GroupWise", "%~ by %w with Novell_GroupWise", SKIP),
	FORM("%w by %w (%~) with qmail-scanner", SKIP | GP_FORM_SCANNER),
	FORM("%w ([unix socket]) by %w (Cyrus v%w) with LMTPA", SKIP),
	/* Between hosts, but without an address. */
	FORM("%w by %w with", SKIP),
	FORM("%w by %w via", SKIP),
	FORM("%w by %w for", SKIP),
	FORM("%w by %w (", SKIP),
	FORM("%w with %w by ", SKIP),
	FORM("%w via %w by ", SKIP),
	FORM("%w for %w by ", SKIP),
	FORM("%w (unverified) by ", SKIP),
	FORM("%w (unknown) by %w (SG) with ", SKIP),
	FORM("%w (%w [local]) by %w (OpenSMTPD) with ", SKIP),
	ONLY("(LSMTP for", "", SKIP),
	FORM("([%L]) with MailEnable ", SKIP),
	FORM("facebook.com (%)) by facebook.com with Thrift id %w$", SKIP),
	FORM("%w named %w by gmailapi.google.com with HTTPREST$", SKIP),
	FORM("%w id %w$", SKIP),
	ONLY(" (Jetsend", "[<%~ (Jetsend", SKIP),
	/* In capitals: simta, Rockliffe. */
	{"%h (%r [%i]) BY %b {(%)) WITH SMTP }ID {<}%q{>}", NULL, NULL, RDNS, GP_START_UPPER},
	/* In parentheses: Norton's gateway, sendmail from a command line. */
	{"%H [%i]) by %b (NAVGW ", NULL, NULL, 0, GP_START_PAREN},
	{"%w@localhost) by %w ", NULL, NULL, SKIP, GP_START_PAREN},
	{"%w@%)) by %~(jqueuemail) id ", NULL, NULL, SKIP, GP_START_PAREN},
	{0},
};
