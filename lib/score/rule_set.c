/*
 * From parsed rules to a set that can be run: tags, patterns, fields, the
 * order of metas, targets, databases.
 */
#include "lib/score/rule_set.h"

#include <assert.h>

#include "lib/score/rule_asn.h"
#include "lib/score/rule_cache.h"
#include "lib/score/rule_capture.h"
#include "lib/score/rule_circuit.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_field.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_markup.h"
#include "lib/score/rule_meta.h"
#include "lib/score/rule_parse.h"
#include "lib/score/rule_pcre.h"
#include "lib/score/rule_phishing.h"
#include "lib/score/rule_query.h"
#include "lib/score/rule_regex.h"
#include "lib/score/rule_relays.h"
#include "lib/score/rule_replace.h"
#include "lib/score/rule_scratch.h"
#include "lib/score/rule_sender.h"
#include "lib/score/rule_sieve.h"
#include "lib/score/rule_textcat.h"
#include "lib/score/rule_wake.h"
#include "lib/score/rule_window.h"

#define NAME_MAX_LEN 128

const char *gp_rule_type_name(enum gp_rule_type type)
{
	static const char *const names[] = {"header", "body", "rawbody", "full", "uri",
					    "mimeheader", "meta", "eval", "fact"};

	return names[type];
}

bool gp_rule_name_is_valid(struct gp_str name)
{
	if (name.len == 0 || name.len > NAME_MAX_LEN || gp_is_digit(name.ptr[0]))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!gp_is_alnum(name.ptr[i]) && name.ptr[i] != '_')
			return false;
	return true;
}

struct gp_rule *gp_rule_get(struct gp_rule_builder *b, struct gp_str name)
{
	struct gp_rule *r = gp_map_get(&b->set->by_name, name);

	if (r)
		return r;
	r = GP_ARENA_NEW(b->arena, struct gp_rule);
	r->name = gp_arena_cstr(b->arena, name);
	r->type = GP_RULE_FACT;
	r->index = (unsigned)b->set->rules.len;
	r->file = b->file;
	r->line = b->line;
	r->text = "";
	r->describe = "";
	r->part_max = UINT32_MAX;
	*gp_vec_push(b->arena, &b->set->rules) = r;
	gp_map_set(&b->set->by_name, gp_str(r->name), r);
	return r;
}

/* What SpamAssassin gives a rule without a score line. */
static void set_default_score(struct gp_rule *r)
{
	double score = gp_str_starts(gp_str(r->name), GP_STR("T_")) ? 0.01 : 1;

	if (r->has_score || r->type == GP_RULE_FACT)
		return;
	for (size_t i = 0; i < 4; i++)
		r->score[i] = r->tflags & GP_TFLAG_NICE ? -score : score;
}

static void compile_pattern(struct gp_rule_builder *b, struct gp_rule *r)
{
	struct gp_str written = r->regex.text;
	struct gp_diag diag;
	int err;

	if (r->wants_tags && gp_rule_replace(b, r, &diag)) {
		gp_rule_make_inert(b, r, "%s", diag.text);
		return;
	}
	if (!r->wants_tags) {
		gp_capture_prepare(b, r);
		gp_regex_derive(b->arena, &r->regex);
	}
	err = gp_pcre_compile(b->arena, &r->regex, &diag);
	if (err == GP_ELIMIT && r->wants_tags) {
		gp_rule_replace_smaller(b, r, written);
		err = gp_pcre_compile(b->arena, &r->regex, &diag);
	}
	if (err == GP_OK)
		return;
	gp_rule_make_inert(b, r, "%s", diag.text);
	if (err == GP_EINVAL) {
		r->is_error = true;
		gp_rule_note_at(b, GP_RULE_ERROR, r, "%s", diag.text);
	}
}

