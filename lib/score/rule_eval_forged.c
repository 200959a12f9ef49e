/*
 * Eval functions that compare a large provider's name in From with the way the
 * message took, under SpamAssassin's names (Mail::SpamAssassin::Plugin::HeaderEval).
 */
#include "lib/mail/relay_form.h"
#include "lib/score/rule_eval_text.h"

#define IP "[0-9a-fA-F.:]+"

enum outcome { GENUINE, FORGED, ABSENT };

static bool has(struct gp_str s, const char *needle)
{
	return gp_str_find(s, gp_str(needle), 0) < s.len;
}

static bool has_ip(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (gp_relay_ip_len(s, i))
			return true;
	return false;
}

/* Does From end in the provider's domain, as a whole name? */
static bool is_from(struct gp_eval *e, const char *domain)
{
	struct gp_str from = gp_eval_addr(e, "From"), d = gp_str(domain);
	size_t at;

	if (!gp_str_iends(from, d))
		return false;
	at = from.len - d.len;
	return at == 0 || !(gp_is_alnum(from.ptr[at - 1]) || from.ptr[at - 1] == '_');
}

static struct gp_str single_spaced(struct gp_eval *e, struct gp_str s)
{
	char *out = gp_arena_alloc(e->arena, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (!gp_is_space(s.ptr[i]))
			out[n++] = s.ptr[i];
		else if (!n || out[n - 1] != ' ')
			out[n++] = ' ';
	}
	return gp_str_n(out, n);
}

/* All Received values with single spaces. */
static struct gp_str received(struct gp_eval *e)
{
	struct gp_str *s = e->memo[GP_EVAL_RECEIVED];

	if (!s) {
		s = e->memo[GP_EVAL_RECEIVED] = GP_ARENA_NEW(e->arena, struct gp_str);
		*s = single_spaced(e, gp_eval_header(e, "Received"));
	}
	return *s;
}

static bool any(struct gp_eval *e, const char *const *patterns, size_t n, unsigned flags,
		struct gp_str s)
{
	for (size_t i = 0; i < n; i++)
		if (gp_eval_matches(e, patterns[i], flags, s))
			return true;
	return false;
}

/* Up to the first white space. */
static struct gp_str first_run(struct gp_str s)
{
	size_t n = 0;

	while (n < s.len && !gp_is_space(s.ptr[n]))
		n++;
	return gp_str_sub(s, 0, n);
}

/* "NAME" of To: "<NAME@groups.msn.com>"; or "". */
static struct gp_str msn_group(struct gp_str to)
{
	static const struct gp_str domain = GP_STR("@groups.msn.com>");

	/* Where there is none behind the first "<" of a run, there is none behind its others. */
	for (size_t i = 0; (i = gp_str_find_chr(to, '<', i)) < to.len;) {
		struct gp_str run = first_run(gp_str_sub(to, i + 1, SIZE_MAX));

		for (size_t n = run.len; n > 1; n--)
			if (gp_str_istarts(gp_str_sub(run, n - 1, SIZE_MAX), domain))
				return gp_str_sub(run, 0, n - 1);
		i += 1 + run.len;
	}
	return GP_STR("");
}

/* "p05.groups.msn.com" of "from mail pickup service by p05.groups.msn.com"; or "". */
static struct gp_str msn_server(struct gp_str rcvd)
{
	static const struct gp_str mark = GP_STR("from mail pickup service by "), domain = GP_STR(".groups.msn.com");

	for (size_t i = 0; (i = gp_str_find(rcvd, mark, i)) < rcvd.len; i++) {
		struct gp_str s = gp_str_sub(rcvd, i + mark.len, 3 + domain.len + 1);

		if (s.len >= 3 + domain.len && s.ptr[0] == 'p' && gp_str_is_digits(gp_str_sub(s, 1, 2)) &&
		    gp_str_starts(gp_str_sub(s, 3, SIZE_MAX), domain) &&
		    (s.len == 3 + domain.len || !(gp_is_alnum(s.ptr[s.len - 1]) || s.ptr[s.len - 1] == '_')))
			return gp_str_sub(s, 0, 3 + domain.len);
	}
	return GP_STR("");
}

/* Does it begin with "<BEFORE…AFTER>", without white space and with something between? */
static bool is_id(struct gp_eval *e, struct gp_str id, struct gp_str before, struct gp_str after)
{
	struct gp_str run = first_run(id);
	const char *start = gp_arena_printf(e->arena, "<%.*s", GP_STR_FMT(before));
	const char *end = gp_arena_printf(e->arena, "@%.*s>", GP_STR_FMT(after));

	return gp_str_starts(run, gp_str(start)) &&
	       gp_str_find(run, gp_str(end), strlen(start) + 1) < run.len;
}

