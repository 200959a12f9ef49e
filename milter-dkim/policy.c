/*
 * What the results make us do.  Codes: RFC 7372 (DKIM .20, .21; SPF .23, .24;
 * several methods .26), RFC 8617 (ARC .29); X.4.3 of RFC 3463 where the DNS is at
 * fault and RFC 7372 has no code for that.
 */
#include "milter-dkim/policy.h"

#include "lib/auth/authres.h"
#include "lib/base/buf.h"
#include "lib/daemon/reply.h"

#define TEXT_PART_MAX 120 /* bytes of one thing that a stranger wrote */

/* One method's wish. */
struct wish {
	enum dkim_action action;
	const char *xcode;
	struct gp_str domain, reason;
};

struct judge {
	const struct dkim_conf *conf;
	const struct gp_auth_result *result;
	struct gp_auth_result *forwarded; /* at the trusted forwarder; NULL if there is none */
};

const char *dkim_action_name(enum dkim_action action)
{
	static const char *const names[] = {"accept", "quarantine", "tempfail", "reject"};

	return names[action];
}

/* What stands in a setting, as an action. */
static enum dkim_action action_of(int deed)
{
	static const enum dkim_action actions[] = {
		[DKIM_DO_NOTE] = DKIM_ACCEPT,
		[DKIM_DO_QUARANTINE] = DKIM_QUARANTINE,
		[DKIM_DO_REJECT] = DKIM_REJECT,
	};

	return actions[deed];
}

static enum dkim_action on_temperror(int setting)
{
	return setting == GP_ON_ERROR_TEMPFAIL ? DKIM_TEMPFAIL : DKIM_ACCEPT;
}

/* SPF. */

static struct wish wish_of_spf(const struct dkim_spf_conf *c, const struct gp_spf_result *r, int fail)
{
	struct wish w = {.domain = r->domain, .reason = r->reason, .xcode = "5.7.23"};

	switch (r->status) {
	case GP_AUTH_FAIL:
		w.action = action_of(fail);
		break;
	case GP_AUTH_SOFTFAIL:
		w.action = action_of(c->softfail);
		break;
	case GP_AUTH_PERMERROR:
		w.action = action_of(c->permerror);
		w.xcode = "5.7.24";
		break;
	case GP_AUTH_TEMPERROR:
		w.action = on_temperror(c->temperror);
		w.xcode = "4.7.24";
		break;
	case GP_AUTH_NONE:
	case GP_AUTH_PASS:
	case GP_AUTH_NEUTRAL:
	case GP_AUTH_POLICY:
	case GP_AUTH_STATUSES:
		break;
	}
	return w;
}

static struct wish judge_spf(const struct judge *j, struct gp_arena *arena)
{
	const struct dkim_spf_conf *c = &j->conf->spf;
	const struct gp_spf_result *r = &j->result->mailfrom;
	struct wish w = {0};

	if (!c->enabled || j->result->dmarc.status == GP_AUTH_PASS ||
	    (j->forwarded && j->forwarded->mailfrom.status == GP_AUTH_PASS))
		return w;
	w = wish_of_spf(c, r, c->fail);
	/* The owner's own words (exp=), said to be theirs (RFC 7208, 6.2). */
	if (r->status == GP_AUTH_FAIL && r->explanation.len)
		w.reason = gp_str(gp_arena_printf(arena, "%.*s explains: %.*s",
						  GP_STR_FMT(r->domain),
						  GP_STR_FMT(r->explanation)));
	if (w.action == DKIM_ACCEPT && j->result->helo.status == GP_AUTH_FAIL)
		w = wish_of_spf(c, &j->result->helo, c->helo_fail);
	return w;
}

/* DKIM. */

/* A broken signature of a domain that tests counts as none (RFC 6376, 3.6.1). */
static bool counts(const struct gp_dkim_result *r)
{
	return r->status != GP_AUTH_NONE && !(r->is_testing && r->status != GP_AUTH_PASS);
}

static bool has_pass(const struct gp_auth_result *r)
{
	for (size_t i = 0; i < r->n_dkim; i++)
		if (r->dkim[i].status == GP_AUTH_PASS)
			return true;
	return false;
}

static struct wish judge_dkim(const struct judge *j, struct gp_arena *arena)
{
	const struct dkim_dkim_conf *c = &j->conf->dkim;
	const struct gp_auth_result *r = j->result;
	const struct gp_dkim_result *bad = NULL;
	struct wish w = {.xcode = "5.7.20", .domain = r->dmarc.from};

