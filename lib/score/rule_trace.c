/*
 * By subject: the functions of one table look at much the same.  Those of headers
 * look at one or two each, which a table names.
 */
#include "lib/score/rule_trace.h"

#include "lib/score/rule_eval_html.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_meta.h"
#include "lib/score/rule_scan.h"

static bool is_repeated(const unsigned *needs, size_t k)
{
	for (size_t i = 0; i < k; i++)
		if (needs[i] == needs[k])
			return true;
	return false;
}

struct gp_str gp_rule_trace_meta(const struct gp_rule_set *set, const struct gp_rule *r,
				 const double *hits, struct gp_arena *a)
{
	GP_BUF_AUTO hit = GP_BUF_INIT(GP_RULE_EVIDENCE_MAX);
	GP_BUF_AUTO missed = GP_BUF_INIT(GP_RULE_EVIDENCE_MAX);
	const unsigned *needs;
	size_t n = gp_meta_needs(r->meta, &needs);

	for (size_t i = 0; i < n && !gp_buf_error(&hit); i++) {
		const char *name = set->rules.items[needs[i]]->name;
		double value = hits[needs[i]];

		if (is_repeated(needs, i))
			continue;
		if (value == 0)
			gp_buf_printf(&missed, "%s!%s", missed.len ? " " : "", name);
		else
			gp_buf_printf(&hit, "%s%s", hit.len ? " " : "", name);
		if (value != 0 && value != 1)
			gp_buf_printf(&hit, "=%g", value);
	}
	if (hit.len || missed.len)
		return gp_arena_str(a, gp_buf_str(hit.len ? &hit : &missed));
	return gp_str(r->text); /* it reads no rules */
}

static struct gp_str of_sender(struct gp_eval *e)
{
	return gp_str_trim(gp_eval_header(e, "From"));
}

static struct gp_str of_date(struct gp_eval *e)
{
	return gp_str_trim(gp_eval_header(e, "Date"));
}

static struct gp_str of_bayes(struct gp_eval *e)
{
	return gp_str(gp_arena_printf(e->arena, "probability %.4f", e->in->bayes));
}

/* The relay that handed the message to a trusted one. */
static struct gp_str of_relays(struct gp_eval *e)
{
	const struct gp_relay_list *untrusted = &e->relays->lists[GP_RELAYS_UNTRUSTED];
	const struct gp_relay_list *trusted = &e->relays->lists[GP_RELAYS_TRUSTED];

	if (untrusted->items.len)
		return untrusted->items.items[0]->text;
	return trusted->items.len ? trusted->items.items[0]->text : GP_STR("(no relays)");
}

/* Whom signatures and envelope name. */
static struct gp_str of_auth(struct gp_eval *e)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_RULE_EVIDENCE_MAX);
	const struct gp_auth_result *auth = e->in->auth;

	if (!auth)
		return GP_STR("");
	gp_buf_printf(&out, "envelope %.*s", GP_STR_FMT(e->in->envelope_from));
	for (size_t i = 0; i < auth->n_dkim; i++)
		gp_buf_printf(&out, ", signed by %.*s%s", GP_STR_FMT(auth->dkim[i].domain),
			      auth->dkim[i].status == GP_AUTH_PASS ? "" : " (not valid)");
	return gp_arena_str(e->arena, gp_buf_str(&out));
}

/* "multipart/mixed, text/plain utf-8, image/png a.png" */
static struct gp_str of_parts(struct gp_eval *e)
{
	const struct gp_message *m = e->in->message;
	GP_BUF_AUTO out = GP_BUF_INIT(GP_RULE_EVIDENCE_MAX);

	for (size_t i = 0; i < m->parts.len && !gp_buf_error(&out); i++) {
		const struct gp_part *p = &m->parts.items[i];

		gp_buf_printf(&out, "%s%.*s%s%.*s%s%.*s", i ? ", " : "", GP_STR_FMT(p->type),
			      p->charset.len ? " " : "", GP_STR_FMT(p->charset),
			      p->filename.len ? " " : "", GP_STR_FMT(p->filename));
	}
	return gp_arena_str(e->arena, gp_buf_str(&out));
}

