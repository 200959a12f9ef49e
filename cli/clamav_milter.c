/*
 * clamav-milter.conf(5) as ours: a table of its options, each with a function or a remark.
 */
#include "cli/clamav_milter.h"

#include "lib/base/ip.h"
#include "lib/base/num.h"

#define CLAMD_PORT 3310
#define LIST_MAX 1000 /* of an option that may be repeated */

struct option {
	struct gp_str name, value;
	unsigned line;
};

struct reader {
	struct gp_import *import;
	const char *file;
	GP_VEC(struct gp_str) servers, networks;
	bool adds_headers, is_syslog, has_facility;
};

struct row {
	const char *name;
	void (*convert)(struct reader *r, const struct option *o, const char *target);
	const char *target;	  /* of ours */
	enum gp_import_kind kind; /* without a function: a note … */
	const char *text;
	bool is_switch; /* … only if it is on */
};

static void note(struct reader *r, const struct option *o, enum gp_import_kind kind, const char *why)
{
	gp_import_note(r->import, kind, r->file, o->line, "%.*s: %s", GP_STR_FMT(o->name), why);
}

static bool is_on(struct gp_str value)
{
	return gp_str_ieq(value, GP_STR("yes")) || gp_str_ieq(value, GP_STR("true")) ||
	       gp_str_eq(value, GP_STR("1"));
}

/* Values. */

static void to_text(struct reader *r, const struct option *o, const char *target)
{
	gp_import_set_text(r->import, target, o->value);
}

static void to_seconds(struct reader *r, const struct option *o, const char *target)
{
	int64_t s;

	if (gp_num_parse_int(o->value, &s) < 0) {
		note(r, o, GP_IMPORT_LOST, "is no number of seconds");
		return;
	}
	if (s < 1 || s > 240) {
		note(r, o, GP_IMPORT_CHANGED, "the deadline is at most 240 s");
		s = 240;
	}
	gp_import_set(r->import, target, "\"%llds\"", (long long)s);
}

static void to_mode(struct reader *r, const struct option *o, const char *target)
{
	uint64_t mode;

	if (o->value.len > 4 || gp_num_parse_uint(o->value, 8, &mode) < 0)
		note(r, o, GP_IMPORT_LOST, "is no file mode");
	else
		gp_import_set_text(r->import, target, o->value);
}

/* A message above it clamav-milter lets pass without a scan. */
static void to_size(struct reader *r, const struct option *o, const char *target)
{
	int64_t size;
	GP_BUF_AUTO text = GP_BUF_INIT(64);

	gp_buf_add_str(&text, gp_str_sub(o->value, 0, 32));
	if (text.len > 0 && (text.data[text.len - 1] | 0x20) >= 'a')
		text.data[text.len - 1] &= (char)~0x20; /* "25m" */
	if (gp_num_parse_size(gp_buf_str(&text), &size) < 0 || size < 4096 || size > 2000000000) {
		note(r, o, GP_IMPORT_LOST, "is no size between 4 KB and 2 GB");
		return;
	}
	gp_import_set_text(r->import, target, gp_buf_str(&text));
	gp_import_set_text(r->import, "milter-virus.oversize", GP_STR("mark"));
}

static struct gp_str without_at(struct gp_str s)
{
	return gp_str_sub(s, 0, gp_str_find_chr(s, '@', 0));
}

/* "unix:/path", "local:/path", "/path", "inet:port@host", "inet:port". */
static void to_socket(struct reader *r, const struct option *o, const char *target)
{
	struct gp_str path = o->value, host;
	struct gp_ip ip;

	for (size_t i = 0; i < 2; i++) {
		struct gp_str prefix = i ? GP_STR("local:") : GP_STR("unix:");

		if (gp_str_starts(path, prefix))
			path = gp_str_sub(path, prefix.len, path.len);
	}
	if (gp_str_starts(path, GP_STR("/"))) {
		gp_import_set_text(r->import, target,
				   gp_str(gp_arena_printf(r->import->arena, "unix:%.*s", GP_STR_FMT(path))));
		return;
	}
	host = gp_str_sub(o->value, gp_str_find_chr(o->value, '@', 0) + 1, o->value.len);
	if (host.len == 0 && gp_str_starts(o->value, GP_STR("inet")))
		gp_import_set(r->import, target, "\"%.*s@%s\"", GP_STR_FMT(without_at(o->value)),
			      gp_str_starts(o->value, GP_STR("inet6")) ? "::" : "0.0.0.0");
	else if (gp_ip_parse(host, &ip) == GP_OK)
		gp_import_set_text(r->import, target, o->value);
	else
		note(r, o, GP_IMPORT_LOST, "we listen on addresses, not on names: set milter-virus.socket");
}