	(void)arena;
	if (!c->enabled || has_pass(r) || (j->forwarded && has_pass(j->forwarded)))
		return w;
	for (size_t i = 0; i < r->n_dkim; i++)
		if (counts(&r->dkim[i]) && (!bad || r->dkim[i].status == GP_AUTH_TEMPERROR))
			bad = &r->dkim[i];
	if (!bad) {
		w.action = action_of(c->none);
		w.reason = GP_STR("the message has no signature");
		return w;
	}
	w.domain = bad->domain;
	w.reason = bad->reason;
	if (bad->status == GP_AUTH_TEMPERROR) {
		w.action = on_temperror(c->temperror);
		w.xcode = "4.4.3";
	} else {
		w.action = action_of(c->fail);
		if (bad->status == GP_AUTH_POLICY)
			w.xcode = "5.7.21";
	}
	return w;
}

/* ARC. */

static struct wish judge_arc(const struct judge *j, struct gp_arena *arena)
{
	const struct dkim_arc_conf *c = &j->conf->arc;
	const struct gp_arc_result *r = &j->result->arc;
	struct wish w = {.reason = r->reason, .xcode = "5.7.29"};

	(void)arena;
	if (r->n_sets)
		w.domain = r->sets[r->n_sets - 1].domain;
	if (c->enabled && r->status == GP_AUTH_FAIL)
		w.action = action_of(c->fail);
	if (c->enabled && r->status == GP_AUTH_TEMPERROR) {
		w.action = on_temperror(c->temperror);
		w.xcode = "4.4.3";
	}
	return w;
}

/* DMARC. */

/* What we do about a failure, by what the owner asks for. */
static int deed_of_failure(const struct judge *j)
{
	switch (j->result->dmarc.policy) {
	case GP_DMARC_REJECT:
		return j->conf->dmarc.reject;
	case GP_DMARC_QUARANTINE:
		return j->conf->dmarc.quarantine;
	case GP_DMARC_NONE:
		break;
	}
	return DKIM_DO_NOTE;
}

static bool is_dmarc_forwarded(const struct judge *j)
{
	return j->forwarded && j->forwarded->dmarc.status == GP_AUTH_PASS;
}

static struct wish judge_dmarc(const struct judge *j, struct gp_arena *arena)
{
	const struct dkim_dmarc_conf *c = &j->conf->dmarc;
	const struct gp_dmarc_result *r = &j->result->dmarc;
	struct wish w = {.domain = r->from, .reason = r->reason, .xcode = "5.7.26"};

	(void)arena;
	if (!c->enabled || is_dmarc_forwarded(j))
		return w;
	if (r->status == GP_AUTH_FAIL)
		w.action = action_of(deed_of_failure(j));
	if (r->status == GP_AUTH_PERMERROR) {
		w.action = action_of(c->permerror);
		w.xcode = "5.7.1";
	}
	if (r->status == GP_AUTH_TEMPERROR) {
		w.action = on_temperror(c->temperror);
		w.xcode = "4.4.3";
	}
	return w;
}

/* What reports say was done, and why it is not what was asked for. */
static void set_disposition(const struct judge *j, struct dkim_decision *d)
{
	static const enum gp_dmarc_policy dispositions[] = {
		[DKIM_DO_NOTE] = GP_DMARC_NONE,
		[DKIM_DO_QUARANTINE] = GP_DMARC_QUARANTINE,
		[DKIM_DO_REJECT] = GP_DMARC_REJECT,
	};
	const struct gp_dmarc_result *r = &j->result->dmarc;

	d->disposition = GP_DMARC_NONE;
	d->override = "";
	if (!j->conf->dmarc.enabled || r->status != GP_AUTH_FAIL)
		return;
	if (!d->is_spared && !is_dmarc_forwarded(j))
		d->disposition = dispositions[deed_of_failure(j)];
	if (d->disposition != r->policy)
		d->override = is_dmarc_forwarded(j) ? "trusted_forwarder" : "local_policy";
}

/* All together. */

/* What the first of the trusted sealers found when it still had the original. */
static struct gp_auth_result *read_forwarded(const struct gp_auth_result *result,
					     struct gp_arena *arena)
{
	const struct gp_arc_result *arc = &result->arc;
	struct gp_auth_result *ret;
	struct gp_authres said;
	struct gp_diag why;