/* Shares the field with an equal one of the target. */
static void bind_field(struct gp_rule_builder *b, struct gp_rule *r, struct gp_map *known)
{
	struct gp_rule_target *t = &b->set->targets[r->type];
	struct gp_rule_field *f = r->field;
	uintptr_t index;
	struct gp_str key;

	if (f->is_mime) {
		f->part_min = r->part_min;
		f->part_max = r->part_max;
		f->is_concat = r->tflags & GP_TFLAG_CONCAT;
	}
	key = gp_str(gp_arena_printf(b->arena, "%d/%u/%u/%u/%u/%d/%.*s/%.*s", f->is_mime, f->special,
				     f->modifiers, f->part_min, f->part_max, f->is_concat,
				     GP_STR_FMT(f->name), GP_STR_FMT(f->unset)));
	index = (uintptr_t)gp_map_get(known, key);
	if (!index) {
		gp_field_bind(&b->set->slots, f);
		*gp_vec_push(b->arena, &t->fields) = f;
		index = t->fields.len;
		gp_map_set(known, key, (void *)index);
	}
	r->field = t->fields.items[index - 1];
	r->field_index = (unsigned)index - 1;
}

/*
 * Orders the metas so that each stands behind what it needs (Kahn).  What is
 * left over is part of a cycle or needs one: SpamAssassin excludes both.
 */
static void order_metas(struct gp_rule_builder *b)
{
	struct gp_rule_set *set = b->set;
	size_t n = set->rules.len, done = 0;
	unsigned *missing = GP_ARENA_NEW_N(b->arena, n + 1, unsigned);
	GP_VEC(unsigned) *users = GP_ARENA_NEW_N(b->arena, n + 1, __typeof__(*users));

	for (size_t i = 0; i < n; i++) {
		struct gp_rule *r = set->rules.items[i];
		const unsigned *needs;
		size_t n_needs;

		if (r->type != GP_RULE_META)
			continue;
		gp_meta_expand_globs(set, r, r->meta);
		n_needs = gp_meta_needs(r->meta, &needs);
		for (size_t k = 0; k < n_needs; k++) {
			if (set->rules.items[needs[k]]->type != GP_RULE_META)
				continue;
			missing[i]++;
			*gp_vec_push(b->arena, &users[needs[k]]) = (unsigned)i;
		}
		if (missing[i] == 0)
			*gp_vec_push(b->arena, &set->metas) = r;
	}
	for (; done < set->metas.len; done++) { /* grows while we go */
		unsigned index = set->metas.items[done]->index;

		for (size_t k = 0; k < users[index].len; k++)
			if (--missing[users[index].items[k]] == 0)
				*gp_vec_push(b->arena, &set->metas) =
					set->rules.items[users[index].items[k]];
	}
	for (size_t i = 0; i < n; i++) {
		struct gp_rule *r = set->rules.items[i];

		if (r->type != GP_RULE_META || missing[i] == 0)
			continue;
		r->is_error = true;
		gp_rule_make_inert(b, r, "the expression depends on itself, or on one that does");
		gp_rule_note_at(b, GP_RULE_ERROR, r, "%s", r->inert);
	}
}

/* Gathers what is negated of a target's patterns, and their literals, each once. */
static void collect_patterns(struct gp_rule_builder *b, struct gp_rule_target *t)
{
	struct gp_map known;

	gp_map_init(&known, b->arena, false);
	for (size_t i = 0; i < t->rules.len; i++) {
		struct gp_rule *r = t->rules.items[i];

		if (r->is_negated && !r->template)
			*gp_vec_push(b->arena, &t->negated) = r;
		t->with_literals += r->regex.n_literals > 0;
		for (size_t k = 0; k < r->regex.n_literals; k++) {
			struct gp_str text = r->regex.literals[k];
			uintptr_t index = (uintptr_t)gp_map_get(&known, text);

			if (!index) {
				*gp_vec_push(b->arena, &t->literals) =
					(struct gp_rule_literal){.text = text};
				index = t->literals.len;
				gp_map_set(&known, text, (void *)index);
			}
			*gp_vec_push(b->arena, &t->literals.items[index - 1].rules) = r;
			t->literals.items[index - 1].fields |= UINT64_C(1) << r->field_index % 64;
		}
	}
}