/* "From: a@b.example", or "Cc: (none)". */
static void add_header(struct gp_eval *e, struct gp_str name, struct gp_buf *out)
{
	struct gp_str s = gp_str_ieq(name, GP_STR("EnvelopeFrom"))
				  ? gp_eval_addr(e, "EnvelopeFrom")
				  : gp_str_trim(gp_eval_header(e, gp_arena_cstr(e->arena, name)));

	gp_buf_printf(out, "%s%.*s: %.*s", out->len ? ", " : "", GP_STR_FMT(name),
		      GP_STR_FMT(s.len ? s : GP_STR("(none)")));
}

/* Functions whose first argument names a header are not here. */
static const struct {
	const char *function, *headers;
} looks_at[] = {
	{"check_equal_from_domains", "From EnvelopeFrom"},
	{"check_for_matching_env_and_hdr_from", "From EnvelopeFrom"},
	{"check_for_missing_to_header", "To Cc"},
	{"check_for_to_in_subject", "To Subject"},
	{"check_messageid_not_usable", "Message-ID"},
	{"check_ratware_envelope_from", "To EnvelopeFrom"},
	{"check_ratware_name_id", "Message-ID From"},
	{"gated_through_received_hdr_remover", "Mailing-List"},
	{"similar_recipients", "To Cc"},
	{"sorted_recipients", "To Cc"},
	{"subject_is_all_caps", "Subject"},
};

static struct gp_str of_headers(struct gp_eval *e)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_RULE_EVIDENCE_MAX);
	struct gp_str names = {0}, name;

	if (e->rule->n_args)
		names = e->rule->args[0];
	for (size_t i = 0; i < GP_ARRAY_SIZE(looks_at); i++)
		if (gp_str_eq(gp_str(e->rule->eval->name), gp_str(looks_at[i].function)))
			names = gp_str(looks_at[i].headers);
	while (gp_str_next_word(&names, &name) && !gp_buf_error(&out))
		if (!gp_str_eq(name, GP_STR("ALL")))
			add_header(e, name, &out);
	return gp_arena_str(e->arena, gp_buf_str(&out));
}

/* The value that the call names, of each document; what all ratios are made of otherwise. */
static struct gp_str of_html(struct gp_eval *e)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_RULE_EVIDENCE_MAX);

	for (const struct gp_rule_html *h = gp_eval_html(e); h && !gp_buf_error(&out); h = h->next) {
		double value;

		gp_buf_printf(&out, "%s", out.len ? ", " : "");
		if (e->rule->n_args && gp_eval_html_value(h, e->rule->args[0], &value))
			gp_buf_printf(&out, "%.*s %.4g", GP_STR_FMT(e->rule->args[0]), value);
		else
			gp_buf_printf(&out, "%zu bytes of HTML, %.6g pixels of images, %u tags",
				      h->length, h->image_area, h->tags);
	}
	return gp_arena_str(e->arena, gp_buf_str(&out));
}

static const struct {
	const struct gp_rule_eval *table;
	struct gp_str (*fn)(struct gp_eval *e);
} subjects[] = {
	{gp_rule_evals_adsp, of_sender},      {gp_rule_evals_alternative, of_parts},
	{gp_rule_evals_attachment, of_parts}, {gp_rule_evals_auth, of_auth},
	{gp_rule_evals_charset, of_parts},    {gp_rule_evals_date, of_date},
	{gp_rule_evals_forged, of_relays},    {gp_rule_evals_freemail, of_sender},
	{gp_rule_evals_fromname, of_sender},  {gp_rule_evals_header, of_headers},
	{gp_rule_evals_html, of_html},	      {gp_rule_evals_image, of_parts},
	{gp_rule_evals_list, of_sender},      {gp_rule_evals_mime, of_parts},
	{gp_rule_evals_pdf, of_parts},	      {gp_rule_evals_relay, of_relays},
};

static bool is_of(const struct gp_rule_eval *e, const struct gp_rule_eval *table)
{
	while (table->name && table != e)
		table++;
	return table->name != NULL;
}

struct gp_str gp_rule_trace_eval(struct gp_eval *e)
{
	struct gp_str s = {0};

	for (size_t i = 0; i < GP_ARRAY_SIZE(subjects) && !s.len; i++)
		if (is_of(e->rule->eval, subjects[i].table))
			s = subjects[i].fn(e);
	if (!s.len && gp_str_eq(gp_str(e->rule->eval->name), GP_STR("check_bayes")))
		s = of_bayes(e);
	return s.len ? s : gp_str(e->rule->text); /* the call, which says at least what was asked */
}
