/*
 * Rows of DMARC aggregate reports: made from results, written, read.
 */
#include "lib/auth/dmarc_report.h"

#include <inttypes.h>

#include "lib/base/codec.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"

#define RUA_MAX 500 /* of rua=; a domain has one or two addresses */
#define FO_MAX 20
#define DOMAIN_MAX 255 /* of what a client claims to be */
#define HEAD_MAX 200 /* what is not alike: id, times, number */

enum kind { TEXT, NUMBER, POLICY, STATUS, STRICT, YES, PASSED, METHOD, IP };

/* The order is that of the line; what comes before "domain" is not alike in messages that
 * are otherwise. */
static const struct field {
	const char *key;
	enum kind kind;
	size_t offset;
	bool is_needed;
} fields[] = {
	{"id", TEXT, offsetof(struct gp_dmarc_row, id), false},
	{"begin", NUMBER, offsetof(struct gp_dmarc_row, begin_s), false},
	{"end", NUMBER, offsetof(struct gp_dmarc_row, end_s), false},
	{"n", NUMBER, offsetof(struct gp_dmarc_row, count), true},
	{"domain", TEXT, offsetof(struct gp_dmarc_row, domain), true},
	{"method", METHOD, offsetof(struct gp_dmarc_row, how), false},
	{"p", POLICY, offsetof(struct gp_dmarc_row, p), false},
	{"sp", POLICY, offsetof(struct gp_dmarc_row, sp), false},
	{"np", POLICY, offsetof(struct gp_dmarc_row, np), false},
	{"adkim", STRICT, offsetof(struct gp_dmarc_row, is_strict_dkim), false},
	{"aspf", STRICT, offsetof(struct gp_dmarc_row, is_strict_spf), false},
	{"t", YES, offsetof(struct gp_dmarc_row, is_testing), false},
	{"fo", TEXT, offsetof(struct gp_dmarc_row, fo), false},
	{"rua", TEXT, offsetof(struct gp_dmarc_row, rua), false},
	{"ip", IP, offsetof(struct gp_dmarc_row, client), true},
	{"dmarc", PASSED, offsetof(struct gp_dmarc_row, has_passed), false},
	{"do", POLICY, offsetof(struct gp_dmarc_row, disposition), false},
	{"dkim", PASSED, offsetof(struct gp_dmarc_row, is_dkim_aligned), false},
	{"spf", PASSED, offsetof(struct gp_dmarc_row, is_spf_aligned), false},
	{"why", TEXT, offsetof(struct gp_dmarc_row, override), false},
	{"from", TEXT, offsetof(struct gp_dmarc_row, from), true},
	{"env", TEXT, offsetof(struct gp_dmarc_row, envelope_from), false},
	{"sr", STATUS, offsetof(struct gp_dmarc_row, spf), false},
	{"sd", TEXT, offsetof(struct gp_dmarc_row, spf_domain), false},
};
#define FIRST_ALIKE 4

/* The two words of a truth value. */
static const char *word(enum kind kind, bool value)
{
	switch (kind) {
	case STRICT:
		return value ? "s" : "r";
	case YES:
		return value ? "y" : "n";
	case PASSED:
		return value ? "pass" : "fail";
	case METHOD: /* GP_ORGDOMAIN_PSL */
		return value ? "psl" : "treewalk";
	case TEXT:
	case NUMBER:
	case POLICY:
	case STATUS:
	case IP:
		break;
	}
	return "";
}

/* Making. */

/* Signatures that matter to the report's reader first (RFC 9990, as it ranks them). */
static int rank(const struct gp_auth_result *r, const struct gp_dkim_result *dkim)
{
	if (dkim->status != GP_AUTH_PASS)
		return 3;
	if (gp_str_eq(dkim->domain, r->dmarc.from))
		return 0;
	return r->dmarc.is_dkim_aligned && gp_str_eq(dkim->domain, r->dmarc.dkim_domain) ? 1 : 2;
}

