/*
 * One message through one rule set.
 *
 * Per target: build the segments, let vectorscan find the literals that
 * patterns cannot do without and automata (rule_window.h) where others could
 * match, let PCRE2 run the patterns over these segments.  Patterns with neither,
 * or all of them with rules.engine = "pcre2", run over all segments.  What comes
 * after the patterns is in rule_scan_finish.c.
 */
#include "lib/score/rule_scan_int.h"

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/score/rule_capture.h"
#include "lib/score/rule_dfa_bank.h"
#include "lib/score/rule_dns.h"
#include "lib/score/rule_sieve.h"
#include "lib/score/rule_textcat.h"
#include "lib/score/rule_vs.h"

/* Looking at the CPU clock is a system call: once in so many matches. */
#define BUDGET_EVERY 64
/* Bytes matched that count as one more look. */
#define BUDGET_BYTES (64u << 10)
/* Segments that are searched as one text: saves calls, and what is quadratic stays bearable. */
#define JOINED_MAX (16u << 10)

/* A segment shorter than this is searched as a whole; and one in which a pattern has been looked
 * for around so many places: each is a call. */
#define WHOLE_BELOW 48u
#define PLACES_MAX 12
/* More bytes at which a match may begin than this are searched with looks at the clock. */
#define PLACE_MAX (16u << 10)

/* The target being matched. */
struct run {
	struct gp_rule_scan *scan;
	const struct gp_rule_target *target;
	struct gp_rule_subject subject;
	size_t from;	/* where the automata's text begins */
	size_t segment; /* in which something was found last */
};

/* Near the end of the budget each pattern's cost is looked at: one must be too much. */
static void look_at_budget(struct gp_rule_scan *s)
{
	int64_t left_us;

	s->ticks = 0;
	if (gp_clock_passing_us() - s->began_us < s->budget_us / 2)
		return; /* a thread gets no more CPU than time, and asking for that is cheap */
	left_us = s->cpu_end_us - gp_clock_cpu_us();
	if (left_us < s->budget_us / 2)
		gp_rule_limit_watch(&s->limits);
	if (left_us >= 0)
		return;
	s->stats.budget_exceeded = true;
	gp_rule_limit_blame(&s->limits, s->budget_us / 4);
}

static bool over_budget(struct gp_rule_scan *s, size_t bytes)
{
	if (s->stats.budget_exceeded)
		return true;
	s->ticks += 1 + (unsigned)GP_MIN(bytes / (BUDGET_BYTES / BUDGET_EVERY), 2 * BUDGET_EVERY);
	if (s->ticks >= BUDGET_EVERY)
		look_at_budget(s);
	return s->stats.budget_exceeded;
}

/* PCRE2, and what it cost. */
static unsigned count_matches(struct gp_rule_scan *s, const struct gp_rule *r, struct gp_str text,
			      unsigned max, struct gp_str *ret_first, bool *ret_limited)
{
	int64_t began_us = s->limits.costs ? gp_clock_cpu_us() : 0;
	unsigned n = gp_pcre_count(s->scratch->pcre, &r->regex, text, max, ret_first, ret_limited);

	if (s->limits.costs)
		s->limits.costs[r->index] += gp_clock_cpu_us() - began_us;
	if (*ret_limited)
		s->ticks = BUDGET_EVERY; /* that was long */
	return n;
}

static void note_vain(struct gp_rule_scan *s, const struct gp_rule *r, bool limited)
{
	if (r->may_sift && !limited)
		gp_sieve_note_vain(s->scratch->sieve, r);
}

/* Whether a match may begin there as far as the rule's automaton knows. */
static bool passes_sieve(struct run *run, const struct gp_rule *r, struct gp_str text, size_t from,
			 size_t to)
{
	return !r->may_sift ||
	       gp_sieve_lets_through(run->scan->scratch->sieve, r, text, from, to);
}