static struct gp_str unbracketed(struct gp_str host)
{
	return host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']'
		       ? gp_str_sub(host, 1, host.len - 2)
		       : host;
}

/* "host", "host:port", "[v6]:port", "v6:port" (a port goes before a part of the address), "v6". */
static bool parse_tcp(struct gp_str text, struct gp_ip *ret_ip, uint64_t *ret_port)
{
	size_t colon = gp_str_find_last(text, ':');

	if (colon < text.len && gp_ip_parse(unbracketed(gp_str_sub(text, 0, colon)), ret_ip) == GP_OK &&
	    gp_num_parse_uint(gp_str_sub(text, colon + 1, text.len), 10, ret_port) == GP_OK)
		return *ret_port > 0 && *ret_port <= UINT16_MAX;
	*ret_port = CLAMD_PORT;
	return gp_ip_parse(unbracketed(text), ret_ip) == GP_OK;
}

static void add_server(struct reader *r, const struct option *o, const char *target)
{
	struct gp_str text = o->value;
	const char *address = NULL;
	char ip_text[GP_IP_TEXT];
	struct gp_ip ip;
	uint64_t port;

	(void)target;
	if (gp_str_starts(text, GP_STR("unix:/")))
		address = gp_arena_cstr(r->import->arena, text);
	else if (gp_str_starts(text, GP_STR("tcp:")) &&
		 parse_tcp(gp_str_sub(text, 4, text.len), &ip, &port))
		address = gp_arena_printf(r->import->arena, "%s:%llu@%s", ip.family == 4 ? "inet" : "inet6",
					  (unsigned long long)port, gp_ip_format(&ip, ip_text));
	if (!address)
		note(r, o, GP_IMPORT_LOST, "a clamd's address is \"unix:/path\" or \"tcp:ADDRESS:PORT\"; "
					   "names are not looked up");
	else if (r->servers.len < LIST_MAX)
		*gp_vec_push(r->import->arena, &r->servers) = gp_str(address);
}

static void add_network(struct reader *r, const struct option *o, const char *target)
{
	struct gp_cidr net;

	(void)target;
	if (gp_str_ieq(o->value, GP_STR("local"))) {
		note(r, o, GP_IMPORT_NEEDLESS,
		     "local mail is scanned where Postfix's non_smtpd_milters names us, and only there");
		return;
	}
	if (gp_cidr_parse(o->value, &net) < 0)
		note(r, o, GP_IMPORT_LOST, "is no network that we know; names are not looked up");
	else if (r->networks.len < LIST_MAX)
		*gp_vec_push(r->import->arena, &r->networks) = o->value;
}

/* Actions. */

struct word {
	const char *theirs, *ours;
};

static const struct word actions[] = {{"Accept", "mark"}, {"Reject", "reject"}, {"Defer", "tempfail"},
				      {"Blackhole", "discard"}, {"Quarantine", "hold"}, {NULL, NULL}};
static const struct word error_actions[] = {{"Accept", "accept-and-mark"}, {"Defer", "tempfail"},
					    {NULL, NULL}};

static const char *find_word(const struct word *words, struct gp_str theirs)
{
	for (; words->theirs; words++)
		if (gp_str_ieq(theirs, gp_str(words->theirs)))
			return words->ours;
	return NULL;
}

/* clamd's alerts are all the same to clamav-milter. */
static void to_actions(struct reader *r, const struct option *o, const char *target)
{
	static const char *const categories[] = {"virus", "heuristics", "pua", "encrypted", "macro",
						 "limits", "phishing", "broken"};
	const char *ours = find_word(actions, o->value);

	(void)target;
	if (!ours) {
		note(r, o, GP_IMPORT_LOST, "is none of Accept, Reject, Defer, Blackhole, Quarantine");
		return;
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(categories); i++)
		gp_import_set_text(r->import,
				   gp_arena_printf(r->import->arena, "milter-virus.actions.%s",
						   categories[i]),
				   gp_str(ours));
}

