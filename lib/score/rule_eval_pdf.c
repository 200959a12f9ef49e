/*
 * Eval functions over attached PDF files, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::PDFInfo).
 */
#include "lib/base/num.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_pcre.h"
#include "lib/score/rule_pdf.h"
#include "lib/score/rule_regex.h"

static const struct gp_pdf *pdf_of(struct gp_eval *e)
{
	struct gp_pdf *pdf = e->memo[GP_EVAL_PDF];

	if (!pdf) {
		pdf = e->memo[GP_EVAL_PDF] = GP_ARENA_NEW(e->arena, struct gp_pdf);
		gp_pdf_read_all(e->arena, e->in->message, pdf);
	}
	return pdf;
}

/* MIN [, MAX], both included. */
static bool is_within(double value, const struct gp_str *args, size_t n_args)
{
	double min, max;

	return gp_num_parse_double(args[0], &min) == GP_OK && value >= min &&
	       (n_args < 2 || (gp_num_parse_double(args[1], &max) == GP_OK && value <= max));
}

static bool pdf_named(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		      size_t n_args)
{
	const struct gp_pdf *pdf = pdf_of(e);

	for (size_t i = 0; i < pdf->names.len; i++)
		if (gp_str_eq(pdf->names.items[i], args[0]))
			return true;
	return false;
}

