/*
 * Eval functions over headers, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::HeaderEval); dates and providers have files of their own.
 */
#include "lib/score/rule_eval_text.h"

#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/score/rule_host.h"

#define SORTED_MIN 7  /* addresses before an order means something */
#define SIMILAR_MIN 5
#define SIMILAR_LEN 2 /* bytes compared */
#define ADDRESSES_MAX 256

static bool has(struct gp_str s, const char *needle)
{
	return gp_str_find(s, gp_str(needle), 0) < s.len;
}

static char *copy(char *to, struct gp_str s, char end)
{
	if (s.len)
		memcpy(to, s.ptr, s.len);
	to[s.len] = end;
	return to + s.len + 1;
}

static struct gp_str all_raw(struct gp_eval *e)
{
	const struct gp_message *m = e->in->message;
	char *all, *end;
	size_t len = 0;

	for (size_t i = 0; i < m->headers.len; i++)
		len += m->headers.items[i].name.len + m->headers.items[i].raw.len + 2;
	all = end = gp_arena_alloc(e->arena, len + 1);
	for (size_t i = 0; i < m->headers.len; i++) {
		end = copy(end, m->headers.items[i].name, ':');
		end = copy(end, m->headers.items[i].raw, '\n');
	}
	return gp_str_n(all, len);
}

/* check_illegal_chars(HEADER, RATIO, COUNT): bytes that may not stand there undeclared. */
static bool check_illegal_chars(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	const char *name = gp_arena_cstr(e->arena, args[0]);
	bool is_all = gp_str_eq(args[0], GP_STR("ALL")), is_8bit = false;
	struct gp_str s = is_all ? all_raw(e) : gp_eval_raw_header(e, name);
	double ratio = 0, count = 0;
	unsigned illegal = 0, controls = 0, signs = 0;

	if (gp_num_parse_double(args[1], &ratio) || gp_num_parse_double(args[2], &count) ||
	    gp_str_trim(s).len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c >= ' ' && c < 0x7f)
			continue;
		controls += c < ' ' && c != '\t' && c != '\n' && c != '\r';
		illegal += c >= 0x7f;
		is_8bit |= c > 0x7f;
		signs += c == 0xa2 || c == 0xa3 || c == 0xae; /* cent, pound, registered */
	}
	if (is_8bit && controls == 0 && gp_utf8_is_valid(s))
		return false;
	illegal += controls;
	if (illegal && signs == 1 && gp_str_ieq(args[0], GP_STR("Subject")))
		illegal--;
	return (double)illegal / (double)s.len >= ratio && illegal >= count;
}

/* check_header_count_range(HEADER, MIN, MAX): how many there are that differ. */
static bool check_header_count_range(struct gp_eval *e, const struct gp_rule_eval *row,
				     const struct gp_str *args, size_t n_args)
{
	const char *name = gp_arena_cstr(e->arena, args[0]);
	struct gp_eval_addrs seen = {0};
	const struct gp_header *h;
	double min = 0, max = 0;

	for (unsigned i = 0; (h = gp_message_header_n(e->in->message, name, i)); i++) {
		size_t k = 0;

		while (k < seen.items.len && !gp_str_eq(seen.items.items[k], h->value))
			k++;
		if (k == seen.items.len)
			*gp_vec_push(e->arena, &seen.items) = h->value;
	}
	return !gp_num_parse_double(args[1], &min) && !gp_num_parse_double(args[2], &max) &&
	       (double)seen.items.len >= min && (double)seen.items.len <= max;
}

static struct gp_str without_reply_marks(struct gp_str s)
{
	static const struct gp_str marks[] = {{"re:", 3}, {"fwd:", 4}, {"fw:", 3}, {"aw:", 3},
					      {"antwort:", 8}, {"wg:", 3}, {"sv:", 3}, {"vb:", 3},
					      {"vs:", 3}, {"vl:", 3}};
	bool again = true;

	while (again) {
		again = false;
		s = gp_str_trim(s);
		for (size_t i = 0; i < GP_ARRAY_SIZE(marks) && !again; i++) {
			again = gp_str_istarts(s, marks[i]);
			if (again)
				s = gp_str_sub(s, marks[i].len, s.len);
		}
	}
	return s;
}