static void to_on_error(struct reader *r, const struct option *o, const char *target)
{
	const char *ours = find_word(error_actions, o->value);

	if (ours)
		gp_import_set_text(r->import, target, gp_str(ours));
	else
		note(r, o, GP_IMPORT_LOST, "a message that cannot be scanned is accepted or deferred, "
					   "not refused: on_error stays \"tempfail\"");
}

static void check_on_clean(struct reader *r, const struct option *o, const char *target)
{
	(void)target;
	if (!gp_str_ieq(o->value, GP_STR("Accept")))
		note(r, o, GP_IMPORT_LOST, "what is clean is accepted");
}

static void to_headers(struct reader *r, const struct option *o, const char *target)
{
	(void)target;
	r->adds_headers = !gp_str_ieq(o->value, GP_STR("no")) && !gp_str_ieq(o->value, GP_STR("false"));
	if (gp_str_ieq(o->value, GP_STR("Add")))
		note(r, o, GP_IMPORT_CHANGED, "headers that come with the mail are removed, not kept");
}

/* Log. */

static void to_syslog(struct reader *r, const struct option *o, const char *target)
{
	r->is_syslog = is_on(o->value);
	if (r->is_syslog)
		gp_import_set_text(r->import, target, GP_STR("syslog"));
}

static void to_facility(struct reader *r, const struct option *o, const char *target)
{
	static const char *const known[] = {"mail", "daemon", "user", "local0", "local1", "local2",
					    "local3", "local4", "local5", "local6", "local7"};
	struct gp_str name = o->value;

	r->has_facility = true;
	if (gp_str_istarts(name, GP_STR("LOG_")))
		name = gp_str_sub(name, 4, name.len);
	for (size_t i = 0; i < GP_ARRAY_SIZE(known); i++)
		if (gp_str_ieq(name, gp_str(known[i]))) {
			gp_import_set_text(r->import, target, gp_str(known[i]));
			return;
		}
	note(r, o, GP_IMPORT_LOST, "is none of mail, daemon, user, local0 … local7: log.facility stays \"mail\"");
}

#define SET(name_, convert_, target_) {.name = name_, .convert = convert_, .target = target_}
#define NOTE(name_, kind_, text_) {.name = name_, .kind = GP_IMPORT_##kind_, .text = text_}
#define NOTE_IF(name_, kind_, text_)                                                               \
	{.name = name_, .kind = GP_IMPORT_##kind_, .text = text_, .is_switch = true}
#define NO_PATTERNS "regular expressions are not read: write a map file for "
#define ONE_LINE "one line a message is logged, with all that is known"

static const struct row rows[] = {
	SET("MilterSocket", to_socket, "milter-virus.socket"),
	SET("MilterSocketGroup", to_text, "milter-virus.socket_group"),
	SET("MilterSocketMode", to_mode, "milter-virus.socket_mode"),
	SET("User", to_text, "milter-virus.user"),
	SET("ReadTimeout", to_seconds, "milter-virus.deadline"),
	SET("TemporaryDirectory", to_text, "milter-virus.temporary"),
	SET("ClamdSocket", add_server, ""),
	SET("LocalNet", add_network, ""),
	SET("MaxFileSize", to_size, "milter-virus.size_max"),
	SET("OnClean", check_on_clean, ""),
	SET("OnInfected", to_actions, ""),
	SET("OnFail", to_on_error, "milter-virus.on_error"),
	SET("RejectMsg", to_text, "milter-virus.reject_text"),
	SET("AddHeader", to_headers, ""),
	SET("LogSyslog", to_syslog, "log.target"),
	SET("LogFacility", to_facility, "log.facility"),
	NOTE("FixStaleSocket", NEEDLESS, "a stale socket is always replaced"),
	NOTE("Foreground", NEEDLESS, "we stay in the foreground"),
	NOTE("PidFile", NEEDLESS, "the service manager knows the process"),
	NOTE("Chroot", CHANGED, "the process confines itself (sandbox); MilterSocket, ClamdSocket and "
				"TemporaryDirectory were below it, and are to be written out"),
	NOTE("LogFile", CHANGED, "log.target and log.file; the default is standard error"),
	NOTE_IF("LogFileUnlock", NEEDLESS, "the log is not locked"),
	NOTE("LogFileMaxSize", NEEDLESS, "logrotate's job: SIGUSR1 opens the file anew"),
	NOTE_IF("LogTime", NEEDLESS, "the journal and syslog add it"),
	NOTE_IF("LogRotate", NEEDLESS, "logrotate's job: SIGUSR1 opens the file anew"),
	NOTE_IF("LogVerbose", CHANGED, "log.level = \"debug\""),
	NOTE("LogInfected", NEEDLESS, ONE_LINE),
	NOTE("LogClean", NEEDLESS, ONE_LINE),
	NOTE_IF("SupportMultipleRecipients", NEEDLESS, ONE_LINE),
	NOTE("ReportHostname", LOST, "X-Virus-Scanned has the MTA's name ({j})"),
	NOTE("VirusAction", LOST, "no program is run for an infected message; notify.to has a mail "
				  "sent"),
	NOTE("AllowList", LOST, NO_PATTERNS "exempt.senders and exempt.recipients"),
	NOTE("Whitelist", LOST, NO_PATTERNS "exempt.senders and exempt.recipients"),
	NOTE("SkipAuthenticated", LOST, NO_PATTERNS "exempt.accounts"),
	NOTE_IF("Example", LOST, "with it clamav-milter refuses to start"),
};

static void convert(struct reader *r, const struct option *o)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		if (!gp_str_eq(o->name, gp_str(rows[i].name)))
			continue;
		if (rows[i].convert)
			rows[i].convert(r, o, rows[i].target);
		else if (!rows[i].is_switch || is_on(o->value))
			note(r, o, rows[i].kind, rows[i].text);
		return;
	}
	note(r, o, GP_IMPORT_LOST, "is not known");
}