/* Does one of the texts match the pattern ("/…/i", or without delimiters)? */
static bool any_matches(struct gp_eval *e, struct gp_str pattern, const struct gp_str *texts, size_t n)
{
	struct gp_regex re;
	bool limited = false;

	if (n == 0)
		return false;
	if (gp_regex_parse(e->arena, pattern, &re, NULL))
		re = (struct gp_regex){.text = gp_str(gp_arena_cstr(e->arena, pattern))};
	re.flags |= GP_REGEX_ONCE;
	if (gp_pcre_compile(e->arena, &re, NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		if (gp_pcre_count(e->pcre, &re, texts[i], 1, NULL, &limited)) {
			e->evidence = texts[i];
			return true;
		}
	return false;
}

static bool pdf_name_regex(struct gp_eval *e, const struct gp_rule_eval *row,
			   const struct gp_str *args, size_t n_args)
{
	const struct gp_pdf *pdf = pdf_of(e);

	return any_matches(e, args[0], pdf->names.items, pdf->names.len);
}

/* DETAIL, PATTERN */
static bool pdf_match_details(struct gp_eval *e, const struct gp_rule_eval *row,
			      const struct gp_str *args, size_t n_args)
{
	const struct gp_pdf *pdf = pdf_of(e);

	for (size_t i = 0; i < GP_PDF_DETAILS; i++)
		if (gp_str_eq(args[0], gp_str(gp_pdf_detail_names[i])))
			return any_matches(e, args[1], pdf->details[i].items, pdf->details[i].len);
	return false;
}

static bool pdf_is_encrypted(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	return pdf_of(e)->is_encrypted;
}

static bool pdf_count(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		      size_t n_args)
{
	return is_within(pdf_of(e)->files, args, n_args);
}

static bool pdf_image_count(struct gp_eval *e, const struct gp_rule_eval *row,
			    const struct gp_str *args, size_t n_args)
{
	return is_within(pdf_of(e)->images, args, n_args);
}

static bool pdf_pixel_coverage(struct gp_eval *e, const struct gp_rule_eval *row,
			       const struct gp_str *args, size_t n_args)
{
	return pdf_of(e)->area > 0 && is_within(pdf_of(e)->area, args, n_args);
}

/* Bytes of the text that the kind of rule reads; without_subject: not its first line. */
static size_t text_length(struct gp_eval *e, bool without_subject, bool only_words)
{
	const struct gp_rule_subject *s =
		gp_eval_subject(e, e->rule->is_raw ? GP_RULE_RAWBODY : GP_RULE_BODY);
	size_t n = 0;

	for (size_t i = without_subject; i < s->segments.len; i++)
		if (!only_words || gp_str_trim(gp_rule_segment_text(s, i)).len)
			n += s->segments.items[i].len;
	return n;
}

static bool pdf_image_to_text_ratio(struct gp_eval *e, const struct gp_rule_eval *row,
				    const struct gp_str *args, size_t n_args)
{
	const struct gp_pdf *pdf = pdf_of(e);
	size_t length = pdf->area > 0 ? text_length(e, false, false) : 0;
	double ratio, max;

	if (length == 0 || gp_num_parse_double(args[1], &max))
		return false;
	ratio = (double)length / pdf->area;
	return is_within(ratio, args, n_args) && ratio < max;
}

/* pdf_is_empty_body([BYTES]) */
static bool pdf_is_empty_body(struct gp_eval *e, const struct gp_rule_eval *row,
			      const struct gp_str *args, size_t n_args)
{
	double max = 0;

	if (n_args && gp_num_parse_double(args[0], &max))
		return false;
	return pdf_of(e)->files && (double)text_length(e, true, true) <= max;
}

static bool pdf_image_size_exact(struct gp_eval *e, const struct gp_rule_eval *row,
				 const struct gp_str *args, size_t n_args)
{
	const struct gp_pdf *pdf = pdf_of(e);
	double height, width;

	if (gp_num_parse_double(args[0], &height) || gp_num_parse_double(args[1], &width))
		return false;
	for (size_t i = 0; i < pdf->sizes.len; i++)
		if (pdf->sizes.items[i].height == height && pdf->sizes.items[i].width == width)
			return true;
	return false;
}

/* Least height and width, greatest height and width. */
static bool pdf_image_size_range(struct gp_eval *e, const struct gp_rule_eval *row,
				 const struct gp_str *args, size_t n_args)
{
	const struct gp_pdf *pdf = pdf_of(e);

	for (size_t i = 0; i < pdf->sizes.len; i++) {
		struct gp_str high[2] = {args[0], n_args > 2 ? args[2] : GP_STR("")};
		struct gp_str wide[2] = {args[1], n_args > 3 ? args[3] : GP_STR("")};

		if (is_within(pdf->sizes.items[i].height, high, n_args > 2 ? 2 : 1) &&
		    is_within(pdf->sizes.items[i].width, wide, n_args > 3 ? 2 : 1))
			return true;
	}
	return false;
}

/* flag: of its beginning, or of the names of its tags; else of the whole file. */
static bool pdf_match_md5(struct gp_eval *e, const struct gp_rule_eval *row,
			  const struct gp_str *args, size_t n_args)
{
	const struct gp_pdf *pdf = pdf_of(e);
	const struct gp_str *sums = row->flag ? pdf->fuzzy_md5.items : pdf->md5.items;
	size_t n = row->flag ? pdf->fuzzy_md5.len : pdf->md5.len;

	for (size_t i = 0; i < n; i++)
		if (gp_str_ieq(sums[i], args[0]))
			return true;
	return false;
}

const struct gp_rule_eval gp_rule_evals_pdf[] = {
	{"pdf_count", 1, 2, pdf_count, 0, false},
	{"pdf_image_count", 1, 2, pdf_image_count, 0, false},
	{"pdf_image_size_exact", 2, 2, pdf_image_size_exact, 0, false},
	{"pdf_image_size_range", 2, 4, pdf_image_size_range, 0, false},
	{"pdf_image_to_text_ratio", 2, 2, pdf_image_to_text_ratio, 0, false},
	{"pdf_is_empty_body", 0, 1, pdf_is_empty_body, 0, false},
	{"pdf_is_encrypted", 0, 0, pdf_is_encrypted, 0, false},
	{"pdf_match_details", 2, 2, pdf_match_details, 0, false},
	{"pdf_match_fuzzy_md5", 1, 1, pdf_match_md5, 0, true},
	{"pdf_match_md5", 1, 1, pdf_match_md5, 0, false},
	{"pdf_name_regex", 1, 1, pdf_name_regex, 0, false},
	{"pdf_named", 1, 1, pdf_named, 0, false},
	{"pdf_pixel_coverage", 1, 2, pdf_pixel_coverage, 0, false},
	{0},
};
