/*
 * Layers of a message; see engine.h for what they are for.
 *
 * libclamav tells of each by its "file inspection" callback, with its bytes: a descriptor would
 * not do, as a layer may be a piece of another's file.  When it is done with one it calls "post
 * scan".  Between the two stand the layers within, so the open ones are a stack; the level that
 * comes with each call puts it right where a post scan was left out.
 *
 * A clean verdict holds for the same bytes at the same depth or less: deeper they might meet
 * the limit of recursion; whoever remembers compares the level.
 */
#include "milter-virus/engine_layers.h"

#include <clamav.h>
#include <string.h>

#include "lib/base/str.h"
#include "milter-virus/archive.h"

/* What libclamav unpacks at a time: where it stops, the next piece would have been too much. */
#define PIECE 8192u
#define CUT_NAME "Heuristics.Limits.Exceeded.MaxFileSize"
#define UNSUPPORTED_NAME "Heuristics.Limits.Unsupported.Archive"
#define BROKEN_NAME "Heuristics.Broken.Archive"

/* The layer's place among those to be remembered; -1: it has none. */
static int note(struct virus_layers *l, const char *bytes, size_t size, uint32_t level)
{
	struct virus_scan *scan = l->scan;
	struct virus_layer *layer;

	if (!scan->known || !bytes || size < VIRUS_LAYER_MIN || level >= VIRUS_DEPTH_MAX ||
	    scan->n_layers == VIRUS_LAYERS_MAX)
		return -1;
	layer = &scan->layers[scan->n_layers];
	*layer = (struct virus_layer){.level = (uint16_t)level};
	gp_sha256(bytes, size, layer->digest);
	return (int)scan->n_layers++;
}

/* The engine is done with the innermost of the open ones, whose place is returned. */
static int pop(struct virus_layers *l)
{
	l->is_unsupported |= l->is_shut[--l->depth];
	return l->open[l->depth];
}

/* Those that a layer of this level does not lie in. */
static void pop_to(struct virus_layers *l, uint32_t level)
{
	while (l->depth > 0 && l->levels[l->depth - 1] >= level)
		(void)pop(l);
	if (l->depth > 0)
		l->is_shut[l->depth - 1] = false;
}

static void push(struct virus_layers *l, int index, uint32_t level, bool is_shut)
{
	if (l->depth == VIRUS_DEPTH_MAX)
		return;
	l->open[l->depth] = index;
	l->is_shut[l->depth] = is_shut;
	l->levels[l->depth++] = level;
}

static void look_at_archive(struct virus_layers *l, struct gp_str file)
{
	enum virus_archive found = virus_archive_look(file);

	l->is_broken |= found == VIRUS_ARCHIVE_BROKEN;
	l->is_unsupported |= found == VIRUS_ARCHIVE_UNSUPPORTED;
}

static cl_error_t on_layer(int fd, const char *type, const char **ancestors, size_t parent_size,
			   const char *name, size_t size, const char *bytes, uint32_t level,
			   uint32_t attributes, void *arg)
{
	struct virus_layers *l = arg;
	int index;
	enum virus_known known = VIRUS_UNKNOWN;

	(void)fd, (void)type, (void)ancestors, (void)parent_size, (void)name, (void)attributes;
	if (!l)
		return CL_CLEAN;
	/* It ends some files at the limit (in ZIP, CAB) and says nothing of what it left out. */
	if (level > 0 && l->file_max && size + PIECE > l->file_max)
		l->is_cut = true;
	pop_to(l, level);
	index = note(l, bytes, size, level);
	if (index >= 0)
		known = l->scan->known(l->scan->arg, &l->scan->layers[index], l->known_name);
	if (known == VIRUS_UNKNOWN) {
		struct gp_str file = gp_str_n(bytes, bytes ? size : 0);

		look_at_archive(l, file);
		push(l, index, level, virus_archive_is_rar(file));
		return CL_CLEAN;
	}
	/* Not looked at, so not remembered anew: its time would never end. */
	l->scan->n_layers--;
	l->scan->n_known++;
	return known == VIRUS_KNOWN_CLEAN ? CL_BREAK : CL_VIRUS;
}

static cl_error_t on_done(int fd, int result, const char *name, void *arg)
{
	struct virus_layers *l = arg;
	int index;

	(void)fd, (void)name;
	if (!l || l->depth == 0)
		return CL_CLEAN;
	index = pop(l);
	if (index >= 0 && result == CL_VIRUS)
		l->scan->layers[index].is_infected = true;
	return CL_CLEAN;
}

static void on_found(int fd, const char *name, void *arg)
{
	struct virus_layers *l = arg;

	(void)fd;
	if (l && name)
		virus_name_copy(l->found_name, name, strlen(name));
}

void virus_layers_install(struct cl_engine *engine)
{
	cl_engine_set_clcb_file_inspection(engine, on_layer);
	cl_engine_set_clcb_post_scan(engine, on_done);
	cl_engine_set_clcb_virus_found(engine, on_found);
}

/* Something was not looked at, which the engine does not say. */
static void tell_unseen(struct virus_scan *scan, const char *name)
{
	if (scan->status != VIRUS_CLEAN)
		return;
	scan->status = VIRUS_FOUND;
	virus_name_copy(scan->name, name, strlen(name));
}

/* Suspicions depend on where a layer stood, and on limits: what a database's signature said of a
 * layer, and that nothing at all was said of a message, are remembered. */
void virus_layers_finish(struct virus_layers *l)
{
	struct virus_scan *scan = l->scan;
	bool is_signature;
	size_t n = 0;

	pop_to(l, 0);
	if (l->is_cut)
		tell_unseen(scan, CUT_NAME);
	if (l->is_unsupported)
		tell_unseen(scan, UNSUPPORTED_NAME);
	if (l->is_broken && l->wants_broken)
		tell_unseen(scan, BROKEN_NAME);
	if (*l->known_name && scan->status == VIRUS_FOUND)
		memcpy(scan->name, l->known_name, sizeof(scan->name));
	is_signature = scan->status == VIRUS_FOUND &&
		       strncmp(scan->name, "Heuristics.", 11) != 0 && strncmp(scan->name, "PUA.", 4) != 0;
	for (size_t i = 0; i < scan->n_layers; i++) {
		bool keep = scan->layers[i].is_infected ? is_signature : scan->status == VIRUS_CLEAN;

		if (keep)
			scan->layers[n++] = scan->layers[i];
	}
	scan->n_layers = n;
}