static bool subject_is_all_caps(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	static const char charsets[] = /* whose decoding may look so */
		"=\\?[-_a-z0-9]*(?:koi|jp|jis|euc|gb|big5|isoir|cp1251|windows-1251|georgianps|"
		"pt154|tis)[-_a-z0-9]*\\?";
	struct gp_str s = without_reply_marks(gp_eval_header(e, "Subject"));
	bool has_space = false, has_letter = false;

	if (s.len < 10)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		has_space |= gp_is_space(s.ptr[i]);
		has_letter |= gp_is_alpha(s.ptr[i]);
		if (s.ptr[i] >= 'a' && s.ptr[i] <= 'z')
			return false;
	}
	return has_space && has_letter &&
	       !gp_eval_matches(e, charsets, GP_REGEX_CASELESS, gp_eval_raw_header(e, "Subject"));
}

/* check_for_to_in_subject('address' or 'user'): the recipient is greeted in the Subject. */
static bool check_for_to_in_subject(struct gp_eval *e, const struct gp_rule_eval *row,
				    const struct gp_str *args, size_t n_args)
{
	struct gp_str to = gp_eval_addr(e, "To"), subject = gp_eval_header(e, "Subject"), user;
	const char *quoted;

	if (!to.len)
		return false;
	user = gp_str_sub(to, 0, gp_str_find_chr(to, '@', 0));
	if (gp_str_eq(args[0], GP_STR("address"))) {
		if (gp_str_ifind(subject, to, 0) >= subject.len)
			return false;
		quoted = gp_arena_printf(e->arena, "\\b\\Q%.*s\\E\\b", GP_STR_FMT(to));
		return gp_eval_matches_once(e, quoted, GP_REGEX_CASELESS, subject);
	}
	if (!user.len || !(gp_str_istarts(subject, user) || gp_str_starts(subject, GP_STR(",")) ||
			   gp_str_iends(gp_str_trim(subject), user)))
		return false;
	quoted = gp_arena_printf(e->arena,
				 "^(?:(?:re|fw):\\s*(?:\\w+\\s+)?\\Q%.*s\\E$|"
				 "(?-i:\\Q%.*s\\E)\\s*[,:;!?-](?:$|\\s)|\\Q%.*s\\E$|"
				 ",\\s*\\Q%.*s\\E[,:;!?-]$)",
				 GP_STR_FMT(user), GP_STR_FMT(user), GP_STR_FMT(user), GP_STR_FMT(user));
	return gp_eval_matches_once(e, quoted, GP_REGEX_CASELESS, subject);
}

/* Headers in which people write what they like. */
static bool is_free_text(struct gp_str name)
{
	static const char *const names[] = {
		"X-VMS-To", "X-UIDL", "X-Face", "To", "Cc", "From", "Subject", "References",
		"In-Reply-To", "Message-Id", "X-Message-Id", "Resent-Message-Id",
		"X-Original-Message-Id",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_ieq(name, gp_str(names[i])))
			return true;
	return false;
}

/* The first "%NAME", and what follows; or "". */
static struct gp_str unresolved_name(struct gp_str s)
{
	for (size_t i = 0; (i = gp_str_find_chr(s, '%', i)) + 2 < s.len; i++) {
		char c = s.ptr[i + 1], d = s.ptr[i + 2];

		if (c >= 'A' && c <= 'Z' && ((d >= 'A' && d <= 'Z') || d == '_' || d == '-'))
			return gp_str_sub(s, i, 100);
	}
	return GP_STR("");
}

/* A "%NAME" that a program forgot to fill in, where nobody writes such a thing by hand. */
static bool check_unresolved_template(struct gp_eval *e, const struct gp_rule_eval *row,
				      const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;

	for (size_t i = 0; i < m->headers.len; i++) {
		const struct gp_header *h = &m->headers.items[i];
		struct gp_str name = unresolved_name(h->value);

		if (!name.len || is_free_text(h->name))
			continue;
		e->evidence = name;
		return true;
	}
	return false;
}

static bool check_for_missing_to_header(struct gp_eval *e, const struct gp_rule_eval *row,
					const struct gp_str *args, size_t n_args)
{
	return !gp_eval_header(e, "To").len && !gp_eval_header(e, "Apparently-To").len;
}

static bool check_matching_env_and_from(struct gp_eval *e, const struct gp_rule_eval *row,
					const struct gp_str *args, size_t n_args)
{
	return gp_str_ieq(gp_eval_addr(e, "EnvelopeFrom"), gp_eval_addr(e, "From"));
}

