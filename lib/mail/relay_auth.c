/*
 * RFC 3848's protocol names first, then the comments that programs write.  The
 * first that fits names the method.
 */
#include "lib/mail/relay_auth.h"

#include "lib/mail/relay_form.h"

/* One of these as the protocol: whole, without regard to case. */
static const char *const protocols[] = {
	"ESMTPA", "ESMTPSA", "LMTPA",	 "LMTPSA",  "UTF8SMTPA", "UTF8SMTPSA",
	"UTF8LMTPA", "UTF8LMTPSA", "ASMTP", "HTTP", "HTTPS", "HTTPU",
};

/* The comment forms; {auth} is %h (or fixed), found by gp_relay_form_match. */
static const struct {
	const char *mark;
	const char *pattern;
	const char *name; /* NULL: what %h took */
} forms[] = {
	/* Courier */
	{"(AUTH: ", "from %t{])|)]} (AUTH: LOGIN %w{, %t|}) by ", "LOGIN"},
	{"(AUTH: ", "from %t{])|)]} (AUTH: PLAIN %w{, %t|}) by ", "PLAIN"},
	{"(AUTH: ", "from %t{])|)]} (AUTH: DIGEST-MD5 %w{, %t|}) by ", "DIGEST-MD5"},
	{"(AUTH: ", "from %t{])|)]} (AUTH: CRAM-MD5 %w{, %t|}) by ", "CRAM-MD5"},
	/* sendmail, MDaemon */
	{"authenticated", "from %t{])|] (%c))|)]} %t(%tauthenticated%t)%t by", "Sendmail"},
	{"mail.gmx.", "%tfrom %W ({HELO|EHLO} %W) [%I] by mail.gmx.{net|com} (%c) with ESMTP", NULL},
	{"mail.gmx.", "%tfrom %W ({HELO|EHLO} %W) [%I] by mail.gmx.{net|com} (%c) with SMTP", NULL},
	{" (authenticated as ", "%t) by %t (%n.%n.%n{.%n|}) (authenticated as %t) id ",
	 "CriticalPath"},
	{"(Authenticated sender: ", "%t) (Authenticated sender: %w) by %w (%p) with ", "Postfix"},
	{" (account ", "%tCommuniGate Pro {HTTP|SMTP|XIMSS|IMAP}", "Communigate"},
	{" with Microsoft Exchange Server HTTP-DAV", "", "HTTP-DAV"},
};

/* with PROTOCOL, ended by a space, a semicolon or the line. */
static struct gp_str find_protocol(struct gp_str s)
{
	static const struct gp_str key = GP_STR(" with ");
	size_t at = 0;

	while ((at = gp_str_ifind(s, key, at)) < s.len) {
		struct gp_str word = gp_str_sub(s, at + key.len, s.len);

		word = gp_str_sub(word, 0, GP_MIN(gp_str_find_chr(word, ' ', 0),
						  gp_str_find_chr(word, ';', 0)));
		for (size_t i = 0; i < GP_ARRAY_SIZE(protocols); i++)
			if (gp_str_ieq(word, gp_str(protocols[i])))
				return word;
		at++;
	}
	return GP_STR("");
}

/* "(via HTTP)", as some webmailers have it. */
static struct gp_str find_via(struct gp_str s)
{
	static const struct gp_str key = GP_STR(" (via HTTP");
	size_t at = gp_str_ifind(s, key, 0), end = gp_str_find_chr(s, ')', at);

	if (end >= s.len || end - at > key.len + 1 ||
	    (end + 1 < s.len && s.ptr[end + 1] != ' ' && s.ptr[end + 1] != ';'))
		return GP_STR("");
	return gp_str_sub(s, at + 6, end - at - 6);
}

static struct gp_str gmail(struct gp_arena *a, struct gp_str s)
{
	struct gp_relay_match m = {0};

	if (gp_str_find(s, GP_STR(" by mx.google.com with ESMTPS id "), 0) >= s.len ||
	    !gp_relay_form_match(s,
				 "%t by mx.google.com with ESMTPS id %wsm%n%w.%n.%n.%n.%n.%n.%n.%n"
				 "%t(version=%h cipher=%p)", &m))
		return GP_STR("");
	/* %h and %p share a field, so the version is taken by a second look. */
	struct gp_str cipher = m.fields[GP_RELAY_HELO];

	m = (struct gp_relay_match){0};
	if (!gp_relay_form_match(s, "%t(version=%h cipher=", &m))
		return GP_STR("");
	return gp_str(gp_arena_printf(a, "GMail - transport=%.*s cipher=%.*s",
				      GP_STR_FMT(m.fields[GP_RELAY_HELO]), GP_STR_FMT(cipher)));
}

static struct gp_str name_of(struct gp_arena *a, size_t form, const struct gp_relay_match *m,
			     struct gp_str line)
{
	struct gp_str mail_name = m->fields[GP_RELAY_HELO];
	bool is_com = gp_str_find(line, GP_STR("by mail.gmx.com"), 0) < line.len;

	if (!forms[form].name)
		return gp_str(gp_arena_printf(
			a, "GMX (%s / mail.gmx.%s)",
			gp_str_find(line, GP_STR(") with ESMTP"), 0) < line.len ? "ESMTP" : "SMTP",
			is_com ? "com" : "net"));
	if (mail_name.ptr && !gp_str_eq(mail_name, GP_STR("Postfix")))
		return gp_str(gp_arena_printf(a, "Postfix (%.*s)", GP_STR_FMT(mail_name)));
	return gp_str(forms[form].name);
}

struct gp_str gp_relay_auth(struct gp_arena *a, struct gp_str line)
{
	bool has_by = gp_str_find(line, GP_STR(" by "), 0) < line.len;
	struct gp_str found = has_by ? find_protocol(line) : GP_STR("");

	if (!found.len)
		found = gmail(a, line);
	for (size_t i = 0; i < GP_ARRAY_SIZE(forms) && !found.len; i++) {
		struct gp_relay_match m = {0};

		if (gp_str_find(line, gp_str(forms[i].mark), 0) < line.len &&
		    gp_relay_form_match(line, forms[i].pattern, &m))
			found = name_of(a, i, &m, line);
	}
	return !found.len && has_by ? find_via(line) : found;
}