static void take_signatures(const struct gp_auth_result *r, struct gp_dmarc_row *row)
{
	for (int rnk = 0; rnk <= 3; rnk++)
		for (size_t i = 0; i < r->n_dkim; i++) {
			const struct gp_dkim_result *dkim = &r->dkim[i];

			if (rank(r, dkim) != rnk || row->n_signatures == GP_DMARC_ROW_SIGNATURES ||
			    !dkim->domain.len)
				continue;
			row->signatures[row->n_signatures++] = (struct gp_dmarc_row_signature){
				.status = dkim->status,
				.domain = dkim->domain,
				.selector = dkim->selector,
			};
		}
}

/* At most `max` bytes, whole entries of the list. */
static struct gp_str cut_list(struct gp_str list, size_t max)
{
	size_t comma;

	if (list.len <= max)
		return list;
	list = gp_str_sub(list, 0, max);
	comma = gp_str_find_last(list, ',');
	return gp_str_sub(list, 0, comma < list.len ? comma : 0);
}

static struct gp_str domain_of(struct gp_str address)
{
	return gp_str_sub(address, gp_str_find_last(address, '@') + 1, DOMAIN_MAX);
}

static void take_policy(const struct gp_dmarc_record *r, struct gp_dmarc_row *row)
{
	row->p = r->p;
	row->sp = r->sp;
	row->np = r->np;
	row->is_strict_dkim = r->is_strict_dkim;
	row->is_strict_spf = r->is_strict_spf;
	row->is_testing = r->is_testing;
	row->fo = r->fo.len && r->fo.len <= FO_MAX ? r->fo : GP_STR("0");
	row->rua = cut_list(r->rua, RUA_MAX);
}

bool gp_dmarc_row_make(const struct gp_dmarc_seen *seen, struct gp_dmarc_row *ret)
{
	const struct gp_auth_result *r = seen->result;
	const struct gp_dmarc_result *d = &r->dmarc;
	struct gp_dmarc_record record;

	if (!d->has_record || !d->wants_reports ||
	    (d->status != GP_AUTH_PASS && d->status != GP_AUTH_FAIL) ||
	    gp_dmarc_record_parse(d->record, &record, NULL) < 0)
		return false;
	*ret = (struct gp_dmarc_row){
		.begin_s = seen->now_s,
		.end_s = seen->now_s,
		.count = 1,
		.domain = d->record_domain,
		.how = seen->how,
		.client = seen->client,
		.has_passed = d->status == GP_AUTH_PASS,
		.is_dkim_aligned = d->is_dkim_aligned,
		.is_spf_aligned = d->is_spf_aligned,
		.from = d->from,
		.envelope_from = domain_of(seen->mailfrom),
		.spf = r->mailfrom.status,
		.spf_domain = gp_str_sub(r->mailfrom.domain, 0, DOMAIN_MAX),
	};
	take_policy(&record, ret);
	if (!ret->has_passed) {
		ret->disposition = seen->disposition;
		ret->override = gp_str(seen->override);
		if (!ret->override.len && d->policy != d->published)
			ret->override = GP_STR("policy_test_mode");
	}
	take_signatures(r, ret);
	return true;
}

/* Writing. */

static void add_text(struct gp_buf *out, struct gp_str s, char also)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c <= ' ' || c > '~' || c == '\\' || c == also)
			gp_buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
		else
			gp_buf_add_chr(out, c);
	}
}

