/*
 * Layers of a message, as libclamav unpacks them: asked about, remembered.
 */
#ifndef GP_VIRUS_ENGINE_LAYERS_H
#define GP_VIRUS_ENGINE_LAYERS_H

#include "milter-virus/engine.h"

#define VIRUS_DEPTH_MAX 128 /* layers within one another that are told apart; the engine stops at 100 */

struct cl_engine;

/* The context of one scan. */
struct virus_layers {
	struct virus_scan *scan;
	/* Those that are being looked at, one in the other: index into scan->layers, or -1. */
	int open[VIRUS_DEPTH_MAX];
	uint32_t levels[VIRUS_DEPTH_MAX];
	unsigned depth;
	bool is_shut[VIRUS_DEPTH_MAX]; /* an archive in which nothing has been seen yet, and must be */
	uint64_t file_max; /* the engine's limit of a file; 0: none */
	bool is_cut;	   /* a file in an archive was unpacked up to that limit only */
	bool is_broken, is_unsupported; /* archives: archive.h */
	bool wants_broken; /* those that are broken are to be told of */
	char known_name[VIRUS_NAME_MAX]; /* of a layer that was known as infected */
	char found_name[VIRUS_NAME_MAX]; /* that was told last while scanning */
};

/* Sets the engine's callbacks, whose context is a struct virus_layers. */
void virus_layers_install(struct cl_engine *engine);
/* After the scan: leaves in scan->layers what may be remembered. */
void virus_layers_finish(struct virus_layers *layers);

#endif
