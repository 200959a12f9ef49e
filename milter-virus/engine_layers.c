/*
 * Layers of a message; see engine.h for what they are for.
 *
 * libclamav tells of each by its "file inspection" callback, with its bytes: a descriptor would
 * not do, as a layer may be a piece of another's file.  When it is done with one it calls "post
 * scan".  Between the two stand the layers within, so the open ones are a stack; the level that
 * comes with each call puts it right where a post scan was left out.
 *
 * Of the members of some archives it tells before it unpacks them ("meta"): one that it does not unpack,
 * or not all of, it calls clean, so what it told of must be the next layer, and as large as was said.
 *
 * A clean verdict holds for the same bytes at the same depth or less: deeper they might meet
 * the limit of recursion; whoever remembers compares the level.
 */
#include "milter-virus/engine_layers.h"

#include <clamav.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "milter-virus/archive.h"
#include "milter-virus/engine_clock.h"

/* What libclamav unpacks at a time: where it stops, the next piece would have been too much. */
#define PIECE 8192u
#define CUT_NAME "Heuristics.Limits.Exceeded.MaxFileSize"
#define UNSUPPORTED_NAME "Heuristics.Limits.Unsupported.Archive"
#define BROKEN_NAME "Heuristics.Broken.Archive"

static const char locked_archive[] = "Heuristics.Encrypted.Archive";
static const char locked_document[] = "Heuristics.Encrypted.Document";

/* Kinds of archives of which libclamav tells each member, and how large it is, before it unpacks it.
 * Others tell at another time, or of what lies beside. */
static const struct {
	const char *type;
	bool is_sure; /* also where it is found within another file: its list has a checksum */
} listers[] = {
	{"CL_TYPE_7Z", true},
	{"CL_TYPE_ARJ", false},
	{"CL_TYPE_LHA_LZH", false},
	{"CL_TYPE_MSCAB", false},
	{"CL_TYPE_OLD_TAR", false},
	{"CL_TYPE_POSIX_TAR", false},
};

/* The layer's place among those to be remembered; -1: it has none. */
static int note(struct virus_layers *l, const char *bytes, size_t size, uint32_t level)
{
	struct virus_scan *scan = l->scan;
	struct virus_layer *layer;

	if (!scan->known || !bytes || size < VIRUS_LAYER_MIN || level >= VIRUS_DEPTH_MAX ||
	    scan->n_layers == VIRUS_LAYERS_MAX)
		return -1;
	layer = &scan->layers[scan->n_layers];
	*layer = (struct virus_layer){.size = (uint32_t)GP_MIN(size, UINT32_MAX),
				      .level = (uint16_t)level};
	gp_sha256(bytes, size, layer->digest);
	return (int)scan->n_layers++;
}

static int lister_of(const char *type)
{
	for (size_t i = 0; type && i < GP_ARRAY_SIZE(listers); i++)
		if (strcmp(type, listers[i].type) == 0)
			return (int)i;
	return -1;
}

static struct virus_open_layer *innermost(struct virus_layers *l)
{
	return l->depth > 0 ? &l->open[l->depth - 1] : NULL;
}

/* The engine goes on, and has not unpacked the member that it told of. */
static void miss_member(struct virus_layers *l)
{
	const struct virus_open_layer *in = innermost(l);

	if (l->member > 0 && !(in && in->is_told))
		l->is_unsupported = true;
	l->member = 0;
}

/* The member that it told of is this layer, or a part of it is. */
static void take_member(struct virus_layers *l, size_t size)
{
	if (size < l->member)
		l->is_broken = true;
	l->member = 0;
}

/* The engine is done with the innermost of the open ones, whose place is returned. */
static int pop(struct virus_layers *l)
{
	const struct virus_open_layer *layer = innermost(l);

	miss_member(l);
	l->is_unsupported |= layer->is_shut;
	if (layer->locked_name)
		l->encrypted_name = layer->locked_name;
	l->depth--;
	return layer->index;
}

/* Those that a layer of this level does not lie in. */
static void pop_to(struct virus_layers *l, uint32_t level)
{
	while (l->depth > 0 && l->open[l->depth - 1].level >= level)
		(void)pop(l);
	if (l->depth > 0)
		l->open[l->depth - 1].is_shut = false;
}