/* A pattern without delimiters, over characters; or as the function wants it. */
static void compile_argument(struct gp_rule_builder *b, struct gp_rule *r, struct gp_str pattern)
{
	struct gp_regex *re = r->pattern = GP_ARENA_NEW(b->arena, struct gp_regex);
	struct gp_diag diag;
	int err = GP_OK;

	if (r->eval->is_delimited && gp_regex_is_delimited(pattern)) {
		err = gp_regex_parse(b->arena, pattern, re, &diag);
	} else {
		re->text = gp_str(gp_arena_cstr(b->arena, pattern));
		re->flags = r->eval->is_delimited ? 0 : GP_REGEX_UTF;
	}
	if (err || gp_pcre_compile(b->arena, re, &diag))
		gp_rule_make_inert(b, r, "%s", diag.text);
}

/* Those that ask the DNS stand in a list of their own too. */
static void add_eval(struct gp_rule_builder *b, struct gp_rule *r)
{
	bool asks = gp_rule_eval_asks(r->eval);

	if (asks)
		gp_query_prepare(b, r);
	if (r->eval->pattern && r->n_args >= r->eval->pattern)
		compile_argument(b, r, r->args[r->eval->pattern - 1]);
	if (gp_sender_obstacle(b, r->eval))
		gp_rule_make_inert(b, r, "%s", gp_sender_obstacle(b, r->eval));
	if (r->inert)
		return;
	r->is_last = r->eval->is_last;
	if (r->is_last) {
		*gp_vec_push(b->arena, &b->set->last) = r;
		return;
	}
	*gp_vec_push(b->arena, &b->set->evals) = r;
	if (asks)
		*gp_vec_push(b->arena, &b->set->queries) = r;
}

/* A meta that needs what is known last is worked out after it. */
static void mark_last(struct gp_rule_set *set)
{
	for (size_t i = 0; set->last.len && i < set->metas.len; i++) {
		struct gp_rule *meta = set->metas.items[i];
		const unsigned *needs;
		size_t n = gp_meta_needs(meta->meta, &needs);

		for (size_t k = 0; k < n; k++)
			meta->is_last = meta->is_last || set->rules.items[needs[k]]->is_last;
	}
}

static void list_calls(struct gp_rule_set *set)
{
	set->calls = GP_ARENA_NEW_N(set->arena, set->evals.len + 1, struct gp_rule_call);
	for (size_t i = 0; i < set->evals.len; i++) {
		const struct gp_rule *r = set->evals.items[i];
		struct gp_rule_call *c = &set->calls[i];

		*c = (struct gp_rule_call){.rule = r, .eval = r->eval, .args = r->args,
					   .n_args = r->n_args, .index = r->index, .tflags = r->tflags};
		for (unsigned k = 0; k < GP_ARRAY_SIZE(r->score); k++)
			c->scored |= (unsigned)(r->score[k] != 0) << k;
	}
}

static bool reads_relays(const struct gp_rule *r)
{
	return (r->field && r->field->special >= GP_FIELD_ENVELOPE_FROM) ||
	       (r->eval && gp_rule_eval_reads_relays(r->eval));
}

static void finish(struct gp_rule_builder *b)
{
	struct gp_rule_set *set = b->set;
	struct gp_map fields[2];

	gp_rule_circuit_begin(b);
	gp_textcat_prepare(b);
	gp_rule_phishing_prepare(b);
	gp_map_init(&fields[0], b->arena, true);
	gp_map_init(&fields[1], b->arena, true);
	for (size_t i = 0; i < set->rules.len; i++) {
		struct gp_rule *r = set->rules.items[i];

		set_default_score(r);
		if (r->type < GP_RULE_TARGETS && !r->is_exists && !r->inert)
			compile_pattern(b, r);
		if (r->inert)
			continue;
		set->reads_relays = set->reads_relays || r->template || reads_relays(r);
		if (r->field)
			bind_field(b, r, &fields[r->field->is_mime]);
		if (r->is_exists)
			*gp_vec_push(b->arena, &set->exists) = r;
		else if (r->type < GP_RULE_TARGETS)
			*gp_vec_push(b->arena, &set->targets[r->type].rules) = r;
		else if (r->type == GP_RULE_EVAL)
			add_eval(b, r);
	}
	set->limited = gp_arena_zalloc_n(b->arena, set->rules.len + 1, sizeof(*set->limited));
	set->reads_ole = gp_map_get(&b->plugins, GP_STR("OLEVBMacro"));
	set->reads_pdf = gp_map_get(&b->plugins, GP_STR("PDFInfo"));
	set->reads_relays |= gp_markup_is_there(set); /* _LASTEXTERNALIP_ and the like */
	gp_rule_asn_prepare(b);
	gp_query_finish(b);
	order_metas(b);
	mark_last(set);
	gp_rule_circuit_prepare(b);
	gp_rule_wake_prepare(set);
	list_calls(set);
	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		gp_rule_window_prepare(b, &set->targets[i]);
		collect_patterns(b, &set->targets[i]);
	}
	gp_sieve_prepare(set);
	gp_rule_relays_prepare(b);
	gp_rule_cache_load(set);
	gp_rule_report_finish(b);
}

