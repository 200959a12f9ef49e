/*
 * The option table of milter-virus, and the rules that span settings.
 *
 * Limits and switches have ClamAV's names in our spelling (MaxScanSize: max_scan_size) and its
 * defaults.  What ClamAV switches by Alert… follows here from actions: a category that is off is
 * not looked for.
 */
#include "milter-virus/options.h"

#include <unistd.h>

#include "lib/base/limits.h"
#include "lib/daemon/reply.h"
#include "milter-virus/clamd.h"

#define WORKERS_MAX 256

const struct gp_conf_enum virus_action_names[] = {
	{"off", VIRUS_ACT_OFF},		  {"accept", VIRUS_ACT_ACCEPT}, {"mark", VIRUS_ACT_MARK},
	{"hold", VIRUS_ACT_HOLD},	  {"quarantine", VIRUS_ACT_QUARANTINE},
	{"tempfail", VIRUS_ACT_TEMPFAIL},
	{"reject", VIRUS_ACT_REJECT}, {"discard", VIRUS_ACT_DISCARD},	{NULL, 0}};
const struct gp_conf_enum virus_done_names[] = {
	{"accept", VIRUS_ACT_ACCEPT}, {"mark", VIRUS_ACT_MARK},	    {"hold", VIRUS_ACT_HOLD},
	{"quarantine", VIRUS_ACT_QUARANTINE},
	{"tempfail", VIRUS_ACT_TEMPFAIL}, {"reject", VIRUS_ACT_REJECT},
	{"discard", VIRUS_ACT_DISCARD}, {NULL, 0}};
/* As virus_action_names, for our own mail. */
static const struct gp_conf_enum outbound_names[] = {
	{"same", VIRUS_ACT_SAME},     {"off", VIRUS_ACT_OFF},
	{"accept", VIRUS_ACT_ACCEPT}, {"mark", VIRUS_ACT_MARK},
	{"hold", VIRUS_ACT_HOLD},     {"quarantine", VIRUS_ACT_QUARANTINE},
	{"tempfail", VIRUS_ACT_TEMPFAIL}, {"reject", VIRUS_ACT_REJECT},
	{"discard", VIRUS_ACT_DISCARD}, {NULL, 0}};
static const struct gp_conf_enum reloads[] = {{"overlap", VIRUS_RELOAD_OVERLAP},
					      {"drain", VIRUS_RELOAD_DRAIN},
					      {"manual", VIRUS_RELOAD_MANUAL},
					      {NULL, 0}};
static const struct gp_conf_enum engines[] = {{"libclamav", VIRUS_BY_LIBCLAMAV},
					      {"clamd", VIRUS_BY_CLAMD},
					      {NULL, 0}};
static const struct gp_conf_enum oversizes[] = {{"scan", VIRUS_OVERSIZE_SCAN},
						{"mark", VIRUS_OVERSIZE_MARK},
						{"tempfail", VIRUS_OVERSIZE_TEMPFAIL},
						{"reject", VIRUS_OVERSIZE_REJECT},
						{NULL, 0}};

#define AT(field) offsetof(struct virus_conf, field)
#define SIZE_LIMIT(name, index, def_, help_)                                                       \
	{name, GP_CONF_SIZE, AT(limits[index]), def_, .min = 0, .max = 4e9, .help = help_}
#define COUNT_LIMIT(name, index, def_, max_, unit_, help_)                                         \
	{name, GP_CONF_INT, AT(limits[index]), def_, .min = 1, .max = max_, .unit = unit_,         \
	 .help = help_}
#define SWITCH(name, index, def_, help_)                                                           \
	{name, GP_CONF_BOOL, AT(switches[index]), def_, .help = help_}
#define ACTION(category, index, def_, help_)                                                       \
	{"actions." category, GP_CONF_ENUM, AT(actions[index]), def_,                              \
	 .values = virus_action_names, .help = help_}

#define OUTBOUND(category, index)                                                                  \
	{"outbound." category, GP_CONF_ENUM, AT(outbound[index]), "same", .values = outbound_names, \
	 .help = "The same for mail of authenticated users and own networks; same: as "             \
		 "actions." category "."}