	if (arc->status != GP_AUTH_PASS || !arc->is_override || arc->override_set >= arc->n_sets ||
	    gp_authres_parse_lenient(arena, arc->sets[arc->override_set].results, &said, &why))
		return NULL;
	ret = GP_ARENA_NEW(arena, struct gp_auth_result);
	gp_authres_to_result(arena, &said, ret);
	/* A pass of another author would be no pass of this one. */
	if (ret->dmarc.from.len && !gp_str_ieq(ret->dmarc.from, result->dmarc.from))
		ret->dmarc.status = GP_AUTH_NONE;
	return ret;
}

static bool is_listed(const struct gp_conf_list *globs, struct gp_str domain)
{
	for (size_t i = 0; domain.len && i < globs->len; i++)
		if (gp_str_glob(gp_str(globs->items[i]), domain))
			return true;
	return false;
}

static bool is_spared(const struct dkim_conf *conf, const struct gp_auth_result *result,
		      const struct dkim_parties *who)
{
	size_t at = gp_str_find_last(who->from, '@');

	return is_listed(&conf->exempt_domains, gp_str_sub(who->from, at + 1, who->from.len)) ||
	       is_listed(&conf->exempt_domains, result->dmarc.from) ||
	       is_listed(&conf->exempt_domains, who->helo);
}

void dkim_policy_decide(const struct dkim_conf *conf, const struct gp_auth_result *result,
			const struct dkim_parties *who, struct gp_arena *arena,
			struct dkim_decision *ret)
{
	struct judge j = {conf, result, read_forwarded(result, arena)};
	const struct {
		const char *method, *text;
		struct wish (*judge)(const struct judge *j, struct gp_arena *arena);
	} methods[] = {
		{"dmarc", conf->dmarc.text, judge_dmarc},
		{"spf", conf->spf.text, judge_spf},
		{"dkim", conf->dkim.text, judge_dkim},
		{"arc", conf->arc.text, judge_arc},
	};

	*ret = (struct dkim_decision){.method = "", .xcode = "", .text = ""};
	ret->is_spared = is_spared(conf, result, who);
	for (size_t i = 0; !ret->is_spared && i < GP_ARRAY_SIZE(methods); i++) {
		struct wish w = methods[i].judge(&j, arena);

		if (w.action <= ret->action)
			continue;
		ret->action = w.action;
		ret->method = methods[i].method;
		ret->text = methods[i].text;
		ret->xcode = w.xcode;
		ret->domain = w.domain;
		ret->reason = w.reason;
	}
	set_disposition(&j, ret);
}

/* Texts. */

/* One line of printable ASCII, cut. */
static void add_clean(struct gp_buf *out, struct gp_str s)
{
	for (size_t i = 0; i < s.len && i < TEXT_PART_MAX; i++)
		gp_buf_add_chr(out, s.ptr[i] >= ' ' && s.ptr[i] < 0x7f ? s.ptr[i] : '?');
	if (s.len == 0)
		gp_buf_add_chr(out, '-');
}

const char *dkim_policy_text(const struct dkim_decision *decision, const struct dkim_parties *who,
			     struct gp_arena *arena)
{
	GP_BUF_AUTO out = GP_BUF_INIT(4096);
	char ip[GP_IP_TEXT];

	for (const char *p = decision->text; *p; p++) {
		if (*p != '%') {
			gp_buf_add_chr(&out, *p);
			continue;
		}
		switch (*++p) {
		case 'd':
			add_clean(&out, decision->domain);
			break;
		case 'c':
			add_clean(&out, gp_str(gp_ip_format(&who->client, ip)));
			break;
		case 'f':
			add_clean(&out, who->from.len ? who->from : GP_STR("<>"));
			break;
		case 'r':
			add_clean(&out, decision->reason);
			break;
		default: /* "%%"; the check lets nothing else pass */
			gp_buf_add_chr(&out, '%');
			break;
		}
	}
	return gp_arena_cstr(arena, gp_buf_str(&out));
}

int dkim_policy_check_text(const void *field, struct gp_diag *diag)
{
	const char *text = *(const char *const *)field;

	for (; *text; text++) {
		if (*text != '%')
			continue;
		if (!*++text || !strchr("dcfr%", *text)) {
			gp_diag_set(diag, "\"%%%.1s\" is none of %%d, %%c, %%f, %%r and %%%%", text);
			return GP_EINVAL;
		}
	}
	return GP_OK;
}
