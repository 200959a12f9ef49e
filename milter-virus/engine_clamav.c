/*
 * The engine that is libclamav: loading and scanning.  The only files of the suite that know it
 * are this one and engine_layers.c beside it.
 *
 * libclamav 1.4 cannot be told to break off a scan: its own limit of time is asked for, and ends
 * most scans that take long; who really keeps the deadline is the front, which kills the worker.
 *
 * "Limits.Exceeded" is always asked for: a verdict is remembered only where none was met.
 * libclamav's own memory of clean files is off: the front's serves all workers.
 */
#include <clamav.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "milter-virus/category.h"
#include "milter-virus/engine_clock.h"
#include "milter-virus/engine_faults.h"
#include "milter-virus/engine_layers.h"

/* Bytes of a message that are unpacked once more to see whether its gzip files are whole: less than a
 * second of time, and more than real ones hold. */
#define UNPACKED_MAX (256u << 20)

struct virus_engine {
	struct cl_engine *clamav;
	struct cl_scan_options options;
	bool wants_broken, wants_encrypted; /* archives too, of which it says nothing itself */
};

static const enum cl_engine_field limit_fields[VIRUS_LIMITS] = {
	[VIRUS_MAX_SCAN_SIZE] = CL_ENGINE_MAX_SCANSIZE,
	[VIRUS_MAX_FILE_SIZE] = CL_ENGINE_MAX_FILESIZE,
	[VIRUS_MAX_RECURSION] = CL_ENGINE_MAX_RECURSION,
	[VIRUS_MAX_FILES] = CL_ENGINE_MAX_FILES,
	[VIRUS_MAX_EMBEDDED_PE] = CL_ENGINE_MAX_EMBEDDEDPE,
	[VIRUS_MAX_HTML_NORMALIZE] = CL_ENGINE_MAX_HTMLNORMALIZE,
	[VIRUS_MAX_HTML_NO_TAGS] = CL_ENGINE_MAX_HTMLNOTAGS,
	[VIRUS_MAX_SCRIPT_NORMALIZE] = CL_ENGINE_MAX_SCRIPTNORMALIZE,
	[VIRUS_MAX_ZIP_TYPE_RCG] = CL_ENGINE_MAX_ZIPTYPERCG,
	[VIRUS_MAX_PARTITIONS] = CL_ENGINE_MAX_PARTITIONS,
	[VIRUS_MAX_ICONS_PE] = CL_ENGINE_MAX_ICONSPE,
	[VIRUS_MAX_REC_HWP3] = CL_ENGINE_MAX_RECHWP3,
	[VIRUS_PCRE_MATCH_LIMIT] = CL_ENGINE_PCRE_MATCH_LIMIT,
	[VIRUS_PCRE_REC_MATCH_LIMIT] = CL_ENGINE_PCRE_RECMATCH_LIMIT,
	[VIRUS_PCRE_MAX_FILE_SIZE] = CL_ENGINE_PCRE_MAX_FILESIZE,
	[VIRUS_BYTECODE_TIMEOUT] = CL_ENGINE_BYTECODE_TIMEOUT,
};

