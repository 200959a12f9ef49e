/*
 * The settings of the HTTP API: rows of the controller's table (options.c).
 */
#ifndef GP_CONTROLLER_HTTP_CONF_H
#define GP_CONTROLLER_HTTP_CONF_H

#include "config.h"
#include "lib/base/limits.h"
#include "lib/conf/schema.h"

struct http_conf {
	struct gp_conf_list listen;
	unsigned mode;
	const char *group;
	const char *password_file;
	bool read_password;
	struct gp_conf_list trusted_uids, hosts;
	int64_t size_max, timeout_ms, answer_ms;
	int64_t connections, scanners;
};

/* `type` is the program's struct, `member` its http_conf. */
#define HTTP_ROWS(type, member)                                                                    \
	{"http.listen", GP_CONF_LIST, offsetof(type, member.listen),                               \
	 "unix:" GP_RUNDIR "/api.sock", .flags = GP_CONF_RESTART, .check = http_conf_check_listen, \
	 .help = "Addresses of the HTTP API, which speaks rspamc's protocol: \"unix:/path\", "     \
		 "\"inet:11334@127.0.0.1\"; none: no API."},                                      \
	{"http.socket_mode", GP_CONF_MODE, offsetof(type, member.mode), "0660",                    \
	 .flags = GP_CONF_RESTART, .help = "File mode of the API's unix sockets."},                \
	{"http.socket_group", GP_CONF_STRING, offsetof(type, member.group), "",                    \
	 .flags = GP_CONF_RESTART,                                                                 \
	 .help = "Group of the API's unix sockets; empty leaves the group of the process."},       \
	{"http.password_file", GP_CONF_PASSWORD_FILE, offsetof(type, member.password_file), "",    \
	 .help = "File with the API's password, which clients send in the header Password; without " \
		 "one, only http.trusted_uids may change anything."},                              \
	{"http.read_password", GP_CONF_BOOL, offsetof(type, member.read_password), "false",        \
	 .help = "Ask for the password also where nothing is changed and nobody's mail is shown, " \
		 "on unix sockets and loopback addresses too."},                                   \
	{"http.trusted_uids", GP_CONF_LIST, offsetof(type, member.trusted_uids), "root, vmail",    \
	 .help = "Users (names or numbers) whose processes need no password on the API's unix "    \
		 "sockets.  Names that this host does not know are passed over."},                 \
	{"http.hosts", GP_CONF_LIST, offsetof(type, member.hosts), "",                             \
	 .help = "Host names, beside localhost, by which browsers and proxies may call the API."}, \
	{"http.size_max", GP_CONF_SIZE, offsetof(type, member.size_max), "16M", .min = 4096,       \
	 .max = GP_MAX_BODY_SIZE, .flags = GP_CONF_RESTART,                                        \
	 .help = "Largest body of a request, unpacked."},                                          \
	{"http.timeout", GP_CONF_DURATION, offsetof(type, member.timeout_ms), "30s", .min = 100,   \
	 .max = 600000, .flags = GP_CONF_RESTART,                                                  \
	 .help = "Time for a request to arrive, and for its answer to be taken."},                 \
	{"http.answer_timeout", GP_CONF_DURATION, offsetof(type, member.answer_ms), "60s",         \
	 .min = 100, .max = 600000, .flags = GP_CONF_RESTART,                                      \
	 .help = "Time for an answer to be found; then the request fails."},                       \
	{"http.connections", GP_CONF_INT, offsetof(type, member.connections), "128", .min = 1,     \
	 .max = 1000, .unit = "connections", .flags = GP_CONF_RESTART,                             \
	 .help = "Connections to each address of the API at a time."},                             \
	{"http.scanners", GP_CONF_INT, offsetof(type, member.scanners), "2", .min = 1, .max = 256, \
	 .unit = "processes", .flags = GP_CONF_RESTART,                                            \
	 .help = "Confined processes, at the most, that scan the API's messages; each holds the "  \
		 "rules."}

/* Every item an address as gp_conf_check_socket wants it. */
int http_conf_check_listen(const void *field, struct gp_diag *diag) GP_MUST_USE;

#endif
