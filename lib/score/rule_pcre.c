/*
 * The only place that calls PCRE2 for rules.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "lib/score/rule_pcre.h"

#include <stdlib.h>

#include <pcre2.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/mem.h"

#define JIT_STACK_START (32u << 10)
#define JIT_STACK_MAX (512u << 10)
/* Memory of the interpreter, which runs only where the JIT cannot; KiB. */
#define HEAP_LIMIT_KIB 4096u

/*
 * A text longer than this is searched by windows: a range of places at which a
 * match may begin (it may end anywhere).  The first is small, since for a
 * pattern like /a+[bc]/ each place can cost the whole text; windows grow while
 * they are quick, so ordinary patterns pay for a handful of calls.
 */
#define WINDOWS_FROM (16u << 10)
#define WINDOW_MIN 64u
#define WINDOW_MAX (64u << 10)
#define WINDOW_QUICK_US 5000
#define WINDOW_SLOW_US 20000

#define KEPT_MAX 128

struct kept {
	uint64_t hash;
	struct gp_regex re;
	bool is_good;
};

struct gp_pcre {
	struct gp_arena *arena; /* of what is kept */
	struct kept *kept;
	unsigned n_kept;
	int64_t cpu_end_us; /* 0: none */
	unsigned limits_met;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

static uint32_t options_of(unsigned flags)
{
	uint32_t o = PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES |
		     PCRE2_USE_OFFSET_LIMIT;

	o |= flags & GP_REGEX_UTF ? PCRE2_UTF : PCRE2_NEVER_UTF;
	o |= flags & GP_REGEX_CASELESS ? PCRE2_CASELESS : 0;
	o |= flags & GP_REGEX_DOTALL ? PCRE2_DOTALL : 0;
	o |= flags & GP_REGEX_MULTILINE ? PCRE2_MULTILINE : 0;
	o |= flags & GP_REGEX_EXTENDED ? PCRE2_EXTENDED : 0;
	o |= flags & GP_REGEX_EXTENDED_MORE ? PCRE2_EXTENDED_MORE : 0;
	o |= flags & GP_REGEX_NO_CAPTURE ? PCRE2_NO_AUTO_CAPTURE : 0;
	return o;
}

/* Whether Perl would have taken it. */
static bool is_limit_of_pcre(int error)
{
	switch (error) {
	case PCRE2_ERROR_PATTERN_TOO_LARGE:
	case PCRE2_ERROR_PATTERN_STRING_TOO_LONG:
	case PCRE2_ERROR_PATTERN_TOO_COMPLICATED:
	case PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH:
	case PCRE2_ERROR_LOOKBEHIND_TOO_LONG:
	case PCRE2_ERROR_LOOKBEHIND_TOO_COMPLICATED:
	case PCRE2_ERROR_CODE_POINT_TOO_BIG:
	case PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP:
	case PCRE2_ERROR_UNSUPPORTED_ESCAPE_SEQUENCE:
	case PCRE2_ERROR_BACKSLASH_C_CALLER_DISABLED:
	case PCRE2_ERROR_UTF_IS_DISABLED:
	case PCRE2_ERROR_UCP_IS_DISABLED:
		return true;
	default:
		return false;
	}
}

/* Not where \G means the place at which the search began, nor where a window may begin within a
 * character. */
static bool has_windows(const struct gp_regex *re)
{
	return !(re->flags & GP_REGEX_UTF) &&
	       gp_str_find(re->text, GP_STR("\\G"), 0) >= re->text.len;
}

/* As PCRE2 has worked out: from ^, \A, and .* in front. */
static enum gp_regex_start start_of(const struct gp_regex *re)
{
	uint32_t options = 0, first = 0, newline = 0;