static void add_value(struct gp_buf *out, const struct field *f, const struct gp_dmarc_row *row)
{
	const void *at = (const char *)row + f->offset;
	char ip[GP_IP_TEXT];

	switch (f->kind) {
	case TEXT:
		add_text(out, *(const struct gp_str *)at, '\\');
		return;
	case NUMBER:
		gp_buf_printf(out, "%" PRId64, *(const int64_t *)at);
		return;
	case POLICY:
		gp_buf_add_cstr(out, gp_dmarc_policy_name(*(const enum gp_dmarc_policy *)at));
		return;
	case STATUS:
		gp_buf_add_cstr(out, gp_auth_status_name(*(const enum gp_auth_status *)at));
		return;
	case METHOD:
		gp_buf_add_cstr(out,
				word(METHOD, *(const enum gp_orgdomain *)at == GP_ORGDOMAIN_PSL));
		return;
	case IP:
		gp_buf_add_cstr(out, gp_ip_format(at, ip));
		return;
	case STRICT:
	case YES:
	case PASSED:
		gp_buf_add_cstr(out, word(f->kind, *(const bool *)at));
		return;
	}
}

static void add_signatures(struct gp_buf *out, const struct gp_dmarc_row *row, size_t from)
{
	for (size_t i = 0; i < row->n_signatures; i++) {
		const struct gp_dmarc_row_signature *s = &row->signatures[i];
		size_t len = out->len;

		gp_buf_printf(out, " sig=%s:", gp_auth_status_name(s->status));
		add_text(out, s->domain, ':');
		gp_buf_add_chr(out, ':');
		add_text(out, s->selector, ':');
		if (out->len - from > GP_MAX_DMARC_ROW - HEAD_MAX) {
			out->len = len;
			out->data[len] = '\0';
			return;
		}
	}
}

static void format(const struct gp_dmarc_row *row, size_t first, struct gp_buf *out)
{
	size_t from = out->len;

	gp_buf_add_cstr(out, "v=1");
	for (size_t i = first; i < GP_ARRAY_SIZE(fields); i++) {
		gp_buf_printf(out, " %s=", fields[i].key);
		add_value(out, &fields[i], row);
	}
	add_signatures(out, row, from);
}

void gp_dmarc_row_format(const struct gp_dmarc_row *row, struct gp_buf *out)
{
	format(row, 0, out);
}

void gp_dmarc_row_format_alike(const struct gp_dmarc_row *row, struct gp_buf *out)
{
	format(row, FIRST_ALIKE, out);
}

/* Reading. */

/* Undoes add_text; GP_EINVAL on a backslash that begins no \xNN. */
static int read_text(struct gp_arena *arena, struct gp_str s, struct gp_str *ret)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_MAX_DMARC_ROW);
	size_t i = 0;

	while (i < s.len) {
		size_t slash = gp_str_find_chr(s, '\\', i);

		gp_buf_add_str(&out, gp_str_sub(s, i, slash - i));
		if (slash == s.len)
			break;
		if (slash + 4 > s.len || s.ptr[slash + 1] != 'x' ||
		    gp_hex_decode(gp_str_sub(s, slash + 2, 2), &out) < 0)
			return GP_EINVAL;
		i = slash + 4;
	}
	*ret = gp_arena_str(arena, gp_buf_str(&out));
	return GP_OK;
}

static int read_policy(struct gp_str s, enum gp_dmarc_policy *ret)
{
	for (int i = GP_DMARC_NONE; i <= GP_DMARC_REJECT; i++)
		if (gp_str_eq(s, gp_str(gp_dmarc_policy_name((enum gp_dmarc_policy)i)))) {
			*ret = (enum gp_dmarc_policy)i;
			return GP_OK;
		}
	return GP_EINVAL;
}

static int read_word(enum kind kind, struct gp_str s, bool *ret)
{
	*ret = gp_str_eq(s, gp_str(word(kind, true)));
	return *ret || gp_str_eq(s, gp_str(word(kind, false))) ? GP_OK : GP_EINVAL;
}

static int read_value(struct gp_arena *arena, const struct field *f, struct gp_str s,
		      struct gp_dmarc_row *row)
{
	void *at = (char *)row + f->offset;
	bool is_psl;
	int r;