/* MSN's groups sent from Hotmail's hosts under their own names. */
static bool is_msn_group(struct gp_eval *e)
{
	struct gp_str group = msn_group(gp_eval_header(e, "To"));
	struct gp_str server = group.len ? msn_server(gp_eval_header(e, "Received")) : GP_STR("");
	struct gp_str id = gp_eval_header(e, "Message-Id");
	const char *bounces;

	if (!server.len)
		return false;
	if (gp_str_eq(group, GP_STR("notifications")))
		return is_id(e, id, GP_STR(""), server);
	bounces = gp_arena_printf(e->arena, "%.*s-bounce@groups.msn.com", GP_STR_FMT(group));
	return is_id(e, id, gp_str(gp_arena_printf(e->arena, "%.*s-", GP_STR_FMT(group))),
		     GP_STR("groups.msn.com")) &&
	       has(gp_eval_addr(e, "EnvelopeFrom"), bounces);
}

static bool check_msn_groups(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
			     size_t n_args)
{
	return is_msn_group(e);
}

static enum outcome hotmail(struct gp_eval *e)
{
	static const char *const with_ip[] = {
		"from (?:\\S*\\.)?hotmail.com \\(\\S+\\.hotmail(?:\\.msn)?\\.com[ )]",
		"from \\S*\\.hotmail.com \\(\\[" IP "\\][ ):]",
		"from \\S+ by \\S+\\.hotmail(?:\\.msn)?\\.com with HTTP;",
		"from \\[66\\.218.\\S+\\] by \\S+\\.yahoo\\.com",
	};
	static const char *const with_org[] = {
		"from \\S*\\.outbound\\.protection\\.outlook\\.com "
		"\\(\\S+\\.outbound\\.protection\\.outlook\\.com[ )]",
		"from \\S*\\.(?:eur|nam)prd\\d+\\.prod\\.outlook\\.com \\(" IP "\\)",
	};
	struct gp_str rcvd = received(e), org;
	bool is_from_there = is_from(e, "hotmail.com");

	if (!is_from_there && !has(rcvd, "hotmail.com"))
		return GENUINE;
	org = gp_eval_header(e, "X-OriginatorOrg");
	if (has(rcvd, "from mail pickup service by hotmail.com with Microsoft SMTPSVC;") ||
	    is_msn_group(e) || gp_eval_lacks_received(e))
		return GENUINE;
	if (has_ip(gp_eval_header(e, "X-Originating-Ip")) &&
	    any(e, with_ip, GP_ARRAY_SIZE(with_ip), 0, rcvd))
		return GENUINE;
	if ((has(org, "hotmail.com") || has(org, "msonline-outlook")) &&
	    any(e, with_org, GP_ARRAY_SIZE(with_org), 0, rcvd))
		return GENUINE;
	if (gp_eval_matches(e, "(?:from |HELO |helo=)\\S*hotmail\\.com\\b", 0, rcvd))
		return FORGED;
	return is_from_there ? ABSENT : GENUINE;
}

static bool check_hotmail(struct gp_eval *e, const struct gp_rule_eval *row,
			  const struct gp_str *args, size_t n_args)
{
	enum outcome *o = e->memo[GP_EVAL_HOTMAIL];

	if (!o) {
		o = e->memo[GP_EVAL_HOTMAIL] = GP_ARENA_NEW(e->arena, enum outcome);
		*o = hotmail(e);
	}
	return (int)*o == row->what;
}

static bool check_eudoramail(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	return is_from(e, "eudoramail.com") && !gp_eval_lacks_received(e) &&
	       !(has_ip(gp_eval_header(e, "X-Sender-Ip")) &&
		 gp_eval_matches(e, "by \\S*whowhere.com;", 0, received(e)));
}

static bool is_below(struct gp_str name, const char *suffix)
{
	return gp_str_iends(name, gp_str(suffix)) && name.len > strlen(suffix);
}

/* Has a relay of Yahoo handed it over? */
static bool has_yahoo_relay(const struct gp_eval *e)
{
	const struct gp_relay_list *trusted = &e->relays->lists[GP_RELAYS_TRUSTED];
	const struct gp_relay_list *untrusted = &e->relays->lists[GP_RELAYS_UNTRUSTED];

	for (size_t i = 0; i < trusted->items.len; i++)
		if (is_below(trusted->items.items[i]->rdns, ".yahoo.com"))
			return true;
	return untrusted->items.len && is_below(untrusted->items.items[0]->rdns, ".yahoo.com");
}

