/*
 * A scan engine, as the loader and the workers see it: a row of calls.
 *
 *	loader:  kind->open(&options, &engine, &info, &diag)	once: reads the database
 *	worker:  kind->settle(engine, folder)			after fork and confinement
 *		 kind->scan(engine, fd, &scan)			one message at a time
 *
 * The loader opens, the workers are forked from it and share its pages.  libclamav stands behind
 * it in engine_clamav.c; tests bring one of their own.  Options are plain bytes without pointers:
 * they travel to the loader in a datagram.
 *
 * Layers.  A message is unpacked into layers (the mail, an attachment, a file in the archive that
 * it is).  Before a layer is looked at, `known` is asked whether its digest was seen before; what
 * it says replaces the look.  Layers that were looked at to their end are in `layers`, for the
 * memory of whoever asked: clean ones only if the whole message was found clean and no limit was
 * met, for then each was looked at completely.
 */
#ifndef GP_VIRUS_ENGINE_H
#define GP_VIRUS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/base/err.h"

#define VIRUS_NAME_MAX 128    /* of a signature, NUL included; longer ones are cut */
#define VIRUS_LAYERS_MAX 512  /* of a message that are remembered, and asked about */
#define VIRUS_LAYER_MIN 1024u /* bytes: smaller ones are looked at sooner than asked about */
#define VIRUS_PATH_MAX 256

/* Limits with ClamAV's names; what each means: options.c. */
enum virus_limit {
	VIRUS_MAX_SCAN_SIZE,
	VIRUS_MAX_FILE_SIZE,
	VIRUS_MAX_RECURSION,
	VIRUS_MAX_FILES,
	VIRUS_MAX_EMBEDDED_PE,
	VIRUS_MAX_HTML_NORMALIZE,
	VIRUS_MAX_HTML_NO_TAGS,
	VIRUS_MAX_SCRIPT_NORMALIZE,
	VIRUS_MAX_ZIP_TYPE_RCG,
	VIRUS_MAX_PARTITIONS,
	VIRUS_MAX_ICONS_PE,
	VIRUS_MAX_REC_HWP3,
	VIRUS_PCRE_MATCH_LIMIT,
	VIRUS_PCRE_REC_MATCH_LIMIT,
	VIRUS_PCRE_MAX_FILE_SIZE,
	VIRUS_BYTECODE_TIMEOUT, /* ms */
	VIRUS_LIMITS,
};

/* Switches with ClamAV's names. */
enum virus_switch {
	VIRUS_SCAN_ARCHIVE,
	VIRUS_SCAN_ELF,
	VIRUS_SCAN_HTML,
	VIRUS_SCAN_HWP3,
	VIRUS_SCAN_IMAGE,
	VIRUS_SCAN_IMAGE_FUZZY_HASH,
	VIRUS_SCAN_MAIL,
	VIRUS_SCAN_OLE2,
	VIRUS_SCAN_ONENOTE,
	VIRUS_SCAN_PARTIAL_MESSAGES,
	VIRUS_SCAN_PDF,
	VIRUS_SCAN_PE,
	VIRUS_SCAN_SWF,
	VIRUS_SCAN_XMLDOCS,
	VIRUS_HEURISTIC_ALERTS,
	VIRUS_HEURISTIC_SCAN_PRECEDENCE,
	VIRUS_PHISHING_SIGNATURES,
	VIRUS_PHISHING_SCAN_URLS,
	VIRUS_ALERT_PHISHING_SSL_MISMATCH,
	VIRUS_ALERT_PHISHING_CLOAK,
	VIRUS_ALERT_BROKEN_EXECUTABLES,
	VIRUS_ALERT_BROKEN_MEDIA,
	VIRUS_ALERT_ENCRYPTED_ARCHIVE,
	VIRUS_ALERT_ENCRYPTED_DOC,
	VIRUS_ALERT_OLE2_MACROS,
	VIRUS_ALERT_PARTITION_INTERSECTION,
	VIRUS_DETECT_PUA,
	VIRUS_BYTECODE,
	VIRUS_BYTECODE_UNSIGNED,
	VIRUS_OFFICIAL_DATABASE_ONLY,
	VIRUS_SWITCHES,
};