/* Runs a rule's pattern over one segment, unless that is settled already. */
static void test_segment(struct run *run, const struct gp_rule *r, size_t segment)
{
	struct gp_rule_scan *s = run->scan;
	struct gp_str text, first = {0};
	unsigned max = 1, n;
	bool limited = false;

	if (s->done[r->index] || segment < s->next[r->index])
		return;
	s->next[r->index] = (unsigned)segment + 1;
	if (segment == 0 && r->tflags & GP_TFLAG_NOSUBJECT)
		return;
	text = gp_rule_segment_text(&run->subject, segment);
	if (text.len < r->regex.shortest || over_budget(s, text.len))
		return;
	if (r->tflags & GP_TFLAG_MULTIPLE)
		max = (r->maxhits ? r->maxhits : GP_MAX_RULE_HITS) - (unsigned)s->hits[r->index];
	s->stats.confirmed++;
	n = count_matches(s, r, text, max, s->evidence ? &first : NULL, &limited);
	if (limited) {
		s->stats.limit_exceeded++;
		gp_rule_limit_hit(&s->limits, r);
	}
	if (n == 0) {
		note_vain(s, r, limited);
		return;
	}
	gp_rule_scan_remember(s, r, first);
	s->hits[r->index] += n;
	/* mimeheader counts within the first part that matches. */
	s->done[r->index] = limited || n >= max || r->type == GP_RULE_MIMEHEADER;
}

/* Widens what has been tried by from … to - 1, if that is a whole then; *from is where it was not
 * tried before. */
static void add_tried(struct gp_rule_tried *t, unsigned *from, unsigned to)
{
	if (t->to == 0 || *from < t->from || *from > t->to) {
		t->from = *from;
		t->to = to;
	} else {
		*from = t->to;
		t->to = GP_MAX(t->to, to);
	}
}

/* The first byte from `from` on at which a line begins; at least `to`: none before that. */
static unsigned line_start(struct gp_str text, unsigned from, unsigned to)
{
	if (from == 0 || from >= to || text.ptr[from - 1] == '\n')
		return from;
	return (unsigned)gp_str_find_chr(gp_str_sub(text, 0, to), '\n', from) + 1;
}

/* Whether a match begins among the bytes at which it must, if one has the place that was found. */
static bool begins(struct run *run, const struct gp_rule *r, struct gp_str text, unsigned from,
		   unsigned to, bool *ret_limited)
{
	struct gp_rule_scan *s = run->scan;
	int64_t began_us = s->limits.costs ? gp_clock_cpu_us() : 0;
	bool found;

	if (r->regex.start == GP_REGEX_AT_LINE)
		from = line_start(text, from, to);
	if (from >= to || over_budget(s, text.len) || !passes_sieve(run, r, text, from, to))
		return false;
	s->stats.confirmed++;
	s->scratch->tried[r->index].n++;
	found = gp_pcre_begins(s->scratch->pcre, &r->regex, text, from, to - 1, ret_limited);
	if (s->limits.costs)
		s->limits.costs[r->index] += gp_clock_cpu_us() - began_us;
	if (!found)
		note_vain(s, r, *ret_limited);
	return found;
}

/* Runs a rule's pattern where something of it stands: a match would begin before `last` (an offset
 * of the whole text), by at most its lead. */