/* The last two labels. */
static struct gp_str two_labels(struct gp_str domain)
{
	size_t dots = 0, i = domain.len;

	while (i > 0) {
		if (domain.ptr[i - 1] == '.' && ++dots == 2)
			break;
		i--;
	}
	return gp_str_sub(domain, i, domain.len);
}

static bool check_equal_from_domains(struct gp_eval *e, const struct gp_rule_eval *row,
				     const struct gp_str *args, size_t n_args)
{
	struct gp_str from = two_labels(gp_eval_domain(gp_eval_addr(e, "From")));
	struct gp_str sender = two_labels(gp_eval_domain(gp_eval_addr(e, "EnvelopeFrom")));

	return from.len && sender.len && !gp_str_ieq(from, sender);
}

struct recipients {
	bool are_sorted;
	double similarity; /* pairs that begin alike, of all pairs */
};

static double similarity(const struct gp_eval_addrs *a)
{
	unsigned hits = 0, pairs = 0;

	for (size_t i = 0; i < a->items.len; i++) {
		struct gp_str x = a->items.items[i], x_host = gp_eval_domain(x);

		for (size_t k = i + 1; k < a->items.len; k++, pairs++) {
			struct gp_str y = a->items.items[k], y_host = gp_eval_domain(y);

			hits += gp_str_eq(gp_str_sub(x, 0, SIMILAR_LEN), gp_str_sub(y, 0, SIMILAR_LEN));
			hits += gp_str_eq(gp_str_sub(x_host, 0, SIMILAR_LEN),
					  gp_str_sub(y_host, 0, SIMILAR_LEN)) &&
				!gp_str_eq(x_host, y_host);
		}
	}
	return pairs ? (double)hits / pairs : 0;
}

static const struct recipients *recipients_of(struct gp_eval *e)
{
	static const char *const names[] = {"To", "Cc", "Bcc"};
	struct recipients *r = e->memo[GP_EVAL_RECIPIENTS];
	struct gp_eval_addrs all = {0}, some = {0};

	if (r)
		return r;
	r = e->memo[GP_EVAL_RECIPIENTS] = GP_ARENA_NEW(e->arena, struct recipients);
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (i < 2 || all.items.len < SIMILAR_MIN)
			gp_eval_add_addrs(e, gp_str(names[i]), &all);
	for (size_t i = 0; i < all.items.len && some.items.len < ADDRESSES_MAX; i++)
		if (!some.items.len ||
		    !gp_str_ieq(some.items.items[some.items.len - 1], all.items.items[i]))
			*gp_vec_push(e->arena, &some.items) = all.items.items[i];
	r->are_sorted = some.items.len >= SORTED_MIN;
	for (size_t i = 1; i < some.items.len; i++)
		if (gp_str_cmp(some.items.items[i - 1], some.items.items[i]) > 0)
			r->are_sorted = false;
	if (some.items.len >= SIMILAR_MIN)
		r->similarity = similarity(&some);
	return r;
}

static bool sorted_recipients(struct gp_eval *e, const struct gp_rule_eval *row,
			      const struct gp_str *args, size_t n_args)
{
	return recipients_of(e)->are_sorted;
}

/* similar_recipients(FROM, TO) */
static bool similar_recipients(struct gp_eval *e, const struct gp_rule_eval *row,
			       const struct gp_str *args, size_t n_args)
{
	return gp_eval_in_range(recipients_of(e)->similarity, args, n_args);
}

/* A Message-ID of 28 capitals whose rest is the sender's address. */
static bool check_ratware_name_id(struct gp_eval *e, const struct gp_rule_eval *row,
				  const struct gp_str *args, size_t n_args)
{
	struct gp_str id = gp_eval_header(e, "Message-Id"), from = gp_eval_header(e, "From"), rest;
	size_t at = gp_str_find_chr(id, '<', 0), n = 0;

	while (at + 1 + n < id.len && id.ptr[at + 1 + n] >= 'A' && id.ptr[at + 1 + n] <= 'Z')
		n++;
	rest = gp_str_sub(id, at + 2 + n, id.len);
	rest = gp_str_sub(rest, 0, gp_str_find_chr(rest, '>', 0));
	return n == 28 && at + 1 + n < id.len && id.ptr[at + 1 + n] == '.' && rest.len &&
	       gp_eval_matches_once(e, gp_arena_printf(e->arena, "\"[^\"]+\"\\s*<\\Q%.*s\\E>",
						  GP_STR_FMT(rest)), 0, from);
}