/* There is a document in the innermost: the engine knew its password, which Excel gives those that are
 * protected against being written only. */
static void unlock(struct virus_layers *l)
{
	struct virus_open_layer *in = innermost(l);

	if (in && in->locked_name == locked_document)
		in->locked_name = NULL;
}

static void push(struct virus_layers *l, const struct virus_open_layer *layer)
{
	if (l->depth < VIRUS_DEPTH_MAX)
		l->open[l->depth++] = *layer;
}

static void look_at_archive(struct virus_layers *l, struct gp_str file, struct virus_open_layer *layer)
{
	unsigned found = virus_archive_look(file, &l->room);
	bool is_broken = found & VIRUS_ARCHIVE_BROKEN, is_encrypted = found & VIRUS_ARCHIVE_ENCRYPTED;

	l->is_broken |= is_broken;
	if (is_encrypted)
		layer->locked_name = found & VIRUS_ARCHIVE_DOCUMENT ? locked_document : locked_archive;
	layer->is_told = (is_broken && l->wants_broken) || (is_encrypted && l->wants_encrypted);
	layer->is_shut = found & VIRUS_ARCHIVE_SHUT && !layer->is_told;
	l->is_unsupported |= found & VIRUS_ARCHIVE_UNSUPPORTED && !layer->is_told;
}

/* The answer may take its time, which is not the scan's. */
static enum virus_known ask(struct virus_layers *l, const struct virus_layer *layer)
{
	int64_t began_us = gp_clock_mono_us();
	enum virus_known known = l->scan->known(l->scan->arg, layer, l->known_name);

	virus_clock_hold(gp_clock_mono_us() - began_us);
	return known;
}

static cl_error_t on_layer(int fd, const char *type, const char **ancestors, size_t parent_size,
			   const char *name, size_t size, const char *bytes, uint32_t level,
			   uint32_t attributes, void *arg)
{
	struct virus_layers *l = arg;
	struct virus_open_layer layer = {.level = level, .lister = lister_of(type)};
	enum virus_known known = VIRUS_UNKNOWN;

	(void)fd, (void)ancestors, (void)parent_size, (void)name, (void)attributes;
	if (!l)
		return CL_CLEAN;
	/* It ends some files at the limit (in ZIP, CAB) and says nothing of what it left out. */
	if (level > 0 && l->file_max && size + PIECE > l->file_max)
		l->is_cut = true;
	take_member(l, size);
	pop_to(l, level);
	layer.index = note(l, bytes, size, level);
	if (layer.index >= 0)
		known = ask(l, &l->scan->layers[layer.index]);
	if (gp_str_starts(gp_str_n(bytes, bytes ? size : 0), GP_STR("PK\3\4")))
		unlock(l);
	if (known == VIRUS_UNKNOWN) {
		look_at_archive(l, gp_str_n(bytes, bytes ? size : 0), &layer);
		push(l, &layer);
		return CL_CLEAN;
	}
	/* Not looked at, so not remembered anew: its time would never end. */
	l->scan->n_layers--;
	l->scan->n_known++;
	return known == VIRUS_KNOWN_CLEAN ? CL_BREAK : CL_VIRUS;
}

static cl_error_t on_member(const char *type, unsigned long packed, const char *name, unsigned long size,
			    int is_encrypted, unsigned place, void *arg)
{
	struct virus_layers *l = arg;
	struct virus_open_layer *in = l ? innermost(l) : NULL;
	int lister = lister_of(type);

	(void)packed, (void)name, (void)place;
	if (!in || lister < 0 || (lister != in->lister && !listers[lister].is_sure))
		return CL_CLEAN;
	miss_member(l);
	in->is_shut = false; /* it can be read */
	if (!is_encrypted && size >= VIRUS_ARCHIVE_TINY)
		l->member = size;
	return CL_CLEAN;
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
	cl_engine_set_clcb_meta(engine, on_member);
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
	if (l->encrypted_name && l->wants_encrypted)
		tell_unseen(scan, l->encrypted_name);
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