/* A switch, and the bits that it sets: of the scan's options, or of loading the database. */
static const struct {
	enum virus_switch index;
	uint32_t general, parse, heuristic, mail, database;
} switches[] = {
	{VIRUS_SCAN_ARCHIVE, .parse = CL_SCAN_PARSE_ARCHIVE},
	{VIRUS_SCAN_ELF, .parse = CL_SCAN_PARSE_ELF},
	{VIRUS_SCAN_HTML, .parse = CL_SCAN_PARSE_HTML},
	{VIRUS_SCAN_HWP3, .parse = CL_SCAN_PARSE_HWP3},
	{VIRUS_SCAN_IMAGE, .parse = CL_SCAN_PARSE_IMAGE},
	{VIRUS_SCAN_IMAGE_FUZZY_HASH, .parse = CL_SCAN_PARSE_IMAGE_FUZZY_HASH},
	{VIRUS_SCAN_MAIL, .parse = CL_SCAN_PARSE_MAIL},
	{VIRUS_SCAN_OLE2, .parse = CL_SCAN_PARSE_OLE2},
	{VIRUS_SCAN_ONENOTE, .parse = CL_SCAN_PARSE_ONENOTE},
	{VIRUS_SCAN_PARTIAL_MESSAGES, .mail = CL_SCAN_MAIL_PARTIAL_MESSAGE},
	{VIRUS_SCAN_PDF, .parse = CL_SCAN_PARSE_PDF},
	{VIRUS_SCAN_PE, .parse = CL_SCAN_PARSE_PE},
	{VIRUS_SCAN_SWF, .parse = CL_SCAN_PARSE_SWF},
	{VIRUS_SCAN_XMLDOCS, .parse = CL_SCAN_PARSE_XMLDOCS},
	{VIRUS_HEURISTIC_ALERTS, .general = CL_SCAN_GENERAL_HEURISTICS},
	{VIRUS_HEURISTIC_SCAN_PRECEDENCE, .general = CL_SCAN_GENERAL_HEURISTIC_PRECEDENCE},
	{VIRUS_PHISHING_SIGNATURES, .database = CL_DB_PHISHING},
	{VIRUS_PHISHING_SCAN_URLS, .database = CL_DB_PHISHING_URLS},
	{VIRUS_ALERT_PHISHING_SSL_MISMATCH, .heuristic = CL_SCAN_HEURISTIC_PHISHING_SSL_MISMATCH},
	{VIRUS_ALERT_PHISHING_CLOAK, .heuristic = CL_SCAN_HEURISTIC_PHISHING_CLOAK},
	{VIRUS_ALERT_BROKEN_EXECUTABLES, .heuristic = CL_SCAN_HEURISTIC_BROKEN},
	{VIRUS_ALERT_BROKEN_MEDIA, .heuristic = CL_SCAN_HEURISTIC_BROKEN_MEDIA},
	{VIRUS_ALERT_ENCRYPTED_ARCHIVE, .heuristic = CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE},
	{VIRUS_ALERT_ENCRYPTED_DOC, .heuristic = CL_SCAN_HEURISTIC_ENCRYPTED_DOC},
	{VIRUS_ALERT_OLE2_MACROS, .heuristic = CL_SCAN_HEURISTIC_MACROS},
	{VIRUS_ALERT_PARTITION_INTERSECTION, .heuristic = CL_SCAN_HEURISTIC_PARTITION_INTXN},
	{VIRUS_DETECT_PUA, .database = CL_DB_PUA},
	{VIRUS_BYTECODE, .database = CL_DB_BYTECODE},
	{VIRUS_BYTECODE_UNSIGNED, .database = CL_DB_BYTECODE_UNSIGNED},
	{VIRUS_OFFICIAL_DATABASE_ONLY, .database = CL_DB_OFFICIAL_ONLY},
};

/* The scan's options; the database's in return. */
static uint32_t choose(const struct virus_engine_options *o, struct cl_scan_options *ret)
{
	uint32_t database = 0;

	*ret = (struct cl_scan_options){.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX};
	for (size_t i = 0; i < GP_ARRAY_SIZE(switches); i++) {
		if (!o->switches[switches[i].index])
			continue;
		ret->general |= switches[i].general;
		ret->parse |= switches[i].parse;
		ret->heuristic |= switches[i].heuristic;
		ret->mail |= switches[i].mail;
		database |= switches[i].database;
	}
	if (*o->pua && (database & CL_DB_PUA))
		database |= CL_DB_PUA_MODE |
			    (o->is_pua_excluded ? CL_DB_PUA_EXCLUDE : CL_DB_PUA_INCLUDE);
	return database;
}