	if (!re->has_windows || pcre2_pattern_info(re->code, PCRE2_INFO_ALLOPTIONS, &options) ||
	    pcre2_pattern_info(re->code, PCRE2_INFO_FIRSTCODETYPE, &first) ||
	    pcre2_pattern_info(re->code, PCRE2_INFO_NEWLINE, &newline))
		return GP_REGEX_ANYWHERE;
	if (options & PCRE2_ANCHORED)
		return GP_REGEX_AT_TEXT;
	return first == 2 && newline == PCRE2_NEWLINE_LF ? GP_REGEX_AT_LINE : GP_REGEX_ANYWHERE;
}

static void code_free(void *code)
{
	pcre2_code_free(code);
}

int gp_pcre_compile(struct gp_arena *a, struct gp_regex *re, struct gp_diag *diag)
{
	PCRE2_SIZE at = 0, jit_size = 0;
	PCRE2_UCHAR message[160];
	int error = 0;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)re->text.ptr, re->text.len,
					 options_of(re->flags), &error, &at, NULL);

	if (!code && error == PCRE2_ERROR_HEAP_FAILED)
		gp_mem_exhausted(re->text.len); /* else a rule would be missing, and mail judged without it */
	if (!code) {
		if (pcre2_get_error_message(error, message, sizeof(message)) < 0)
			message[0] = 0;
		gp_diag_set(diag, "pattern, byte %zu: %s", (size_t)at, (const char *)message);
		return is_limit_of_pcre(error) ? GP_ELIMIT : GP_EINVAL;
	}
	re->code = code;
	re->has_windows = has_windows(re);
	re->start = start_of(re);
	if (!(re->flags & GP_REGEX_UTF))
		pcre2_pattern_info(code, PCRE2_INFO_MINLENGTH, &re->shortest);
	/* (*NO_JIT) in a pattern: no error, and no code either. */
	re->has_jit = !(re->flags & GP_REGEX_ONCE) &&
		      pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0 &&
		      pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_size) == 0 && jit_size;
	gp_arena_on_end(a, code_free, code);
	return GP_OK;
}

struct gp_pcre *gp_pcre_new(unsigned match_limit)
{
	struct gp_pcre *p = gp_xcalloc(1, sizeof(*p));

	p->arena = gp_arena_new(0);
	p->kept = GP_ARENA_NEW_N(p->arena, KEPT_MAX, struct kept);
	p->data = pcre2_match_data_create(1, NULL);
	p->context = pcre2_match_context_create(NULL);
	p->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
	if (!p->data || !p->context)
		gp_mem_exhausted(JIT_STACK_START);
	pcre2_set_match_limit(p->context, match_limit ? match_limit : GP_PCRE_MATCH_LIMIT);
	pcre2_set_heap_limit(p->context, HEAP_LIMIT_KIB);
	if (p->stack)
		pcre2_jit_stack_assign(p->context, NULL, p->stack);
	return p;
}

void gp_pcre_free(struct gp_pcre *p)
{
	if (!p)
		return;
	gp_arena_free(p->arena);
	pcre2_match_data_free(p->data);
	pcre2_match_context_free(p->context);
	if (p->stack)
		pcre2_jit_stack_free(p->stack);
	free(p);
}

const struct gp_regex *gp_pcre_keep(struct gp_pcre *p, struct gp_str pattern, unsigned flags)
{
	uint64_t hash = gp_hash64(flags, pattern.ptr, pattern.len);
	struct kept *k = p->kept;
	struct gp_diag diag;

	for (; k < p->kept + p->n_kept; k++)
		if (k->hash == hash && k->re.flags == flags && gp_str_eq(k->re.text, pattern))
			return k->is_good ? &k->re : NULL;
	if (p->n_kept == KEPT_MAX)
		return NULL;
	p->n_kept++;
	k->hash = hash;
	k->re = (struct gp_regex){.text = gp_str(gp_arena_cstr(p->arena, pattern)), .flags = flags};
	k->is_good = gp_pcre_compile(p->arena, &k->re, &diag) == GP_OK;
	return k->is_good ? &k->re : NULL;
}

void gp_pcre_set_deadline(struct gp_pcre *p, int64_t cpu_end_us)
{
	p->cpu_end_us = cpu_end_us;
}

bool gp_pcre_is_late(const struct gp_pcre *p)
{
	return p->cpu_end_us && gp_clock_cpu_us() > p->cpu_end_us;
}

unsigned gp_pcre_limits_met(const struct gp_pcre *p)
{
	return p->limits_met;
}

static int match(struct gp_pcre *p, const struct gp_regex *re, struct gp_str text, size_t from,
		 uint32_t options)
{
	PCRE2_SPTR subject = (PCRE2_SPTR)(text.ptr ? text.ptr : "");

	if (re->has_jit)
		return pcre2_jit_match(re->code, subject, text.len, from, options, p->data,
				       p->context);
	return pcre2_match(re->code, subject, text.len, from, options, p->data, p->context);
}