/* The recipient's address is written backwards in the sender's: "….example.com.joe@…". */
static bool check_ratware_envelope_from(struct gp_eval *e, const struct gp_rule_eval *row,
					const struct gp_str *args, size_t n_args)
{
	struct gp_str to = gp_eval_addr(e, "To"), from = gp_eval_addr(e, "EnvelopeFrom");
	struct gp_str domain = gp_eval_domain(to), user;

	if (!from.len || domain.len == to.len || !domain.len ||
	    gp_eval_matches(e, "^SRS\\d[=+-]", GP_REGEX_CASELESS, from))
		return false;
	user = gp_str_sub(to, 0, to.len - domain.len - 1);
	if (!gp_rule_host_is_valid(e->set, domain))
		return false;
	domain = gp_rule_host_trim(e->set, domain);
	if (gp_str_ifind(from, domain, 0) >= from.len || gp_str_ifind(from, user, 0) >= from.len)
		return false;
	return gp_eval_matches_once(e, gp_arena_printf(e->arena, "\\b\\Q%.*s\\E.\\Q%.*s\\E@",
						  GP_STR_FMT(domain), GP_STR_FMT(user)),
			       GP_REGEX_CASELESS, from);
}

bool gp_eval_lacks_received(struct gp_eval *e)
{
	struct gp_str received = gp_eval_header(e, "Received");

	if (!received.len || has(received, "from groups.msn.com ("))
		return true;
	return gp_eval_matches(e, "^contact \\S+@\\S+; run by ezmlm$", GP_REGEX_MULTILINE,
			       gp_eval_header(e, "Mailing-List")) &&
	       gp_eval_matches(e, "^mailing list \\S+@\\S+", GP_REGEX_MULTILINE,
			       gp_eval_header(e, "Delivered-To")) &&
	       gp_eval_matches(e, "qmail \\d+ invoked (?:from network|by .{3,20})\\); \\d+ ... \\d+", 0,
			       received);
}

/* Came through a list that removes the lines of who was before. */
static bool gated_through_remover(struct gp_eval *e, const struct gp_rule_eval *row,
				  const struct gp_str *args, size_t n_args)
{
	return gp_eval_lacks_received(e);
}

static bool check_messageid_not_usable(struct gp_eval *e, const struct gp_rule_eval *row,
				       const struct gp_str *args, size_t n_args)
{
	struct gp_str received = gp_eval_header(e, "Received");

	return gp_eval_matches(e, "<mailto:(?:leave-\\S+|\\S+-unsubscribe)@\\S+>$", GP_REGEX_CASELESS,
			       gp_eval_header(e, "List-Unsubscribe")) ||
	       gp_eval_lacks_received(e) || has(received, "/CWT/DCE)") ||
	       has(received, "iPlanet Messaging Server");
}

/* Functions that SpamAssassin keeps for old rules: they do not hit there either. */
static bool never(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		  size_t n_args)
{
	return false;
}

const struct gp_rule_eval gp_rule_evals_header[] = {
	{"check_for_unique_subject_id", 0, 0, never, 0, false},
	{"check_for_illegal_ip", 0, 0, never, 0, false},
	{"check_illegal_chars", 3, 3, check_illegal_chars, 0, false},
	{"check_header_count_range", 3, 3, check_header_count_range, 0, false},
	{"subject_is_all_caps", 0, 0, subject_is_all_caps, 0, false},
	{"check_for_to_in_subject", 1, 1, check_for_to_in_subject, 0, false},
	{"check_unresolved_template", 0, 0, check_unresolved_template, 0, false},
	{"check_for_missing_to_header", 0, 0, check_for_missing_to_header, 0, false},
	{"check_for_matching_env_and_hdr_from", 0, 0, check_matching_env_and_from, 0, false},
	{"check_equal_from_domains", 0, 0, check_equal_from_domains, 0, false},
	{"sorted_recipients", 0, 0, sorted_recipients, 0, false},
	{"similar_recipients", 2, 2, similar_recipients, 0, false},
	{"check_ratware_name_id", 0, 0, check_ratware_name_id, 0, false},
	{"check_ratware_envelope_from", 0, 0, check_ratware_envelope_from, 0, false},
	{"gated_through_received_hdr_remover", 0, 0, gated_through_remover, 0, false},
	{"check_messageid_not_usable", 0, 0, check_messageid_not_usable, 0, false},
	{0},
};
