/*
 * How a server says that the client had authenticated itself: there is no one way.
 */
#include "lib/mail/relay_line.h"

static bool has(struct gp_str s, const char *what)
{
	return gp_str_find(s, gp_str(what), 0) < s.len;
}

/* "with ESMTPSA", "(via HTTPS)": followed by a space, a semicolon or the end. */
static struct gp_str auth_protocol(struct gp_str s)
{
	static const char *const names = "ESMTPA ESMTPSA LMTPA LMTPSA UTF8SMTPA UTF8SMTPSA UTF8LMTPA "
					 "UTF8LMTPSA ASMTP HTTP HTTPS HTTPU";
	struct gp_str rest, name;

	for (size_t i = 0; (i = gp_str_ifind(s, GP_STR(" with "), i)) < s.len; i += 5) {
		struct gp_str word = gp_str_sub(s, i + 6, SIZE_MAX);

		word = gp_str_sub(word, 0, GP_MIN(gp_str_find_chr(word, ' ', 0),
						  gp_str_find_chr(word, ';', 0)));
		for (rest = gp_str(names); gp_str_next(&rest, ' ', &name);)
			if (gp_str_ieq(word, name))
				return word;
	}
	return GP_STR("");
}

/* "(… ([192.0.2.1]) (… authenticated …) by …" */
static bool is_sendmail_auth(struct gp_str s)
{
	size_t i = GP_MIN(gp_str_find(s, GP_STR("])"), 0), gp_str_find(s, GP_STR(")]"), 0));
	size_t comment = gp_str_ifind(s, GP_STR("] ("), 0), word, open;

	i = GP_MIN(i, comment);
	word = gp_str_find(s, GP_STR("authenticated"), i);
	if (i == s.len || word == s.len)
		return false;
	open = gp_str_find_chr(s, '(', i);
	return open < word && gp_str_find(s, GP_STR(" by"), gp_str_find_chr(s, ')', word)) < s.len;
}

/* Gmail's ESMTPS is ESMTPSA where the id has a user's form: "a1sm1234567abc.12.2020.…". */
static bool is_gmail_auth(struct gp_str s)
{
	struct gp_str id = gp_relay_word_after(s, " by mx.google.com with ESMTPS id ");
	size_t i = gp_str_find(id, GP_STR("sm"), 0);

	return i > 0 && i <= 4 && i + 2 < id.len && gp_is_digit(id.ptr[i + 2]) &&
	       has(s, "(version=") && has(s, " cipher=");
}

struct gp_str gp_relay_auth(struct gp_arena *a, struct gp_str s)
{
	static const char *const courier[] = {"LOGIN", "PLAIN", "DIGEST-MD5", "CRAM-MD5"};
	struct gp_str name = has(s, " by ") ? auth_protocol(s) : GP_STR("");
	size_t i = gp_str_find(s, GP_STR(") (AUTH: "), 0);

	if (name.len)
		return name;
	if (is_gmail_auth(s))
		return GP_STR("GMail");
	for (size_t k = 0; i < s.len && k < GP_ARRAY_SIZE(courier); k++)
		if (gp_str_starts(gp_str_sub(s, i + 9, SIZE_MAX), gp_str(courier[k])))
			return gp_str(courier[k]);
	if (is_sendmail_auth(s))
		return GP_STR("Sendmail");
	if (has(s, "] by mail.gmx.") && (has(s, "(HELO ") || has(s, "(EHLO ")))
		return GP_STR("GMX");
	if (has(s, " (authenticated as ") && has(s, ") id "))
		return GP_STR("CriticalPath");
	if (has(s, ") (Authenticated sender: ")) {
		i = gp_str_find(s, GP_STR(") by "), gp_str_find(s, GP_STR(" (Authenticated sender: "), 0));
		i = gp_str_find_chr(s, '(', i);
		name = gp_str_sub(s, i + 1, gp_str_find_chr(s, ')', i) - GP_MIN(i + 1, s.len));
		if (i < s.len)
			return gp_str_eq(name, GP_STR("Postfix"))
				       ? name
				       : gp_str(gp_arena_printf(a, "Postfix (%.*s)", GP_STR_FMT(name)));
	}
	if (has(s, "CommuniGate Pro ") && has(s, " (account "))
		return GP_STR("Communigate");
	if (has(s, " with Microsoft Exchange Server HTTP-DAV"))
		return GP_STR("HTTP-DAV");
	if (has(s, " by ") && (has(s, " (via HTTP)") || has(s, " (via HTTPS)")))
		return GP_STR("HTTP");
	return GP_STR("");
}