static int set_up(struct cl_engine *e, const struct virus_engine_options *o, struct gp_diag *diag)
{
	cl_error_t r = cl_engine_set_num(e, CL_ENGINE_DISABLE_CACHE, 1);

	for (size_t i = 0; r == CL_SUCCESS && i < VIRUS_LIMITS; i++)
		r = cl_engine_set_num(e, limit_fields[i], o->limits[i]);
	if (r == CL_SUCCESS)
		r = cl_engine_set_num(e, CL_ENGINE_MAX_SCANTIME, o->scan_time_ms);
	if (r == CL_SUCCESS)
		r = cl_engine_set_str(e, CL_ENGINE_TMPDIR, o->temporary);
	if (r == CL_SUCCESS && *o->pua)
		r = cl_engine_set_str(e, CL_ENGINE_PUA_CATEGORIES, o->pua);
	if (r != CL_SUCCESS)
		gp_diag_set(diag, "libclamav takes no such limit: %s", cl_strerror(r));
	return r == CL_SUCCESS ? GP_OK : GP_EINVAL;
}

/* Our own signature goes by way of a file, as libclamav reads nothing else. */
static int load_selftest(struct cl_engine *e, const struct virus_engine_options *o,
			 struct gp_diag *diag)
{
	char path[VIRUS_PATH_MAX + 64], line[256];
	unsigned n = 0;
	cl_error_t r;
	int fd, len = snprintf(line, sizeof(line), "%s:0:*:", VIRUS_SELFTEST_NAME);

	for (const char *p = VIRUS_SELFTEST_MARK; *p; p++)
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%02x", (unsigned char)*p);
	line[len++] = '\n';
	/* A name that nobody else can take before: all may write to that folder. */
	snprintf(path, sizeof(path), "%s/gatepost-selftest-XXXXXX.ndb", o->temporary);
	fd = mkostemps(path, 4, O_CLOEXEC);
	if (fd < 0 || write(fd, line, (size_t)len) != len || close(fd) < 0)
		return gp_diag_errno(diag, "%s", path);
	r = cl_load(path, e, &n, 0);
	(void)unlink(path);
	if (r == CL_SUCCESS)
		return GP_OK;
	gp_diag_set(diag, "%s: %s", path, cl_strerror(r));
	return GP_ESYS;
}

/* What libclamav says of a broken file goes to its messages, not to its result. */
static char complaint[512];

static void note_complaint(enum cl_msg severity, const char *full, const char *text, void *arg)
{
	struct gp_str s = gp_str_trim(gp_str(text ? text : full));

	size_t len = strlen(complaint);

	(void)arg;
	if (severity != CL_MSG_ERROR || len + s.len + 3 > sizeof(complaint))
		return;
	/* The first says what is wrong, a later one in which file. */
	snprintf(complaint + len, sizeof(complaint) - len, "%s%.*s", len ? "; " : "",
		 GP_STR_FMT(s));
}

static int load(struct cl_engine *e, const struct virus_engine_options *o, uint32_t flags,
		uint64_t *ret_signatures, struct gp_diag *diag)
{
	unsigned n = 0;
	cl_error_t r;

	cl_set_clcb_msg(note_complaint);
	r = cl_load(o->database, e, &n, flags);
	if (r == CL_SUCCESS && n == 0) {
		gp_diag_set(diag, "%s: no signatures are there", o->database);
		return GP_ENOENT;
	}
	if (r != CL_SUCCESS) {
		gp_diag_set(diag, "%s: %s%s%s", o->database, cl_strerror(r), *complaint ? ": " : "",
			    complaint);
		return r == CL_EOPEN || r == CL_ESTAT || r == CL_EACCES ? GP_ENOENT : GP_EINVAL;
	}
	*ret_signatures = n;
	return GP_OK;
}

static int compile(struct cl_engine *e, const struct virus_engine_options *o, struct gp_diag *diag)
{
	cl_error_t r = cl_engine_compile(e);

	if (r == CL_SUCCESS)
		return GP_OK;
	gp_diag_set(diag, "%s: %s", o->database, cl_strerror(r));
	return GP_EINVAL;
}

static int open_engine(const struct virus_engine_options *o, struct virus_engine **ret,
		       struct virus_engine_info *info, struct gp_diag *diag)
{
	struct virus_engine *e = gp_xcalloc(1, sizeof(*e));
	uint32_t flags = choose(o, &e->options);
	int r = GP_OK;