static bool check_yahoo(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
			size_t n_args)
{
	static const char *const genuine[] = {
		"by web\\S+\\.mail\\S*\\.yahoo\\.com via HTTP",
		"by sonic\\S+\\.consmr\\.mail\\S*\\.yahoo\\.com with HTTP",
		"by smtp\\S+\\.yahoo\\.com with SMTP",
		"from \\[" IP "\\] by \\S+\\.(?:groups|scd|dcn)\\.yahoo\\.com with NNFMP",
		"by \\w+\\.\\w+\\.yahoo\\.com \\([\\d./]+\\)(?: with ESMTP)? id \\w+",
	};
	struct gp_str rcvd;

	if (!is_from(e, "yahoo.com") || gp_eval_lacks_received(e) || has_yahoo_relay(e))
		return false;
	rcvd = received(e);
	if (gp_eval_header(e, "Resent-From").len && gp_eval_header(e, "Resent-To").len &&
	    gp_eval_header(e, "X-Received").len)
		rcvd = single_spaced(e, gp_eval_header(e, "X-Received"));
	return !any(e, genuine, GP_ARRAY_SIZE(genuine), 0, rcvd) &&
	       !(is_from(e, "reply.yahoo.com") &&
		 gp_eval_matches(e, "\\bmailer\\d+\\.bulk\\.scd\\.yahoo\\.com\\b", 0, rcvd));
}

static bool check_juno(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		       size_t n_args)
{
	struct gp_str origin, mailer, rcvd;

	if (!is_from(e, "juno.com") || gp_eval_lacks_received(e))
		return false;
	origin = gp_eval_header(e, "X-Originating-IP");
	mailer = gp_eval_header(e, "X-Mailer");
	rcvd = gp_eval_header(e, "Received");
	if (origin.len)
		return (!gp_eval_matches(e, "from.*\\b(?:juno|untd)\\.com.*[[(]" IP "[\\])].*by", 0, rcvd) &&
			!gp_eval_matches(e, " cookie\\.(?:juno|untd)\\.com ", 0, rcvd)) ||
		       !has(mailer, "Juno ");
	return true; /* without an origin every way ends so */
}

static bool check_gmail(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
			size_t n_args)
{
	static const char *const own[] = {"by 10\\.\\S+ with SMTP id \\S+",
					  "by 2002:a\\d\\d:\\w+:\\S+ with SMTP id \\S+"};
	const size_t marks_min = 60; /* bytes; what forgers write is shorter */

	if (!is_from(e, "gmail.com") ||
	    any(e, own, GP_ARRAY_SIZE(own), 0, gp_eval_header(e, "X-Received")) ||
	    gp_eval_matches(e, "by smtp\\.googlemail\\.com with ESMTPSA id \\S+", 0,
			    gp_eval_header(e, "Received")))
		return false;
	return gp_eval_header(e, "X-Gm-Message-State").len < marks_min ||
	       gp_eval_header(e, "X-Google-Smtp-Source").len < marks_min;
}

/* The name of one of AOL's relays, in a line that AOL does not write. */
static bool check_aol_relay(struct gp_eval *e, const struct gp_rule_eval *row,
			    const struct gp_str *args, size_t n_args)
{
	struct gp_str rcvd = gp_eval_header(e, "Received");

	if (gp_str_ifind(rcvd, GP_STR("rly-"), 0) >= rcvd.len)
		return false;
	rcvd = received(e);
	return gp_eval_matches(e, " rly-[a-z][a-z]\\d\\d\\.", GP_REGEX_CASELESS, rcvd) &&
	       !gp_eval_matches(e, "/AOL-\\d+\\.\\d+\\.\\d+\\)", 0, rcvd) &&
	       !gp_eval_matches(e, "ESMTP id (?:RELAY|MAILRELAY|MAILIN)", 0, rcvd);
}

/* "from HOST by NAME with ESMTP; DATE" as the oldest of several, where NAME is no domain. */
static bool check_gw05(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		       size_t n_args)
{
	struct gp_str rcvd = gp_eval_header(e, "Received");

	return has(rcvd, "with ESMTP;") &&
	       gp_eval_matches(e, "\\nfrom\\s\\S+\\sby\\s[^\\s.]+\\swith\\sESMTP;\\s+\\S{3},\\s+\\d+\\s+\\S{3}"
				  "\\s+\\d{4}\\s+\\d\\d:\\d\\d:\\d\\d\\s+[-+]*\\d{4}\\n$", 0, rcvd);
}

const struct gp_rule_eval gp_rule_evals_forged[] = {
	{"check_for_forged_hotmail_received_headers", 0, 0, check_hotmail, FORGED, false},
	{"check_for_no_hotmail_received_headers", 0, 0, check_hotmail, ABSENT, false},
	{"check_for_forged_eudoramail_received_headers", 0, 0, check_eudoramail, 0, false},
	{"check_for_forged_yahoo_received_headers", 0, 0, check_yahoo, 0, false},
	{"check_for_forged_juno_received_headers", 0, 0, check_juno, 0, false},
	{"check_for_forged_gmail_received_headers", 0, 0, check_gmail, 0, false},
	{"check_for_fake_aol_relay_in_rcvd", 0, 0, check_aol_relay, 0, false},
	{"check_for_forged_gw05_received_headers", 0, 0, check_gw05, 0, false},
	{"check_for_msn_groups_headers", 0, 0, check_msn_groups, 0, false},
	{0},
};