	switch (f->kind) {
	case TEXT:
		return read_text(arena, s, at);
	case NUMBER:
		r = gp_num_parse_int(s, at);
		return r == GP_OK && *(int64_t *)at >= 0 ? GP_OK : GP_EINVAL;
	case POLICY:
		return read_policy(s, at);
	case STATUS:
		return gp_auth_status_parse(s, at) ? GP_OK : GP_EINVAL;
	case METHOD:
		r = read_word(METHOD, s, &is_psl);
		*(enum gp_orgdomain *)at = is_psl ? GP_ORGDOMAIN_PSL : GP_ORGDOMAIN_TREE_WALK;
		return r;
	case IP:
		return gp_ip_parse(s, at);
	case STRICT:
	case YES:
	case PASSED:
		return read_word(f->kind, s, at);
	}
	return GP_EINVAL;
}

static int read_signature(struct gp_arena *arena, struct gp_str s, struct gp_dmarc_row *row)
{
	struct gp_dmarc_row_signature *sig = &row->signatures[row->n_signatures];
	size_t one = gp_str_find_chr(s, ':', 0), two = gp_str_find_chr(s, ':', one + 1);

	if (two >= s.len || gp_str_find_chr(s, ':', two + 1) < s.len ||
	    row->n_signatures == GP_DMARC_ROW_SIGNATURES ||
	    !gp_auth_status_parse(gp_str_sub(s, 0, one), &sig->status) ||
	    read_text(arena, gp_str_sub(s, one + 1, two - one - 1), &sig->domain) < 0 ||
	    read_text(arena, gp_str_sub(s, two + 1, s.len), &sig->selector) < 0)
		return GP_EINVAL;
	row->n_signatures++;
	return GP_OK;
}

static int read_pair(struct gp_arena *arena, struct gp_str pair, struct gp_dmarc_row *row,
		     uint32_t *seen)
{
	size_t equals = gp_str_find_chr(pair, '=', 0);
	struct gp_str key = gp_str_sub(pair, 0, equals);
	struct gp_str value = gp_str_sub(pair, equals + 1, pair.len);

	if (equals == pair.len)
		return GP_EINVAL;
	if (gp_str_eq(key, GP_STR("sig")))
		return read_signature(arena, value, row);
	for (size_t i = 0; i < GP_ARRAY_SIZE(fields); i++)
		if (gp_str_eq(key, gp_str(fields[i].key))) {
			*seen |= 1U << i;
			return read_value(arena, &fields[i], value, row);
		}
	return GP_OK;
}

int gp_dmarc_row_parse(struct gp_arena *arena, struct gp_str line, struct gp_dmarc_row *ret,
		       struct gp_diag *diag)
{
	struct gp_str pair;
	uint32_t seen = 0;

	*ret = (struct gp_dmarc_row){0};
	if (line.len > GP_MAX_DMARC_ROW) {
		gp_diag_set(diag, "a row of %zu bytes", line.len);
		return GP_ELIMIT;
	}
	if (!gp_str_next_word(&line, &pair) || !gp_str_eq(pair, GP_STR("v=1"))) {
		gp_diag_set(diag, "not a row of version 1");
		return GP_EINVAL;
	}
	while (gp_str_next_word(&line, &pair))
		if (read_pair(arena, pair, ret, &seen) < 0) {
			gp_diag_set(diag, "malformed: %.*s", GP_STR_FMT(gp_str_sub(pair, 0, 200)));
			return GP_EINVAL;
		}
	for (size_t i = 0; i < GP_ARRAY_SIZE(fields); i++)
		if (fields[i].is_needed && !(seen & 1U << i)) {
			gp_diag_set(diag, "%s= is missing", fields[i].key);
			return GP_EINVAL;
		}
	return GP_OK;
}

struct gp_str gp_dmarc_ring(int64_t day)
{
	static const char *const rings[GP_DMARC_RINGS] = {
		"dkim-dmarc-0", "dkim-dmarc-1", "dkim-dmarc-2", "dkim-dmarc-3",
		"dkim-dmarc-4", "dkim-dmarc-5", "dkim-dmarc-6", "dkim-dmarc-7",
	};

	return gp_str(rings[(uint64_t)day % GP_DMARC_RINGS]);
}