static void test_place(struct run *run, const struct gp_rule *r, size_t segment, size_t last)
{
	struct gp_rule_scan *s = run->scan;
	const struct gp_rule_segment *g = &run->subject.segments.items[segment];
	struct gp_rule_tried *t = &s->scratch->tried[r->index];
	unsigned to = (unsigned)(GP_MIN(last, g->start + g->len) - g->start), from;
	bool limited = false, found;

	if (s->done[r->index] || segment < s->next[r->index])
		return;
	from = r->regex.lead < to ? to - r->regex.lead - 1 : 0;
	if (r->regex.start == GP_REGEX_AT_TEXT && from > 0)
		return;
	if (t->scan != s->scratch->scans || t->segment != segment)
		*t = (struct gp_rule_tried){.scan = s->scratch->scans, .segment = segment};
	if (g->len < WHOLE_BELOW || to - from > PLACE_MAX || !r->regex.has_windows ||
	    t->n >= PLACES_MAX || r->regex.start == GP_REGEX_AT_TEXT) {
		to = r->regex.start == GP_REGEX_AT_TEXT ? 1 : (unsigned)g->len;
		if (passes_sieve(run, r, gp_rule_segment_text(&run->subject, segment), 0, to))
			test_segment(run, r, segment);
		else
			s->next[r->index] = (unsigned)segment + 1;
		return;
	}
	add_tried(t, &from, to);
	found = begins(run, r, gp_rule_segment_text(&run->subject, segment), from, to, &limited);
	if (limited || (found && (r->tflags & (GP_TFLAG_MULTIPLE | GP_TFLAG_NOSUBJECT) ||
				  s->evidence)))
		test_segment(run, r, segment);
	else if (found)
		s->hits[r->index] = s->done[r->index] = true;
}

/* How many of n segments from `first` on are together no longer than JOINED_MAX; at least 1. */
static unsigned group_size(const struct gp_rule_subject *subject, unsigned first, unsigned n)
{
	const struct gp_rule_segment *a = &subject->segments.items[first];
	unsigned k = 1;

	while (k < n && a[k].start + a[k].len - a->start <= JOINED_MAX)
		k++;
	return k;
}

/* Whether the pattern can match in any of these segments, asked of all of them at once. */
static bool may_match(struct run *run, const struct gp_rule *r, unsigned first, unsigned n)
{
	const struct gp_rule_segment *a = &run->subject.segments.items[first], *z = a + n - 1;
	struct gp_str all = gp_str_sub(run->subject.text, a->start, z->start + z->len - a->start);
	bool limited = false;

	if (n <= 3 || !r->regex.is_joinable)
		return true;
	if (over_budget(run->scan, all.len))
		return false;
	return count_matches(run->scan, r, all, 1, NULL, &limited) > 0 || limited;
}

/* PCRE2 alone: first over many segments at once where that can rule them out. */
static void test_rule(struct run *run, const struct gp_rule *r)
{
	const struct gp_rule_range *range = &run->subject.ranges[r->field_index];
	unsigned n = run->subject.segments.len ? range->n : 0, group;

	for (unsigned at = 0; at < n && !run->scan->done[r->index]; at += group) {
		group = group_size(&run->subject, range->first + at, n - at);
		if (!may_match(run, r, range->first + at, group))
			continue;
		for (unsigned i = 0; i < group && !run->scan->done[r->index]; i++)
			test_segment(run, r, range->first + at + i);
	}
}

/* The segment of a place: what is found comes mostly in order. */
static size_t segment_at(struct run *run, size_t at)
{
	const struct gp_rule_segment *segments = run->subject.segments.items;

	while (run->segment + 1 < run->subject.segments.len && segments[run->segment + 1].start <= at)
		run->segment++;
	if (segments[run->segment].start > at)
		run->segment = gp_rule_segment_at(&run->subject, at);
	return run->segment;
}

static bool on_literal(void *arg, unsigned literal, size_t end)
{
	struct run *run = arg;
	const struct gp_rule_literal *l = &run->target->literals.items[literal];
	size_t segment = segment_at(run, end - l->text.len);
	unsigned field = run->subject.segments.items[segment].field;

	if (!(l->fields >> field % 64 & 1))
		return true;
	for (size_t i = 0; i < l->rules.len; i++)
		if (l->rules.items[i]->field_index == field)
			test_place(run, l->rules.items[i], segment, end - l->text.len + 1);
	return !run->scan->stats.budget_exceeded;
}

