/*
 * Layers of a message, as libclamav unpacks them: asked about, remembered.
 */
#ifndef GP_VIRUS_ENGINE_LAYERS_H
#define GP_VIRUS_ENGINE_LAYERS_H

#include "milter-virus/engine.h"

#define VIRUS_DEPTH_MAX 128 /* layers within one another that are told apart; the engine stops at 100 */

struct cl_engine;

/* A layer that is being looked at. */
struct virus_open_layer {
	int index; /* into scan->layers, or -1 */
	uint32_t level;
	int lister;   /* the kind of archive that it is; -1: none that tells of its members */
	bool is_shut; /* an archive in which nothing has been seen yet, and must be */
	bool is_told; /* it will be told of in any case */
	const char *locked_name; /* what is told of its password; NULL: it has none */
};

/* The context of one scan. */
struct virus_layers {
	struct virus_scan *scan;
	struct virus_open_layer open[VIRUS_DEPTH_MAX]; /* one in the other */
	unsigned depth;
	uint64_t member;   /* bytes of the member that must be the next layer; 0: of none */
	uint64_t file_max; /* the engine's limit of a file; 0: none */
	uint64_t room;	   /* bytes that may yet be unpacked for a look at archives */
	bool is_cut;	   /* a file in an archive was unpacked up to that limit only */
	bool is_broken, is_unsupported; /* archives: archive.h */
	const char *encrypted_name; /* what is told of one with a password; NULL: there is none */
	bool wants_broken, wants_encrypted; /* such archives are to be told of */
	char known_name[VIRUS_NAME_MAX]; /* of a layer that was known as infected */
	char found_name[VIRUS_NAME_MAX]; /* that was told last while scanning */
};

/* Sets the engine's callbacks, whose context is a struct virus_layers. */
void virus_layers_install(struct cl_engine *engine);
/* After the scan: leaves in scan->layers what may be remembered. */
void virus_layers_finish(struct virus_layers *layers);

#endif
