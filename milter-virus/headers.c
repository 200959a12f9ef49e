/*
 * X-Virus-Scanned and X-Virus-Status, in the form that clamav-milter gives them.
 */
#include "milter-virus/virus.h"

#include "config.h"
#include "lib/base/log.h"

/* A verdict without a finding may be of less than the whole. */
static const char *clean_text(const struct virus_verdict *v)
{
	if (v->is_part)
		return "Clean (only the beginning was scanned)";
	if (v->outcome == VIRUS_SCANNED_FOUND && v->category == VIRUS_CAT_LIMITS)
		return "Clean (not all of it was scanned)";
	return "Clean";
}

/* "Clean", "Infected (NAME)", "Not scanned (why)". */
static void format_status(const struct virus_message *m, struct gp_buf *out)
{
	const struct virus_verdict *v = &m->verdict;

	if (v->outcome == VIRUS_SCANNED_CLEAN ||
	    (v->outcome == VIRUS_SCANNED_FOUND && !m->decision.is_infected))
		gp_buf_add_cstr(out, clean_text(v));
	else if (v->outcome == VIRUS_SCANNED_FOUND)
		gp_buf_printf(out, "%s (%s)",
			      v->category == VIRUS_CAT_VIRUS ? "Infected" : "Suspicious", v->name);
	else
		gp_buf_printf(out, "Not scanned (%s)", m->decision.reason);
}

static void remove_forged(struct gp_session *s, const struct virus_message *m)
{
	for (size_t i = 0; i < VIRUS_HEADERS; i++)
		if (m->forged[i] &&
		    gp_session_delete_headers(s, virus_header_names[i], m->forged[i]) < 0)
			gp_log_warning("the MTA does not remove %s", virus_header_names[i]);
}

void virus_write_headers(struct gp_session *s, const struct virus_message *m)
{
	GP_BUF_AUTO scanned = GP_BUF_INIT(256), status = GP_BUF_INIT(256);
	bool is_accepted_only = m->decision.action == VIRUS_ACT_ACCEPT;
	int r;

	remove_forged(s, m);
	if (!m->conf->headers || is_accepted_only || m->origin != VIRUS_INBOUND)
		return;
	gp_buf_printf(&scanned, "gatepost milter-virus " GP_VERSION " at %.*s",
		      GP_STR_FMT(gp_str_sub(s->mta_host, 0, 100)));
	format_status(m, &status);
	r = gp_session_add_header(s, virus_header_names[VIRUS_H_SCANNED], gp_buf_cstr(&scanned));
	if (r == GP_OK)
		r = gp_session_add_header(s, virus_header_names[VIRUS_H_STATUS],
					  gp_buf_cstr(&status));
	if (r < 0)
		gp_log_warning("the MTA takes no header from us");
}
