/*
 * Outbound: the signatures.  Who signs is chosen by signer.c.
 *
 * The value is signed as " VALUE" with folds LF TAB, which is what the MTA writes: the adapter
 * gives it the space and the folds as they are (lib/daemon/milter.c), so that also the "simple"
 * canonicalisation holds.
 */
#include "milter-dkim/sign.h"

#include "lib/base/clock.h"
#include "milter-dkim/signer.h"

/* RFC 5321, 4.5.3.1.6, without CRLF. */
#define LINE_MAX_SMTP 998

/* "d:s,d:s" for the log. */
static const char *describe(const struct dkim_signing *signing, struct gp_arena *arena)
{
	GP_BUF_AUTO out = GP_BUF_INIT(DKIM_SIGNERS_MAX * 600);

	for (size_t i = 0; i < signing->n_signers; i++)
		gp_buf_printf(&out, "%s%.*s:%.*s", i ? "," : "",
			      GP_STR_FMT(signing->signers[i].domain),
			      GP_STR_FMT(signing->signers[i].selector));
	return gp_arena_strdup(arena, gp_buf_cstr(&out));
}

/* The longest line of the header, in bytes with a CR. */
static size_t longest_header_line(const struct gp_fields *fields)
{
	size_t longest = 0;

	for (size_t i = 0; i < fields->list.len; i++) {
		const struct gp_field *f = &fields->list.items[i];
		size_t line = f->name.len + 1; /* and the colon */

		for (size_t at = 0; at <= f->value.len; line = 0) {
			size_t end = gp_str_find_chr(f->value, '\n', at);

			longest = GP_MAX(longest, line + end - at + 1);
			at = end + 1;
		}
	}
	return longest;
}

/* Reasons that are failures of ours, and not a decision. */
static int failure_of(const char *reason)
{
	static const struct {
		const char *reason;
		int result;
	} failures[] = {
		{"too-large", GP_ELIMIT}, {"no-directory", GP_ETEMP}, {"bad-entry", GP_ETEMP}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(failures); i++)
		if (gp_str_eq(gp_str(reason), gp_str(failures[i].reason)))
			return failures[i].result;
	return GP_OK;
}

int dkim_sign_begin(struct gp_session *s, struct dkim_message *m)
{
	struct dkim_signing *signing = GP_ARENA_NEW(s->msg.arena, struct dkim_signing);
	const char *why_not = dkim_signer_choose(s, m, signing);

	m->signing_reason = why_not;
	if (gp_str_eq(gp_str(why_not), GP_STR("not-allowed")) &&
	    m->conf->sign.not_allowed == DKIM_NOT_ALLOWED_REJECT)
		return GP_EACCES;
	m->signing_problem = signing->problem;
	if (*why_not)
		return failure_of(why_not);
	m->signing = signing;
	m->signing_reason = describe(signing, s->msg.arena);
	signing->longest = longest_header_line(&m->fields);
	gp_sign_begin(&signing->sign, s->msg.arena, m->snap->sign, m->hasher);
	return GP_OK;
}

void dkim_sign_body(struct dkim_message *m, struct gp_str chunk)
{
	struct dkim_signing *signing = m->signing;
	size_t at = 0;

	while (signing && at < chunk.len) {
		size_t end = gp_str_find_chr(chunk, '\n', at);

		signing->line += end - at;
		signing->longest = GP_MAX(signing->longest, signing->line);
		if (end < chunk.len)
			signing->line = 0;
		at = end + 1;
	}
}

size_t dkim_signing_longline(const struct dkim_message *m)
{
	/* Each was counted with its CR. */
	if (!m->signing || m->signing->longest <= LINE_MAX_SMTP + 1)
		return 0;
	return m->signing->longest - 1;
}

static int make(struct gp_session *s, struct dkim_message *m, struct gp_str *values,
		struct gp_diag *diag)
{
	const struct dkim_signing *signing = m->signing;

	for (size_t i = 0; i < signing->n_signers; i++) {
		const struct dkim_signer *signer = &signing->signers[i];
		struct gp_sign_as as = {
			.domain = signer->domain,
			.selector = signer->selector,
			.identity = dkim_signer_identity(signer, signing->domain, s->msg.arena),
			.key = signer->key,
		};
		int r = gp_sign_finish(&m->signing->sign, &m->fields, m->hasher, &as,
				       gp_clock_real_s(), &values[i], diag);

		if (r) {
			gp_diag_prepend(diag, "%s", signer->path);
			return r;
		}
	}
	return GP_OK;
}

static int remove_old(struct gp_session *s, const struct dkim_message *m)
{
	size_t n = gp_fields_count(&m->fields, GP_STR("DKIM-Signature"));

	if (!m->conf->sign.remove_old)
		return GP_OK;
	return gp_session_delete_headers(s, "DKIM-Signature", (int)n);
}

int dkim_sign_finish(struct gp_session *s, struct dkim_message *m, struct gp_diag *diag)
{
	struct gp_str values[DKIM_SIGNERS_MAX];
	int r = make(s, m, values, diag);

	if (r)
		return r;
	r = remove_old(s, m);
	/* The first one ends on top. */
	for (size_t i = m->signing->n_signers; r == GP_OK && i > 0; i--)
		r = gp_session_insert_header(s, 0, "DKIM-Signature",
					     gp_arena_cstr(s->msg.arena, values[i - 1]));
	if (r)
		gp_diag_set(diag, "the MTA does not take the signature");
	return r;
}

const char *dkim_signing_reason(const struct dkim_message *m)
{
	return m->signing_reason ? m->signing_reason : "";
}