static bool on_window(void *arg, unsigned pattern, size_t end)
{
	struct run *run = arg;
	const struct gp_rule *r = run->target->windowed.items[pattern];

	if (run->scan->done[r->index])
		return true;
	end += run->from - 1;
	test_place(run, r, segment_at(run, end), end + 1);
	return !run->scan->stats.budget_exceeded;
}

/* Runs the automata from `from` on that are of the same field; the number behind them. */
static size_t scan_field(struct run *run, struct gp_dfa_bank **banks, size_t from)
{
	const struct gp_dfas *dfas = &run->target->dfas;
	unsigned field = gp_dfa_group(dfas->items[from]);
	const struct gp_rule_range *range = &run->subject.ranges[field];
	const struct gp_rule_segment *a = &run->subject.segments.items[range->first];
	const struct gp_rule_segment *z = a + range->n - 1;
	size_t end = from + 1;

	while (end < dfas->len && gp_dfa_group(dfas->items[end]) == field)
		end++;
	if (range->n == 0)
		return end;
	run->from = a->start;
	for (size_t i = from; i < end; i += GP_DFA_LANES_MAX) {
		run->segment = range->first;
		if (!gp_dfa_bank_scan(banks[i],
				      gp_str_sub(run->subject.text, a->start,
						 z->start + z->len - a->start),
				      on_window, run))
			break;
	}
	return end;
}

static bool any_is_lost(struct gp_dfa_memory *const *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (gp_dfa_is_lost(m[i]))
			return true;
	return false;
}

/* Patterns that are not found by literals: where their automaton says, or everywhere. */
static void match_windowed(struct run *run, enum gp_rule_type type)
{
	const struct gp_rule_target *t = run->target;
	struct gp_dfa_memory **m = run->scan->scratch->dfas[type];

	for (size_t i = 0; i < t->dfas.len && run->subject.segments.len;)
		i = scan_field(run, run->scan->scratch->banks[type], i);
	for (size_t i = 0; i < t->unguided.len && !run->scan->stats.budget_exceeded; i++)
		test_rule(run, t->unguided.items[i]);
	if (!any_is_lost(m, t->dfas.len))
		return;
	for (size_t i = 0; i < t->windowed.len && !run->scan->stats.budget_exceeded; i++)
		if (t->dfas.of[i] >= 0 && gp_dfa_is_lost(m[t->dfas.of[i]]))
			test_rule(run, t->windowed.items[i]);
}

static void match_target(struct run *run, enum gp_rule_type type)
{
	const struct gp_rule_target *t = run->target;
	struct gp_rule_scan *s = run->scan;
	bool by_vs = t->vs && s->scratch->vs && run->subject.segments.len;

	if (by_vs && gp_vs_scan(t->vs, s->scratch->vs, run->subject.text, on_literal, run))
		by_vs = false; /* what it found stays; segments are not counted twice */
	match_windowed(run, type);
	for (size_t i = 0; i < t->rules.len && !by_vs && !s->stats.budget_exceeded; i++)
		if (t->rules.items[i]->regex.n_literals)
			test_rule(run, t->rules.items[i]);
}

/* !~ hits where the pattern did not, also when there is no such header. */
static void invert(struct gp_rule_scan *s, const struct gp_rule *r)
{
	double *hits = &s->hits[r->index];

	*hits = *hits == 0 && !s->stats.budget_exceeded &&
		!gp_rule_limit_is_undecided(&s->limits, r);
	if (s->evidence)
		s->evidence[r->index] = *hits != 0 ? GP_STR("(no match)") : (struct gp_str){0};
}

static void invert_negated(struct run *run)
{
	for (size_t i = 0; i < run->target->negated.len; i++)
		invert(run->scan, run->target->negated.items[i]);
}

static void test_exists(struct run *run, const struct gp_rule *r)
{
	const struct gp_rule_range *range = &run->subject.ranges[r->field_index];

	run->scan->hits[r->index] = range->is_present;
	if (range->is_present)
		gp_rule_scan_remember(run->scan, r,
			 gp_str_trim(gp_rule_segment_text(&run->subject, range->first)));
}