	e->wants_broken = o->switches[VIRUS_ALERT_BROKEN_EXECUTABLES];
	e->wants_encrypted = o->switches[VIRUS_ALERT_ENCRYPTED_ARCHIVE];
	if (cl_init(CL_INIT_DEFAULT) != CL_SUCCESS || !(e->clamav = cl_engine_new())) {
		gp_diag_set(diag, "libclamav cannot start");
		r = GP_ESYS;
	}
	if (r == GP_OK)
		r = set_up(e->clamav, o, diag);
	if (r == GP_OK)
		r = load(e->clamav, o, flags, &info->signatures, diag);
	if (r == GP_OK)
		r = load_selftest(e->clamav, o, diag);
	if (r == GP_OK)
		r = compile(e->clamav, o, diag);
	if (r == GP_OK) {
		int err = 0;

		snprintf(info->version, sizeof(info->version), "ClamAV %s", cl_retver());
		info->db_version = (uint32_t)cl_engine_get_num(e->clamav, CL_ENGINE_DB_VERSION, &err);
		info->db_time_s = cl_engine_get_num(e->clamav, CL_ENGINE_DB_TIME, &err);
		virus_layers_install(e->clamav);
		*ret = e;
		return GP_OK;
	}
	if (e->clamav)
		cl_engine_free(e->clamav);
	free(e);
	return r;
}

static int settle(struct virus_engine *e, const char *folder, struct gp_diag *diag)
{
	unsigned char digest[GP_SHA256_SIZE];

	tzset();		    /* names of temporary files hold the time */
	gp_sha256("", 0, digest); /* has the library read its configuration */
	if (cl_engine_set_str(e->clamav, CL_ENGINE_TMPDIR, folder) == CL_SUCCESS)
		return GP_OK;
	gp_diag_set(diag, "libclamav does not take %s", folder);
	return GP_ESYS;
}

/* What was found is found; all else is not known where the host failed meanwhile. */
static void refuse_halves(struct virus_scan *scan)
{
	const char *why = strerror(virus_faults_seen());
	enum virus_category category = virus_category_of(gp_str(scan->name));

	if (!virus_faults_seen() || (scan->status == VIRUS_FOUND && category == VIRUS_CAT_VIRUS))
		return;
	if (scan->status != VIRUS_FAILED)
		virus_words_copy(scan->name, why, strlen(why));
	scan->status = virus_faults_has_no_folder() ? VIRUS_UNFIT : VIRUS_FAILED;
}

static void scan_one(struct virus_engine *e, int fd, struct virus_scan *scan)
{
	struct virus_layers layers = {.scan = scan,
				      .room = e->wants_broken ? UNPACKED_MAX : 0,
				      .wants_broken = e->wants_broken,
				      .wants_encrypted = e->wants_encrypted};
	const char *name = NULL;
	unsigned long blocks = 0;
	cl_error_t r;
	int err = 0;

	scan->status = VIRUS_CLEAN;
	scan->name[0] = '\0';
	scan->n_known = scan->n_layers = 0;
	layers.file_max = (uint64_t)cl_engine_get_num(e->clamav, CL_ENGINE_MAX_FILESIZE, &err);
	virus_faults_begin();
	virus_clock_begin();
	r = cl_scandesc_callback(fd, NULL, &name, &blocks, e->clamav, &e->options, &layers);
	if (r == CL_VIRUS) {
		scan->status = VIRUS_FOUND;
		if (!name) /* of a suspicion that was kept back for something worse */
			name = *layers.found_name ? layers.found_name : "Unnamed";
		virus_name_copy(scan->name, name, strlen(name));
	} else if (r != CL_CLEAN) {
		scan->status = VIRUS_FAILED;
		virus_words_copy(scan->name, cl_strerror(r), strlen(cl_strerror(r)));
	}
	refuse_halves(scan);
	virus_layers_finish(&layers);
}

const struct virus_engine_kind virus_engine_clamav = {
	.open = open_engine, .settle = settle, .scan = scan_one};