struct virus_engine_options {
	char database[VIRUS_PATH_MAX];	/* folder or file */
	char temporary[VIRUS_PATH_MAX]; /* folder in which there is one for each worker */
	char pua[512];			/* categories ".A.B.", empty: all */
	bool is_pua_excluded;		/* they are those that are not wanted */
	int64_t limits[VIRUS_LIMITS];
	int64_t scan_time_ms;		/* the engine's own limit; the front kills later */
	bool switches[VIRUS_SWITCHES];
};

struct virus_engine_info {
	char version[32];     /* of the library: "ClamAV 1.4.6" */
	uint64_t signatures;
	uint32_t db_version;  /* of the newest official file; 0: none is there */
	int64_t db_time_s;    /* when the newest file was made; 0: not known */
	uint64_t memory;      /* bytes that the engine takes in the loader */
	int64_t load_ms;
};

struct virus_layer {
	unsigned char digest[GP_SHA256_SIZE];
	uint32_t size;	/* bytes; UINT32_MAX: that or more */
	uint16_t level; /* how deep it lay */
	bool is_infected;
};

enum virus_known { VIRUS_UNKNOWN, VIRUS_KNOWN_CLEAN, VIRUS_KNOWN_INFECTED };
/* VIRUS_UNFIT: it failed, and would with each further one, as the worker's temporary folder is gone. */
enum virus_status { VIRUS_CLEAN, VIRUS_FOUND, VIRUS_FAILED, VIRUS_UNFIT };

/* One scan: what the asker gives, and what it gets. */
struct virus_scan {
	/* Is the layer known?  With VIRUS_KNOWN_INFECTED the name is filled.  NULL: nobody is asked,
	 * nothing remembered. */
	enum virus_known (*known)(void *arg, const struct virus_layer *layer,
				  char ret_name[VIRUS_NAME_MAX]);
	void *arg;
	/* Result. */
	enum virus_status status;
	char name[VIRUS_NAME_MAX]; /* of the signature; if it failed what went wrong */
	size_t n_known;		   /* layers that were not looked at, because known */
	size_t n_layers;
	struct virus_layer layers[VIRUS_LAYERS_MAX];
};

struct virus_engine;

struct virus_engine_kind {
	/* In the loader.  GP_ENOENT: there is no database; GP_EINVAL: it is broken; the diag says. */
	int (*open)(const struct virus_engine_options *options, struct virus_engine **ret,
		    struct virus_engine_info *ret_info, struct gp_diag *diag);
	/* In a worker: its temporary folder, and what must be read before files are out of reach. */
	int (*settle)(struct virus_engine *engine, const char *folder, struct gp_diag *diag);
	/* In a worker. */
	void (*scan)(struct virus_engine *engine, int fd, struct virus_scan *scan);
};

extern const struct virus_engine_kind virus_engine_clamav;

/* What an engine calls a scan that met scan_time_ms. */
#define VIRUS_TIME_NAME "Heuristics.Limits.Exceeded.MaxScanTime"

/* A message that every engine must find VIRUS_SELFTEST_NAME in, after its database was read: its
 * own signature is loaded beside the database. */
#define VIRUS_SELFTEST_NAME "Gatepost.Selftest"
#define VIRUS_SELFTEST_MARK "GATEPOST-SELFTEST-7f3d1c0a5be94e26-NOT-A-VIRUS"

/* Copies a signature's name, what is not printable ASCII replaced; what a worker says passes
 * through it again in the front. */
void virus_name_copy(char ret[VIRUS_NAME_MAX], const char *name, size_t len);
/* The same for what went wrong, which has spaces. */
void virus_words_copy(char ret[VIRUS_NAME_MAX], const char *words, size_t len);

#endif