static void run_target(struct gp_rule_scan *s, enum gp_rule_type type)
{
	struct run run = {.scan = s, .target = &s->set->targets[type]};
	bool has_exists = type == GP_RULE_HEADER && s->set->exists.len;

	if (run.target->rules.len == 0 && !has_exists)
		return;
	run.subject = s->subjects[type];
	if (!run.subject.ranges)
		gp_rule_subject_build(type, s->set, s->input, &s->relays, s->scratch->pcre, s->arena,
				      &run.subject);
	for (size_t i = 0; has_exists && i < s->set->exists.len; i++)
		test_exists(&run, s->set->exists.items[i]);
	match_target(&run, type);
	invert_negated(&run);
	s->subjects[type] = run.subject;
}

/* What the named groups of rules that hit have matched. */
static void take_captures(struct gp_rule_scan *s, const struct gp_rule *r)
{
	struct gp_rule_subject *subject = &s->subjects[r->type];
	const struct gp_rule_range *range;
	bool all = r->tflags & GP_TFLAG_MULTIPLE;
	bool limited = false;

	if (s->hits[r->index] == 0)
		return;
	range = &subject->ranges[r->field_index];
	for (unsigned i = 0; i < range->n && !over_budget(s, 0); i++) {
		struct gp_str text = gp_rule_segment_text(subject, range->first + i);

		if (gp_pcre_count(s->scratch->pcre, &r->regex, text, 1, NULL, &limited) == 0)
			continue;
		gp_capture_take(s->scratch->pcre, &r->regex, text, all ? GP_TAG_VALUES_MAX : 1,
				&s->tags);
		if (!all)
			return;
	}
}

static void forget(struct gp_rule_scan *s, const struct gp_rule *r)
{
	s->hits[r->index] = 0;
	s->next[r->index] = 0;
	s->done[r->index] = gp_rule_limit_is_undecided(&s->limits, r);
	if (s->evidence)
		s->evidence[r->index] = (struct gp_str){0};
}

/* A rule with %{NAME}: so far it is known only whether it can hit at all. */
static void run_template(struct gp_rule_scan *s, const struct gp_rule *r)
{
	struct run run = {.scan = s, .target = &s->set->targets[r->type],
			  .subject = s->subjects[r->type]};
	bool may_hit = s->hits[r->index] != 0;
	struct gp_rule *exact;

	forget(s, r);
	if ((!may_hit && !r->is_negated) || run.subject.ranges == NULL)
		return;
	exact = GP_ARENA_NEW(s->arena, struct gp_rule);
	*exact = *r;
	if (!gp_capture_expand(r, &s->tags, &exact->regex))
		return;
	test_rule(&run, exact);
	if (r->is_negated) {
		s->hits[r->index] = s->hits[r->index] == 0 && !s->stats.budget_exceeded;
		if (s->hits[r->index] != 0)
			gp_rule_scan_remember(s, r, GP_STR("(no match)"));
	}
	if (r->captures)
		take_captures(s, exact);
}

static void run_captures(struct gp_rule_scan *s)
{
	for (size_t i = 0; i < s->set->captures.len; i++)
		if (!s->set->captures.items[i]->template)
			take_captures(s, s->set->captures.items[i]);
	for (size_t i = 0; i < s->set->templates.len; i++)
		if (!s->set->templates.items[i]->is_late)
			run_template(s, s->set->templates.items[i]);
	if (s->dns)
		gp_rule_dns_captured(s->dns, s->subjects, s->scratch->pcre);
}

