/*
 * Restriction lists; see the header.
 */
#include "cli/postfix_policy.h"

/* Classes within classes. */
#define DEPTH_MAX 5

/* The lists in the order in which Postfix goes through them.  Those of the client, HELO and
 * sender wait for RCPT unless smtpd_delay_reject is off. */
static const struct {
	const char *parameter;
	enum policy_stage stage, undelayed;
} lists[] = {
	{"smtpd_client_restrictions", POLICY_RCPT, POLICY_CONNECT},
	{"smtpd_helo_restrictions", POLICY_RCPT, POLICY_HELO},
	{"smtpd_sender_restrictions", POLICY_RCPT, POLICY_MAIL},
	{"smtpd_relay_restrictions", POLICY_RCPT, POLICY_RCPT},
	{"smtpd_recipient_restrictions", POLICY_RCPT, POLICY_RCPT},
	{"smtpd_data_restrictions", POLICY_DATA, POLICY_DATA},
	{"smtpd_end_of_data_restrictions", POLICY_END_OF_MESSAGE, POLICY_END_OF_MESSAGE},
	{"smtpd_etrn_restrictions", POLICY_ETRN, POLICY_ETRN},
};

/* Whom a word lets leave the list. */
static const struct {
	const char *word;
	unsigned clients;
} ends[] = {
	{"permit_sasl_authenticated", GP_POLICY_ACCOUNTS},
	{"permit_mynetworks", GP_POLICY_OWN},
	{"permit", GP_POLICY_ALL},
	{"reject", GP_POLICY_ALL},
	{"defer", GP_POLICY_ALL},
};

struct walk {
	const struct gp_postfix *postfix;
	struct gp_policy_use use; /* as it would be here */
	const char *looked_for;	  /* a word, for gp_postfix_restricts() */
	bool is_found;
	gp_policy_use_fn *fn;
	void *arg;
};

static bool is_separator(char c)
{
	return gp_is_space(c) || c == ',';
}

/* Behind the brace that closes the first one; s.len + 1 if there is none. */
static size_t braces_len(struct gp_str s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		depth += s.ptr[i] == '{';
		depth -= s.ptr[i] == '}';
		if (depth == 0)
			return i + 1;
	}
	return s.len + 1;
}

/* The next word, or what stands between braces. */
static bool next_word(struct gp_str *rest, struct gp_str *ret)
{
	struct gp_str s = *rest;
	size_t n = 0, skip;

	while (s.len && is_separator(s.ptr[0]))
		s = gp_str_sub(s, 1, s.len);
	if (s.len == 0)
		return false;
	if (s.ptr[0] == '{') {
		skip = braces_len(s);
		*ret = gp_str_sub(s, 1, skip - 2);
	} else {
		while (n < s.len && !is_separator(s.ptr[n]))
			n++;
		*ret = gp_str_sub(s, 0, n);
		skip = n;
	}
	*rest = gp_str_sub(s, skip, s.len);
	return true;
}

/* "unix:path", or that and options: "name=value", or "{ name = value }". */
static void found(struct walk *w, struct gp_str server)
{
	struct gp_policy_use use = w->use;
	struct gp_str option;

	if (!next_word(&server, &use.address))
		return;
	while (next_word(&server, &option)) {
		size_t equals = gp_str_find_chr(option, '=', 0);
		struct gp_str name = gp_str_trim(gp_str_sub(option, 0, equals));
		struct gp_str value = gp_str_trim(gp_str_sub(option, equals + 1, option.len));

		if (gp_str_ieq(name, GP_STR("default_action")))
			use.default_action = value;
		else if (gp_str_ieq(name, GP_STR("policy_context")))
			use.context = value;
	}
	if (w->fn)
		w->fn(w->arg, &use);
}

static bool is_class(const struct walk *w, struct gp_str word)
{
	struct gp_str classes = gp_postfix_value(w->postfix, w->use.service,
						 "smtpd_restriction_classes", "");
	struct gp_str name;

	while (next_word(&classes, &name))
		if (gp_str_eq(name, word))
			return true;
	return false;
}

static void walk_list(struct walk *w, struct gp_str list, unsigned depth)
{
	struct gp_str word, server;

	while (next_word(&list, &word)) {
		if (w->looked_for && gp_str_ieq(word, gp_str(w->looked_for)))
			w->is_found = true;
		if (gp_str_ieq(word, GP_STR("check_policy_service")) && next_word(&list, &server))
			found(w, server);
		else if (depth > 0 && is_class(w, word))
			walk_list(w,
				  gp_postfix_value(w->postfix, w->use.service,
						   gp_arena_cstr(w->postfix->arena, word), ""),
				  depth - 1);
		for (size_t i = 0; i < GP_ARRAY_SIZE(ends); i++)
			if (gp_str_ieq(word, gp_str(ends[i].word)))
				w->use.clients &= ~ends[i].clients;
	}
}

static bool is_on(const struct walk *w, const char *parameter, const char *def)
{
	return gp_str_ieq(gp_postfix_value(w->postfix, w->use.service, parameter, def),
			  GP_STR("yes"));
}

static void walk_service(struct walk *w, const struct gp_postfix_service *service)
{
	bool is_delayed;

	w->use.service = service;
	w->use.has_accounts = is_on(w, "smtpd_sasl_auth_enable", "no");
	w->use.context = gp_postfix_value(w->postfix, service, "smtpd_policy_service_policy_context", "");
	is_delayed = is_on(w, "smtpd_delay_reject", "yes");
	for (size_t i = 0; i < GP_ARRAY_SIZE(lists); i++) {
		w->use.parameter = lists[i].parameter;
		w->use.stage = is_delayed ? lists[i].stage : lists[i].undelayed;
		w->use.clients = GP_POLICY_ALL;
		w->use.default_action =
			gp_postfix_value(w->postfix, service, "smtpd_policy_service_default_action",
					 "451 4.3.5 Server configuration problem");
		walk_list(w, gp_postfix_value(w->postfix, service, lists[i].parameter, ""),
			  DEPTH_MAX);
	}
}

void gp_postfix_policy_each(const struct gp_postfix *p, gp_policy_use_fn *fn, void *arg)
{
	struct walk w = {.postfix = p, .fn = fn, .arg = arg};

	for (size_t i = 0; i < p->services.len; i++)
		if (gp_str_eq(p->services.items[i].command, GP_STR("smtpd")))
			walk_service(&w, &p->services.items[i]);
}

bool gp_postfix_restricts(const struct gp_postfix *p, const struct gp_postfix_service *service,
			  const char *word)
{
	struct walk w = {.postfix = p, .looked_for = word};

	walk_service(&w, service);
	return w.is_found;
}

bool gp_postfix_is_submission(const struct gp_postfix *p, const struct gp_postfix_service *service)
{
	return gp_str_eq(service->command, GP_STR("smtpd")) &&
	       gp_str_ieq(gp_postfix_value(p, service, "smtpd_sasl_auth_enable", "no"),
			  GP_STR("yes")) &&
	       gp_postfix_restricts(p, service, "reject");
}