/* "…" around it goes. */
static struct gp_str unquoted(struct gp_str s)
{
	if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
		return gp_str_sub(s, 1, s.len - 2);
	return s;
}

static void read_lines(struct reader *r, struct gp_str text)
{
	struct gp_str line;

	for (unsigned n = 1; gp_str_next(&text, '\n', &line); n++) {
		struct option o = {.line = n};

		line = gp_str_trim(line);
		if (line.len == 0 || line.ptr[0] == '#' || !gp_str_next_word(&line, &o.name))
			continue;
		o.value = unquoted(gp_str_trim(line));
		if (o.value.len > 0 || gp_str_eq(o.name, GP_STR("Example")))
			convert(r, &o);
		else
			note(r, &o, GP_IMPORT_LOST, "has no value");
	}
}

void gp_clamav_milter_import(struct gp_import *import, const char *name, struct gp_str text)
{
	struct reader r = {.import = import, .file = gp_arena_strdup(import->arena, name)};
	struct option infected = {.name = GP_STR("OnInfected"), .value = GP_STR("Quarantine")};

	gp_import_set_text(import, "milter-virus.engine", GP_STR("clamd"));
	/* The defaults there. */
	to_actions(&r, &infected, "");
	gp_import_set_text(import, "milter-virus.deadline", GP_STR("120s"));
	read_lines(&r, gp_arena_str(import->arena, text));
	if (r.servers.len > 0)
		gp_import_set_list(import, "milter-virus.clamd.servers", r.servers.items, r.servers.len);
	else
		gp_import_note(import, GP_IMPORT_LOST, NULL, 0,
			       "there is no ClamdSocket: clamd.servers stays as it is by default");
	if (r.is_syslog && !r.has_facility)
		gp_import_set_text(import, "log.facility", GP_STR("local6"));
	if (r.servers.len > 1)
		gp_import_note(import, GP_IMPORT_CHANGED, NULL, 0,
			       "several clamd are asked in their order, not in turns");
	if (r.networks.len > 0)
		gp_import_set_list(import, "milter-virus.exempt.clients", r.networks.items, r.networks.len);
	gp_import_set(import, "milter-virus.headers", r.adds_headers ? "true" : "false");
	gp_import_note(import, GP_IMPORT_CHANGED, NULL, 0,
		       "engine = \"libclamav\" scans without a clamd, with the settings of clamd.conf "
		       "under similar names");
	gp_import_sort(import);
}
