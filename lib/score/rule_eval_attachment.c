/*
 * Eval functions over attached files by their names and first bytes
 * (Mail::SpamAssassin::Plugin::AntiVirus), and over the signature below a plain text
 * (::BodyEval, plaintext_…).
 */
#include <math.h>

#include "lib/base/num.h"
#include "lib/score/rule_eval_text.h"

static const char executable_name[] =
	"\\.(?:ade|adp|asx|bas|bat|chm|cmd|com|cpl|crt|dll|exe|hlp|hta|inf|ins|isp|jse?|lnk|md[abetwz]|"
	"ms[cipt]|nws|ops|pcd|pif|prf|reg|scf|scr.?|sct|sh[bs]|shm|swf|url|vb[esx]?|vxd|ws[cfh])$";
/* "MZ…" as base64; the same as uuencode writes it. */
static const char executable_base64[] = "^\\s*TV[opqr].A..[AB].[AQgw][A-H].A";
static const char executable_uuencoded[] = "(?m)^M35[GHIJK].`..`..*````";

static bool is_executable(struct gp_eval *e, const struct gp_part *p)
{
	if (p->filename.len && gp_eval_matches(e, executable_name, GP_REGEX_CASELESS, p->filename))
		return true;
	if (gp_str_eq(p->encoding, GP_STR("base64")))
		return gp_eval_matches(e, executable_base64, 0, gp_str_sub(p->raw, 0, 200));
	return gp_str_starts(p->type, GP_STR("text/")) &&
	       gp_eval_matches(e, executable_uuencoded, 0, p->raw);
}

static bool check_executable(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;

	for (size_t i = 0; i < m->parts.len; i++)
		if (!(m->parts.items[i].flags & GP_PART_MULTIPART) &&
		    is_executable(e, &m->parts.items[i])) {
			e->evidence = m->parts.items[i].filename;
			return true;
		}
	return false;
}

/* Extensions, and the types that they go with. */
static const struct {
	const char *extension, *type;
} kinds[] = {
	{"^(?:txt|[px]?html?|xml)$",
	 "^(?:text/(?:plain|[px]?html?|english|sgml|xml|enriched|richtext)|message/external-body)"},
	{"^(?:jpe?g|tiff?|gif|png)$", "^(?:image/|application/mac-binhex)"},
	{"^vcf$", "^text/vcard$"},
	{"^(?:bat|com|exe|pif|scr|swf|vbs)$", "^application/"},
	{"^doc$", "^application/.*word$"},
	{"^ppt$", "^application/.*(?:powerpoint|ppt)$"},
	{"^xls$", "^application/.*excel$"},
};

/* "application/x-msword" as "application/msword" */
static struct gp_str plain_type(struct gp_eval *e, struct gp_str type)
{
	size_t slash = gp_str_find_chr(type, '/', 0);
	struct gp_str rest = gp_str_sub(type, slash + 1, SIZE_MAX);
	size_t skip = gp_str_starts(rest, GP_STR("x-"))	     ? 2
		      : gp_str_starts(rest, GP_STR("vnd.")) ? 4
							     : 0;

	if (!skip)
		return type;
	return gp_str(gp_arena_printf(e->arena, "%.*s/%.*s", GP_STR_FMT(gp_str_sub(type, 0, slash)),
				      GP_STR_FMT(gp_str_sub(rest, skip, SIZE_MAX))));
}

static bool is_suspect(struct gp_eval *e, const struct gp_part *p)
{
	struct gp_str extension = gp_eval_lower(e, gp_str_after_last(p->filename, '.'));
	struct gp_str type;

	if (p->filename.len == 0 || gp_str_eq(p->type, GP_STR("application/octet-stream")))
		return false;
	type = plain_type(e, p->type);
	for (size_t i = 0; i < GP_ARRAY_SIZE(kinds); i++)
		if (gp_eval_matches(e, kinds[i].extension, 0, extension))
			return !gp_eval_matches(e, kinds[i].type, 0, type);
	return false;
}

static bool check_suspect_name(struct gp_eval *e, const struct gp_rule_eval *row,
			       const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;

	for (size_t i = 0; i < m->parts.len; i++)
		if (is_suspect(e, &m->parts.items[i])) {
			e->evidence = m->parts.items[i].filename;
			return true;
		}
	return false;
}

enum { BODY, SIGNATURE, RATIO };

/* The text above its last line "-- " and what is below; at the very end that line is a decoy. */
static bool split(const struct gp_message *m, double *ret_body, double *ret_signature)
{
	struct gp_str text = {0}, line;
	size_t at = 0;

	for (size_t i = 0; i < m->parts.len && !text.ptr; i++)
		if (gp_str_eq(m->parts.items[i].type, GP_STR("text/plain")) &&
		    m->parts.items[i].decoded.ptr)
			text = m->parts.items[i].decoded;
	*ret_body = (double)text.len;
	*ret_signature = 0;
	if (!text.ptr)
		return false;
	for (struct gp_str rest = text; gp_str_next(&rest, '\n', &line); at += line.len + 1) {
		size_t end = at + line.len;

		if ((!gp_str_eq(line, GP_STR("--")) && !gp_str_eq(line, GP_STR("-- "))) ||
		    text.len - end <= 4)
			continue;
		*ret_body = (double)at;
		*ret_signature = (double)(text.len - end);
	}
	return true;
}

/* plaintext_…(MIN [, MAX]) */
static bool check_plain(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
			size_t n_args)
{
	double body, signature, min = 0, max = HUGE_VAL, value;

	if (!split(e->in->message, &body, &signature) || !gp_eval_number(args[0], &min) ||
	    (n_args > 1 && !gp_eval_number(args[1], &max)))
		return false;
	value = row->what == BODY	 ? body
		: row->what == SIGNATURE ? signature
		: signature > 0		 ? body / signature
					 : 1e6;
	return value >= min && value <= (row->what == RATIO ? GP_MIN(max, 1e6) : max);
}

const struct gp_rule_eval gp_rule_evals_attachment[] = {
	{"check_microsoft_executable", 0, 0, check_executable, 0, false},
	{"check_suspect_name", 0, 0, check_suspect_name, 0, false},
	{"plaintext_body_length", 1, 2, check_plain, BODY, false},
	{"plaintext_sig_length", 1, 2, check_plain, SIGNATURE, false},
	{"plaintext_body_sig_ratio", 1, 2, check_plain, RATIO, false},
	{0},
};