static size_t next_width(size_t width, int64_t took_us)
{
	if (took_us < WINDOW_QUICK_US)
		return GP_MIN(width * 4, WINDOW_MAX);
	return took_us > WINDOW_SLOW_US ? GP_MAX(width / 4, WINDOW_MIN) : width;
}

/* match() window by window; each has its own match limit. */
static int match_windows(struct gp_pcre *p, const struct gp_regex *re, struct gp_str text,
			 size_t from, uint32_t options)
{
	size_t width = WINDOW_MIN;
	int64_t now_us = gp_clock_cpu_us(), was_us;
	int rc;

	for (;;) {
		bool is_last = text.len - from < width;

		pcre2_set_offset_limit(p->context, is_last ? PCRE2_UNSET : from + width - 1);
		rc = match(p, re, text, from, options);
		if (rc != PCRE2_ERROR_NOMATCH || is_last)
			break;
		from += width;
		options = 0; /* about the place of the first only */
		was_us = now_us;
		now_us = gp_clock_cpu_us();
		width = next_width(width, now_us - was_us);
		if (p->cpu_end_us && now_us > p->cpu_end_us) {
			rc = PCRE2_ERROR_MATCHLIMIT;
			break;
		}
	}
	pcre2_set_offset_limit(p->context, PCRE2_UNSET);
	return rc;
}

unsigned gp_pcre_count(struct gp_pcre *p, const struct gp_regex *re, struct gp_str text,
		       unsigned max, struct gp_str *ret_first, bool *ret_limited)
{
	unsigned count = 0;
	size_t from = 0;
	uint32_t options = 0;
	bool by_windows = text.len > WINDOWS_FROM && re->has_windows;

	while (count < max && from <= text.len) {
		int rc = by_windows ? match_windows(p, re, text, from, options)
				    : match(p, re, text, from, options);
		PCRE2_SIZE *at = pcre2_get_ovector_pointer(p->data);

		if (rc < 0) {
			if (rc != PCRE2_ERROR_NOMATCH) {
				*ret_limited = true;
				p->limits_met++;
			}
			break;
		}
		if (count++ == 0 && ret_first)
			*ret_first = gp_str_sub(text, at[0], at[1] > at[0] ? at[1] - at[0] : 0);
		/* As Perl's //g: where it matched nothing, something must match next time. */
		options = at[1] <= at[0] ? PCRE2_NOTEMPTY_ATSTART : 0;
		from = at[1] > from || options ? GP_MAX(at[1], from) : from + 1;
	}
	return count;
}

bool gp_pcre_begins(struct gp_pcre *p, const struct gp_regex *re, struct gp_str text, size_t from,
		    size_t to, bool *ret_limited)
{
	int rc;

	pcre2_set_offset_limit(p->context, to);
	rc = match(p, re, text, from, 0);
	pcre2_set_offset_limit(p->context, PCRE2_UNSET);
	if (rc >= 0)
		return true;
	if (rc != PCRE2_ERROR_NOMATCH) {
		*ret_limited = true;
		p->limits_met++;
	}
	return false;
}

/* The table of names: entries of `size` bytes, a group's number in two and then its name. */
static struct gp_str name_of(const struct gp_regex *re, unsigned group)
{
	PCRE2_SPTR table = NULL;
	uint32_t n = 0, size = 0;

	pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &n);
	pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &table);
	for (uint32_t i = 0; i < n; i++, table += size)
		if (((unsigned)table[0] << 8 | table[1]) == group)
			return gp_str((const char *)table + 2);
	return GP_STR("");
}

void gp_pcre_groups(struct gp_pcre *p, const struct gp_regex *re, struct gp_str text, unsigned max,
		    gp_pcre_group_fn *fn, void *arg)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(re->code, NULL);
	size_t from = 0;

	if (!data)
		gp_mem_exhausted(re->text.len);
	while (max-- && from <= text.len) {
		const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
		int n = pcre2_match(re->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, from,
				    0, data, p->context);

		for (unsigned group = 1; n > 0 && group < (unsigned)n; group++)
			if (at[2 * group] != PCRE2_UNSET && at[2 * group + 1] > at[2 * group])
				fn(arg, group, name_of(re, group),
				   gp_str_sub(text, at[2 * group], at[2 * group + 1] - at[2 * group]));
		if (n < 0)
			break;
		from = at[1] > from ? at[1] : from + 1;
	}
	pcre2_match_data_free(data);
}