static int check_path(const void *field, struct gp_diag *diag)
{
	if (strlen(*(const char *const *)field) < VIRUS_PATH_MAX)
		return GP_OK;
	gp_diag_set(diag, "must be shorter than %d bytes", VIRUS_PATH_MAX);
	return GP_EINVAL;
}

static int check_servers(const void *field, struct gp_diag *diag)
{
	const struct gp_conf_list *list = field;
	int r = GP_OK;

	if (list->len > VIRUS_CLAMD_SERVERS_MAX) {
		gp_diag_set(diag, "more than %d servers", VIRUS_CLAMD_SERVERS_MAX);
		return GP_EINVAL;
	}
	for (size_t i = 0; i < list->len && r == GP_OK; i++)
		r = gp_conf_check_socket(&list->items[i], diag);
	return r;
}

static const struct gp_conf_row rows[] = {
	GP_DAEMON_ROWS(struct virus_conf, daemon, "unix:/run/gatepost/virus.sock", "gatepost-virus"),
	{"control", GP_CONF_STRING, AT(control), "unix:/run/gatepost/virus-control.sock",
	 .flags = GP_CONF_RESTART, .check = gp_conf_check_socket,
	 .help = "Address for the command \"gatepost virus\"; empty: none."},
	{"scan_user", GP_CONF_STRING, AT(scan_user), "gatepost-scan", .flags = GP_CONF_RESTART,
	 .help = "User that scan workers become when the program is started as root; empty: the "
		 "same as the program's."},
	{"engine", GP_CONF_ENUM, AT(engine), "libclamav", .values = engines,
	 .flags = GP_CONF_RESTART,
	 .help = "Who scans: libclamav in workers of our own, or a clamd that runs anyway."},
	{"clamd.servers", GP_CONF_LIST, AT(clamd_servers), "unix:/run/clamav/clamd.ctl",
	 .check = check_servers,
	 .help = "Addresses of clamd, asked in this order: the first that can be reached scans."},
	{"clamd.rest", GP_CONF_DURATION, AT(clamd_rest_ms), "10s", .min = 100, .max = 3600000,
	 .help = "How long a clamd is left alone that could not be reached three times."},
	{"database", GP_CONF_PATH, AT(database), "/var/lib/clamav",
	 .flags = GP_CONF_REQUIRED | GP_CONF_RESTART, .check = check_path,
	 .help = "Folder of the signatures, as freshclam keeps it."},
	{"database_copy", GP_CONF_PATH, AT(database_copy), "/var/lib/gatepost-virus",
	 .flags = GP_CONF_RESTART, .check = check_path,
	 .help = "Folder for a copy of the signatures that serve, as large as they are: read when the "
		 "next ones come after these went (reload) and are broken; empty: none."},
	{"database_check", GP_CONF_DURATION, AT(database_check_ms), "10m", .min = 1000,
	 .max = 86400000,
	 .help = "How often the folder is looked at besides: changes are noticed at once where the "
		 "kernel tells of them."},
	{"reload", GP_CONF_ENUM, AT(reload), "overlap", .values = reloads,
	 .help = "How new signatures come in: beside the old ones, which serve until the new ones "
		 "are tested, while there is memory for both, and else as drain (overlap); after the "
		 "old ones went, while mail waits (drain); when told to only (manual)."},
	{"temporary", GP_CONF_PATH, AT(temporary), "/dev/shm",
	 .flags = GP_CONF_REQUIRED | GP_CONF_RESTART, .check = check_path,
	 .help = "Folder for what is unpacked; each worker gets one of its own in it.  One in memory halves "
		 "what a message costs."},
	{"workers", GP_CONF_INT, AT(workers), "0", .min = 0, .max = WORKERS_MAX, .unit = "processes",
	 .help = "Messages that are scanned at a time; 0: one a processor."},
	{"worker_memory", GP_CONF_SIZE, AT(worker_memory), "1G", .min = 16 << 20, .max = 1e12,
	 .help = "Address space that a worker may take beyond the engine's."},
	{"worker_messages", GP_CONF_INT, AT(worker_messages), "1000", .min = 0, .max = 1e9,
	 .unit = "messages", .help = "A worker is replaced after so many; 0: never."},
	{"deadline", GP_CONF_DURATION, AT(deadline_ms), "30s", .min = 100, .max = 240000,
	 .help = "Time for the scan of one message; then its worker is killed."},
	{"queue_max", GP_CONF_INT, AT(queue_max), "200", .min = 0, .max = 100000, .unit = "messages",
	 .help = "Messages that wait for a worker; further ones are deferred."},
	{"queue_wait", GP_CONF_DURATION, AT(queue_wait_ms), "2m", .min = 100, .max = 600000,
	 .help = "How long a message waits for a worker, or for new signatures, before it is "
		 "deferred."},
	{"size_max", GP_CONF_SIZE, AT(size_max), "100M", .min = 4096, .max = 2e9,
	 .help = "Bytes of a message that are scanned."},
	{"oversize", GP_CONF_ENUM, AT(oversize), "scan", .values = oversizes,
	 .help = "What happens to a larger message: its beginning is scanned (scan), it is accepted "
		 "and marked, deferred, or refused."},
	{"held_max", GP_CONF_SIZE, AT(held_max), "2G", .min = 1 << 20, .max = 1e12,
	 .help = "Memory for all messages that are received or scanned at a time; further ones are "
		 "deferred."},
	{"cache_size", GP_CONF_INT, AT(cache_size), "20000", .min = 0, .max = 1e7, .unit = "parts",
	 .flags = GP_CONF_RESTART,
	 .help = "Decoded parts whose verdict is remembered (56 bytes each); 0: none."},
	{"cache_ttl", GP_CONF_DURATION, AT(cache_ttl_ms), "1h", .min = 1000, .max = 3600000,
	 .help = "How long a verdict is remembered."},
	SIZE_LIMIT("max_scan_size", VIRUS_MAX_SCAN_SIZE, "400M",
		   "Bytes of a message that are scanned, counting what is unpacked; 0: no limit."),
	SIZE_LIMIT("max_file_size", VIRUS_MAX_FILE_SIZE, "100M",
		   "Larger files in a message are scanned up to there, or not at all, by their kind; it is told "
		   "as a limit that was met (actions.limits); 0: no limit."),
	COUNT_LIMIT("max_recursion", VIRUS_MAX_RECURSION, "17", 100, "levels",
		    "How deep archives within archives are unpacked."),
	COUNT_LIMIT("max_files", VIRUS_MAX_FILES, "10000", 1e9, "files",
		    "Files of a message that are scanned."),
	SIZE_LIMIT("max_embedded_pe", VIRUS_MAX_EMBEDDED_PE, "40M",
		   "Larger files are not searched for programs within."),
	SIZE_LIMIT("max_html_normalize", VIRUS_MAX_HTML_NORMALIZE, "40M",
		   "Larger HTML files are not normalized."),
	SIZE_LIMIT("max_html_no_tags", VIRUS_MAX_HTML_NO_TAGS, "8M",
		   "Larger HTML files are not scanned without their tags."),
	SIZE_LIMIT("max_script_normalize", VIRUS_MAX_SCRIPT_NORMALIZE, "20M",
		   "Larger scripts are not normalized."),
	SIZE_LIMIT("max_zip_type_rcg", VIRUS_MAX_ZIP_TYPE_RCG, "1M",
		   "Larger ZIP archives are not looked at again for another type."),
	COUNT_LIMIT("max_partitions", VIRUS_MAX_PARTITIONS, "50", 100000, "partitions",
		    "Partitions of a disk image that are scanned."),
	COUNT_LIMIT("max_icons_pe", VIRUS_MAX_ICONS_PE, "100", 100000, "icons",
		    "Icons of a program that are scanned."),
	COUNT_LIMIT("max_rec_hwp3", VIRUS_MAX_REC_HWP3, "16", 1000, "calls",
		    "How deep an HWP3 document is parsed."),
	COUNT_LIMIT("pcre_match_limit", VIRUS_PCRE_MATCH_LIMIT, "100000", 1e9, "calls",
		    "Effort of one regular expression of a signature."),
	COUNT_LIMIT("pcre_rec_match_limit", VIRUS_PCRE_REC_MATCH_LIMIT, "2000", 1e6, "calls",
		    "Depth of one regular expression of a signature."),
	SIZE_LIMIT("pcre_max_file_size", VIRUS_PCRE_MAX_FILE_SIZE, "100M",
		   "Larger files are not searched by regular expressions."),
	{"bytecode_timeout", GP_CONF_DURATION, AT(limits[VIRUS_BYTECODE_TIMEOUT]), "10s", .min = 100,
	 .max = 240000, .help = "Time for one signature that is a program."},
	SWITCH("bytecode", VIRUS_BYTECODE, "true", "Load signatures that are programs."),
	SWITCH("bytecode_unsigned", VIRUS_BYTECODE_UNSIGNED, "false",
	       "Load such signatures also where nobody signed them: only from sources that may run "
	       "programs here."),
	SWITCH("official_database_only", VIRUS_OFFICIAL_DATABASE_ONLY, "false",
	       "Load the signed files of ClamAV only."),
	SWITCH("scan_archive", VIRUS_SCAN_ARCHIVE, "true", "Unpack archives."),
	SWITCH("scan_elf", VIRUS_SCAN_ELF, "true", "Look into ELF programs."),
	SWITCH("scan_html", VIRUS_SCAN_HTML, "true", "Normalize HTML, decode its scripts."),
	SWITCH("scan_hwp3", VIRUS_SCAN_HWP3, "true", "Look into HWP3 documents."),
	SWITCH("scan_image", VIRUS_SCAN_IMAGE, "true", "Look into images."),
	SWITCH("scan_image_fuzzy_hash", VIRUS_SCAN_IMAGE_FUZZY_HASH, "true",
	       "Compare images with known ones."),
	SWITCH("scan_mail", VIRUS_SCAN_MAIL, "true",
	       "Unpack mail; without it attachments are not found."),
	SWITCH("scan_ole2", VIRUS_SCAN_OLE2, "true", "Look into OLE2 documents (Office, MSI)."),
	SWITCH("scan_onenote", VIRUS_SCAN_ONENOTE, "true", "Look into OneNote documents."),
	SWITCH("scan_partial_messages", VIRUS_SCAN_PARTIAL_MESSAGES, "false",
	       "Put messages together that came in pieces (message/partial): keeps pieces of "
	       "strangers' mail in the temporary folder."),
	SWITCH("scan_pdf", VIRUS_SCAN_PDF, "true", "Look into PDF documents."),
	SWITCH("scan_pe", VIRUS_SCAN_PE, "true", "Look into Windows programs, unpack them."),
	SWITCH("scan_swf", VIRUS_SCAN_SWF, "true", "Look into Flash files."),
	SWITCH("scan_xmldocs", VIRUS_SCAN_XMLDOCS, "true", "Look into XML documents (Office)."),
	SWITCH("heuristic_alerts", VIRUS_HEURISTIC_ALERTS, "true",
	       "Look for what is suspicious without a signature."),
	SWITCH("heuristic_scan_precedence", VIRUS_HEURISTIC_SCAN_PRECEDENCE, "false",
	       "End a scan at the first suspicion, instead of looking for a signature first."),
	SWITCH("phishing_signatures", VIRUS_PHISHING_SIGNATURES, "true",
	       "Load signatures of phishing mail."),
	SWITCH("phishing_scan_urls", VIRUS_PHISHING_SCAN_URLS, "true",
	       "Compare links with what they show, by the database's lists."),
	SWITCH("alert_phishing_ssl_mismatch", VIRUS_ALERT_PHISHING_SSL_MISMATCH, "false",
	       "Suspect links that show https and lead elsewhere, whatever the lists say."),
	SWITCH("alert_phishing_cloak", VIRUS_ALERT_PHISHING_CLOAK, "false",
	       "Suspect links with disguised hosts, whatever the lists say."),
	SWITCH("alert_partition_intersection", VIRUS_ALERT_PARTITION_INTERSECTION, "false",
	       "Suspect disk images whose partitions overlap."),
	{"include_pua", GP_CONF_LIST, AT(include_pua), "",
	 .help = "Only these categories of unwanted programs (actions.pua), as ClamAV names them: "
		 "\"Win\", \"Packed\" …"},
	{"exclude_pua", GP_CONF_LIST, AT(exclude_pua), "", .help = "All categories but these."},
	ACTION("virus", VIRUS_CAT_VIRUS, "reject",
	       "A signature was found: accepted and logged only, marked, held in the MTA's queue, "
	       "deferred, refused, or accepted and thrown away."),
	ACTION("heuristics", VIRUS_CAT_HEURISTICS, "reject",
	       "Suspicious without a signature, and none of the following."),
	ACTION("pua", VIRUS_CAT_PUA, "off", "A program that may be unwanted; off: not looked for."),
	ACTION("encrypted", VIRUS_CAT_ENCRYPTED, "off",
	       "An archive or a document with a password, which cannot be scanned."),
	ACTION("macro", VIRUS_CAT_MACRO, "off", "A document with macros."),
	ACTION("limits", VIRUS_CAT_LIMITS, "mark",
	       "A limit was met (max_scan_size …), or an archive is of a kind that the engine does not "
	       "unpack: not all of it was scanned."),
	ACTION("phishing", VIRUS_CAT_PHISHING, "mark", "Links that are not what they seem."),
	ACTION("broken", VIRUS_CAT_BROKEN, "off", "Archives, programs and images that are broken, so that not all of it was scanned."),
	OUTBOUND("virus", VIRUS_CAT_VIRUS),
	OUTBOUND("heuristics", VIRUS_CAT_HEURISTICS),
	OUTBOUND("pua", VIRUS_CAT_PUA),
	OUTBOUND("encrypted", VIRUS_CAT_ENCRYPTED),
	OUTBOUND("macro", VIRUS_CAT_MACRO),
	OUTBOUND("limits", VIRUS_CAT_LIMITS),
	OUTBOUND("phishing", VIRUS_CAT_PHISHING),
	OUTBOUND("broken", VIRUS_CAT_BROKEN),
	{"quarantine", GP_CONF_PATH, AT(quarantine), "", .check = check_path,
	 .flags = GP_CONF_RESTART, /* the sandbox has the right to write there from the start only */
	 .help = "Folder for the action quarantine: the message, and a JSON file with envelope and "
		 "verdict, for the program's user and group."},
	{"exempt.clients", GP_CONF_NETWORKS, AT(exempt_clients), "",
	 .help = "Clients whose mail is not scanned; networks.exempt holds besides."},
	{"exempt.accounts", GP_CONF_MAP, AT(exempt_accounts), "",
	 .help = "Map file of authenticated users whose mail is not scanned."},
	{"exempt.senders", GP_CONF_MAP, AT(exempt_senders), "",
	 .help = "Map file of envelope senders whose mail is not scanned: anybody may write one."},
	{"exempt.recipients", GP_CONF_MAP, AT(exempt_recipients), "",
	 .help = "Map file of recipients whose mail is not scanned, if all of a message are there."},
	{"notify.to", GP_CONF_LIST, AT(notify_to), "",
	 .help = "Addresses that get a mail when something is found; empty: none is sent."},
	{"notify.from", GP_CONF_STRING, AT(notify_from), "",
	 .help = "From of these mails; empty: postmaster at this host. Their envelope has no sender."},
	{"notify.smtp", GP_CONF_STRING, AT(notify_smtp), "inet:25@127.0.0.1",
	 .flags = GP_CONF_REQUIRED, .check = gp_conf_check_socket,
	 .help = "Mail server that takes these mails."},
	{"notify.per_hour", GP_CONF_INT, AT(notify_per_hour), "10", .min = 1, .max = 10000,
	 .unit = "mails", .help = "At most so many in an hour; the next one says how many were left out."},
	{"on_error", GP_CONF_ENUM, AT(on_error), "tempfail", .values = gp_on_error_names,
	 .help = "What happens to a message that cannot be scanned: no signatures are there, its "
		 "worker died, the deadline passed."},
	{"on_killer", GP_CONF_ENUM, AT(on_killer), "hold", .values = virus_done_names,
	 .help = "What happens to a message that cost two workers; it is not tried again for a day."},
	{"reject_text", GP_CONF_STRING, AT(reject_text), "Message refused: it contains %v",
	 .help = "Text of the 550 reply; %v is the signature's name, %% a percent sign."},
	{"headers", GP_CONF_BOOL, AT(headers), "true",
	 .help = "Add X-Virus-Scanned and X-Virus-Status; incoming ones are removed in any case."},
};