void gp_rule_scan_late(struct gp_rule_scan *s)
{
	struct run run = {.scan = s, .target = &s->set->targets[GP_RULE_HEADER]};

	if (s->set->late.len == 0)
		return;
	gp_rule_subject_build(GP_RULE_HEADER, s->set, s->input, &s->relays, s->scratch->pcre,
			      s->arena, &run.subject);
	s->subjects[GP_RULE_HEADER] = run.subject;
	for (size_t i = 0; i < s->set->late.len; i++) {
		const struct gp_rule *r = s->set->late.items[i];

		if (r->template) {
			run_template(s, r);
			continue;
		}
		forget(s, r);
		if (r->is_exists)
			test_exists(&run, r);
		else
			test_rule(&run, r);
		if (r->is_negated)
			invert(s, r);
	}
}

void gp_rule_scan_release(struct gp_rule_scan *s)
{
	if (s->scratch)
		gp_rule_scratch_put(s->set, s->scratch);
	s->scratch = NULL;
}

static void scan_end(void *arg)
{
	struct gp_rule_scan *s = arg;

	gp_rule_scan_release(s);
	gp_rule_set_unref(s->set);
}

/* Before all rules: some read it as a header. */
static void guess_language(struct gp_rule_scan *s)
{
	struct gp_rule_subject *body = &s->subjects[GP_RULE_BODY];

	gp_rule_subject_build(GP_RULE_BODY, s->set, s->input, &s->relays, s->scratch->pcre, s->arena,
			      body);
	gp_textcat_note(s->set->textcat, body, &s->tags);
}

struct gp_rule_scan *gp_rule_scan_begin(struct gp_rule_set *set, const struct gp_rule_input *input,
					struct gp_arena *arena)
{
	struct gp_rule_scan *s = GP_ARENA_NEW(arena, struct gp_rule_scan);
	unsigned budget_ms = input->cpu_budget_ms ? input->cpu_budget_ms : GP_RULE_CPU_BUDGET_MS;
	size_t n = set->rules.len;

	s->set = gp_rule_set_ref(set);
	s->input = input;
	s->arena = arena;
	s->hits = GP_ARENA_NEW_N(arena, n, double);
	s->next = GP_ARENA_NEW_N(arena, n, unsigned);
	s->done = GP_ARENA_NEW_N(arena, n, bool);
	if (input->trace)
		s->evidence = GP_ARENA_NEW_N(arena, n, struct gp_str);
	s->budget_us = (int64_t)budget_ms * 1000;
	s->began_us = gp_clock_passing_us();
	s->cpu_end_us = gp_clock_cpu_us() + s->budget_us;
	s->limits = (struct gp_rule_limits){
		.set = set, .arena = arena, .stats = &s->stats, .done = s->done};
	gp_rule_limit_begin(&s->limits);
	s->scratch = gp_rule_scratch_take(set);
	gp_pcre_set_deadline(s->scratch->pcre, s->cpu_end_us);
	gp_arena_on_end(arena, scan_end, s);
	if (set->reads_relays)
		gp_relay_path_make(arena, input->message, &set->trust, &s->relays);
	s->tags = (struct gp_rule_tags){
		.set = set, .in = input, .relays = &s->relays, .pcre = s->scratch->pcre, .arena = arena};
	gp_map_init(&s->tags.captured, arena, false);
	if (set->textcat)
		guess_language(s);
	s->dns = gp_rule_dns_begin(set, &s->tags);
	for (enum gp_rule_type t = 0; t < GP_RULE_TARGETS; t++)
		run_target(s, t);
	run_captures(s);
	return s;
}

bool gp_rule_scan_set_evidence(struct gp_rule_scan *s, const char *name, double value,
			       struct gp_str evidence)
{
	const struct gp_rule *r = gp_map_get(&s->set->by_name, gp_str(name));

	if (!r)
		return false;
	s->hits[r->index] = value;
	if (s->evidence)
		s->evidence[r->index] = gp_str_sub(evidence, 0, GP_RULE_EVIDENCE_MAX);
	return true;
}

bool gp_rule_scan_set(struct gp_rule_scan *s, const char *name, double value)
{
	return gp_rule_scan_set_evidence(s, name, value, (struct gp_str){0});
}