static void builder_init(struct gp_rule_builder *b, const struct gp_rule_options *options,
			 struct gp_rule_report *report)
{
	struct gp_arena *a = gp_arena_new(256u << 10);
	struct gp_rule_set *set = GP_ARENA_NEW(a, struct gp_rule_set);

	set->arena = a;
	set->refs = 1;
	set->asn_prefix = GP_STR("AS");
	if (options)
		set->options = *options;
	if (set->options.cache_dir)
		set->options.cache_dir = gp_arena_strdup(a, set->options.cache_dir);
	if (set->options.cache_owner)
		set->options.cache_owner = gp_arena_strdup(a, set->options.cache_owner);
	gp_map_init(&set->by_name, a, false);
	gp_map_init(&set->slots, a, true);
	gp_map_init(&set->lists, a, false);
	gp_map_init(&set->zones, a, true);
	pthread_mutex_init(&set->pool_lock, NULL);
	*b = (struct gp_rule_builder){.set = set,
				      .arena = a,
				      .report = report,
				      .lang = options && options->lang ? options->lang : "en",
				      .tag_start = GP_STR("<"),
				      .tag_end = GP_STR(">")};
	for (size_t i = 0; i < GP_ARRAY_SIZE(b->tags); i++)
		gp_map_init(&b->tags[i], a, false);
	gp_map_init(&b->ignored, a, false);
	gp_map_init(&b->plugins, a, false);
	gp_map_init(&b->compats, a, false);
	set->options.lang = NULL; /* borrowed, and not needed again */
}

int gp_rule_set_load(const char *const *paths, size_t n, const struct gp_rule_options *options,
		     struct gp_rule_report *report, struct gp_rule_set **ret, struct gp_diag *diag)
{
	struct gp_rule_builder b;
	int r = GP_OK;

	builder_init(&b, options, report);
	b.paths = paths;
	b.n_paths = n;
	for (size_t i = 0; i < n && r == GP_OK; i++)
		r = gp_rule_parse_plugins(&b, paths[i], diag);
	for (size_t i = 0; i < n && r == GP_OK; i++)
		r = gp_rule_parse_path(&b, paths[i], diag);
	if (r) {
		gp_rule_set_unref(b.set);
		return r;
	}
	finish(&b);
	*ret = b.set;
	return GP_OK;
}

void gp_rule_set_load_text(const char *name, struct gp_str text,
			   const struct gp_rule_options *options, struct gp_rule_report *report,
			   struct gp_rule_set **ret)
{
	struct gp_rule_builder b;

	builder_init(&b, options, report);
	gp_rule_parse_text(&b, name, text);
	finish(&b);
	*ret = b.set;
}

struct gp_rule_set *gp_rule_set_ref(struct gp_rule_set *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void gp_rule_set_each_file(const struct gp_rule_set *set, void (*fn)(const char *path))
{
	for (size_t i = 0; i < set->files.len; i++)
		fn(set->files.items[i].path);
	gp_phishing_each_file(set->phishing, fn);
}

void gp_rule_set_unref(struct gp_rule_set *set)
{
	if (!set)
		return;
	assert(atomic_load_explicit(&set->refs, memory_order_relaxed) > 0);
	if (atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	gp_rule_scratch_free_all(set);
	pthread_mutex_destroy(&set->pool_lock);
	gp_arena_free(set->arena); /* holds the set itself */
}