static void validate(const void *values, const struct gp_snapshot *snap,
		     struct gp_conf_report *report)
{
	const struct virus_conf *c = values;

	if (c->include_pua.len && c->exclude_pua.len)
		gp_conf_complain(snap, &virus_table, "exclude_pua", report,
				 "include_pua is set too: one of the two");
	if (!*c->quarantine)
		for (size_t i = 0; i < VIRUS_CATEGORIES; i++)
			if (c->actions[i] == VIRUS_ACT_QUARANTINE || c->outbound[i] == VIRUS_ACT_QUARANTINE ||
			    c->on_killer == VIRUS_ACT_QUARANTINE) {
				gp_conf_complain(snap, &virus_table, "quarantine", report,
						 "is empty, and an action is quarantine");
				break;
			}
	if (c->engine == VIRUS_BY_CLAMD && c->clamd_servers.len == 0)
		gp_conf_complain(snap, &virus_table, "clamd.servers", report,
				 "is empty, and engine is clamd");
	if (c->size_max > c->held_max)
		gp_conf_complain(snap, &virus_table, "held_max", report,
				 "is below size_max: a large message would never be taken");
}

const struct gp_conf_table virus_table = {
	.group = "milter-virus",
	.title = "The virus filter, milter-virus(8)",
	.rows = rows,
	.n_rows = GP_ARRAY_SIZE(rows),
	.size = sizeof(struct virus_conf),
	.validate = validate,
};

