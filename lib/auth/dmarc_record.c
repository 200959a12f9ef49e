/*
 * DMARC policy records (RFC 9989, 4.7 and 4.8).
 *
 * Not read by lib/auth/tags.h: a tag list of DKIM is void when one tag is malformed,
 * whereas here all but the version is passed over piece by piece.  The ABNF makes
 * names and values case-insensitive, except for "DMARC1".
 */
#include "lib/auth/dmarc.h"

#include "lib/base/num.h"

enum tag {
	TAG_P,
	TAG_SP,
	TAG_NP,
	TAG_ADKIM,
	TAG_ASPF,
	TAG_PSD,
	TAG_T,
	TAG_PCT,
	TAG_RUA,
	TAG_RUF,
	TAG_FO
};

struct reading {
	struct gp_dmarc_record *record;
	unsigned seen; /* a bit a tag */
	unsigned bad;  /* likewise: those with a value that is none */
};

static bool has(const struct reading *r, enum tag tag)
{
	return r->seen & 1U << tag;
}

static bool read_policy(struct gp_str value, enum gp_dmarc_policy *ret)
{
	for (int i = GP_DMARC_NONE; i <= GP_DMARC_REJECT; i++)
		if (gp_str_ieq(value, gp_str(gp_dmarc_policy_name((enum gp_dmarc_policy)i)))) {
			*ret = (enum gp_dmarc_policy)i;
			return true;
		}
	return false;
}

/* One letter out of a set. */
static bool read_letter(struct gp_str value, const char *set, char *ret)
{
	if (value.len != 1 || !strchr(set, gp_lower(value.ptr[0])) || !value.ptr[0])
		return false;
	*ret = gp_lower(value.ptr[0]);
	return true;
}

static bool read_flag(struct gp_str value, const char *set, bool *ret)
{
	char c;

	if (!read_letter(value, set, &c))
		return false;
	*ret = c == set[0];
	return true;
}

static bool read_pct(struct gp_str value, unsigned *ret)
{
	uint64_t n;

	if (gp_num_parse_uint(value, 10, &n) < 0 || n > 100)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* A URI by its outline (RFC 3986): a scheme, and something behind it; of mailto an
 * address. */
static bool is_uri(struct gp_str uri)
{
	size_t colon = gp_str_find_chr(uri, ':', 0);
	struct gp_str scheme = gp_str_sub(uri, 0, colon),
		      rest = gp_str_sub(uri, colon + 1, uri.len);
	size_t at = gp_str_find_chr(rest, '@', 0);

	if (!scheme.len || !rest.len || !gp_is_alpha(scheme.ptr[0]))
		return false;
	for (size_t i = 0; i < scheme.len; i++)
		if (!gp_is_alnum(scheme.ptr[i]) && !strchr("+-.", scheme.ptr[i]))
			return false;
	for (size_t i = 0; i < rest.len; i++)
		if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~')
			return false;
	return !gp_str_ieq(scheme, GP_STR("mailto")) || (at > 0 && at + 1 < rest.len);
}

static bool has_uri(struct gp_str list)
{
	struct gp_str uri;

	while (gp_str_next(&list, ',', &uri)) {
		uri = gp_str_trim(uri);
		if (is_uri(gp_str_sub(uri, 0, gp_str_find_chr(uri, '!', 0)))) /* obsolete "!10m" */
			return true;
	}
	return false;
}

static bool read_value(struct gp_dmarc_record *r, enum tag tag, struct gp_str value)
{
	switch (tag) {
	case TAG_P:
		return read_policy(value, &r->p);
	case TAG_SP:
		return read_policy(value, &r->sp);
	case TAG_NP:
		return read_policy(value, &r->np);
	case TAG_ADKIM:
		return read_flag(value, "sr", &r->is_strict_dkim);
	case TAG_ASPF:
		return read_flag(value, "sr", &r->is_strict_spf);
	case TAG_PSD:
		return read_letter(value, "ynu", &r->psd);
	case TAG_T:
		return read_flag(value, "yn", &r->is_testing);
	case TAG_PCT:
		return read_pct(value, &r->pct);
	case TAG_RUA:
		r->rua = value;
		r->wants_reports = has_uri(value);
		return r->wants_reports;
	case TAG_RUF:
		r->ruf = value;
		return has_uri(value);
	case TAG_FO:
		r->fo = value;
		return true;
	}
	return false;
}

static void read_tag(struct reading *r, struct gp_str piece)
{
	static const struct {
		const char *name;
		enum tag tag;
	} tags[] = {
		{"p", TAG_P},	    {"sp", TAG_SP},   {"np", TAG_NP}, {"adkim", TAG_ADKIM},
		{"aspf", TAG_ASPF}, {"psd", TAG_PSD}, {"t", TAG_T},   {"pct", TAG_PCT},
		{"rua", TAG_RUA},   {"ruf", TAG_RUF}, {"fo", TAG_FO},
	};
	size_t equals = gp_str_find_chr(piece, '=', 0);
	struct gp_str name = gp_str_trim(gp_str_sub(piece, 0, equals));
	struct gp_str value = gp_str_trim(gp_str_sub(piece, equals + 1, piece.len));

	if (equals == piece.len)
		return;
	for (size_t i = 0; i < GP_ARRAY_SIZE(tags); i++) {
		if (!gp_str_ieq(name, gp_str(tags[i].name)) || has(r, tags[i].tag))
			continue;
		r->seen |= 1U << tags[i].tag;
		if (!read_value(r->record, tags[i].tag, value))
			r->bad |= 1U << tags[i].tag;
	}
}

static bool is_version(struct gp_str piece)
{
	size_t equals = gp_str_find_chr(piece, '=', 0);

	return gp_str_ieq(gp_str_trim(gp_str_sub(piece, 0, equals)), GP_STR("v")) &&
	       gp_str_eq(gp_str_trim(gp_str_sub(piece, equals + 1, piece.len)), GP_STR("DMARC1"));
}

int gp_dmarc_record_parse(struct gp_str text, struct gp_dmarc_record *ret, struct gp_diag *diag)
{
	const unsigned policies = 1U << TAG_P | 1U << TAG_SP | 1U << TAG_NP;
	struct reading r = {.record = ret};
	struct gp_str piece;

	*ret = (struct gp_dmarc_record){.psd = 'u', .pct = 100};
	if (!gp_str_next(&text, ';', &piece) || !is_version(piece)) {
		gp_diag_set(diag, "does not begin with v=DMARC1");
		return GP_ENOENT;
	}
	while (gp_str_next(&text, ';', &piece))
		read_tag(&r, piece);
	ret->has_p = has(&r, TAG_P);
	if (r.bad & policies) {
		ret->p = ret->sp = ret->np = GP_DMARC_NONE;
		if (ret->wants_reports)
			return GP_OK;
		gp_diag_set(diag, "%s= is not none, quarantine or reject",
			    r.bad & 1U << TAG_P	   ? "p"
			    : r.bad & 1U << TAG_SP ? "sp"
						   : "np");
		return GP_EINVAL;
	}
	if (!has(&r, TAG_SP))
		ret->sp = ret->p;
	if (!has(&r, TAG_NP))
		ret->np = ret->sp;
	return GP_OK;
}