/* "Win", "Packed" → ".Win.Packed."; what does not fit is left out. */
static void join_pua(const struct gp_conf_list *list, char *ret, size_t size)
{
	GP_BUF_AUTO text = GP_BUF_INIT(size - 1);

	for (size_t i = 0; i < list->len; i++)
		if (text.len + strlen(list->items[i]) + 2 < size)
			gp_buf_printf(&text, "%s%s.", i ? "" : ".", list->items[i]);
	gp_str_copy(ret, size, gp_buf_str(&text));
}

/* For incoming mail or for our own. */
static bool is_wanted(const struct virus_conf *conf, enum virus_category category)
{
	return conf->actions[category] != VIRUS_ACT_OFF ||
	       (conf->outbound[category] != VIRUS_ACT_SAME && conf->outbound[category] != VIRUS_ACT_OFF);
}

void virus_engine_options(const struct virus_conf *conf, struct virus_engine_options *ret)
{
	bool *on = ret->switches;

	memset(ret, 0, sizeof(*ret)); /* padding too: two are compared as bytes */
	/* Before the front loses patience: a scan that can end itself costs no worker. */
	ret->scan_time_ms = conf->deadline_ms - conf->deadline_ms / 10;
	gp_str_copy(ret->database, sizeof(ret->database), gp_str(conf->database));
	gp_str_copy(ret->temporary, sizeof(ret->temporary), gp_str(conf->temporary));
	memcpy(ret->limits, conf->limits, sizeof(ret->limits));
	memcpy(ret->switches, conf->switches, sizeof(ret->switches));
	ret->is_pua_excluded = conf->exclude_pua.len > 0;
	join_pua(ret->is_pua_excluded ? &conf->exclude_pua : &conf->include_pua, ret->pua,
		 sizeof(ret->pua));
	on[VIRUS_DETECT_PUA] = is_wanted(conf, VIRUS_CAT_PUA);
	on[VIRUS_ALERT_OLE2_MACROS] = is_wanted(conf, VIRUS_CAT_MACRO);
	on[VIRUS_ALERT_ENCRYPTED_ARCHIVE] = is_wanted(conf, VIRUS_CAT_ENCRYPTED);
	on[VIRUS_ALERT_ENCRYPTED_DOC] = on[VIRUS_ALERT_ENCRYPTED_ARCHIVE];
	on[VIRUS_ALERT_BROKEN_EXECUTABLES] = is_wanted(conf, VIRUS_CAT_BROKEN);
	on[VIRUS_ALERT_BROKEN_MEDIA] = on[VIRUS_ALERT_BROKEN_EXECUTABLES];
}

unsigned virus_workers(const struct virus_conf *conf)
{
	long n = conf->workers ? conf->workers : sysconf(_SC_NPROCESSORS_ONLN);

	return (unsigned)GP_MIN(GP_MAX(n, 1), WORKERS_MAX);
}
