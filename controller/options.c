/*
 * The option table of the controller.  What is learned, and from whom, is in the shared
 * group "learn" (lib/conf/shared.h).
 */
#include "controller/options.h"

#include <string.h>

#include "config.h"

#define AT(field) offsetof(struct controller_conf, field)

static const struct gp_conf_row rows[] = {
	GP_DAEMON_ROWS_MODE(struct controller_conf, daemon,
			    "Address of the learn socket, which tells users apart if it is a unix one",
			    "unix:" GP_RUNDIR "/learn.sock", "0666", "gatepost-controller"),
	{"clients_max", GP_CONF_INT, AT(clients_max), "500", .min = 1, .max = 100000,
	 .unit = "connections", .flags = GP_CONF_RESTART,
	 .help = "Connections to the learn socket at a time; further ones wait."},
	{"idle_timeout", GP_CONF_DURATION, AT(idle_timeout_ms), "10m", .min = 1000,
	 .max = 86400000, .help = "A connection to the learn socket on which nothing happens for "
				  "so long is closed."},
	{"workers", GP_CONF_INT, AT(workers), "0", .min = 0, .max = 256, .unit = "processes",
	 .flags = GP_CONF_RESTART,
	 .help = "Confined processes that read mail; 0 is one for each processor."},
	{"worker_timeout", GP_CONF_DURATION, AT(worker_timeout_ms), "20s", .min = 100,
	 .max = 600000,
	 .help = "A worker that takes longer for one message is killed and replaced."},
	{"worker_memory", GP_CONF_SIZE, AT(worker_memory), "1G", .min = 64 << 20, .max = 1e12,
	 .flags = GP_CONF_RESTART, .help = "Memory that a worker may hold."},
	HTTP_ROWS(struct controller_conf, http),
	MAILLOG_ROWS(struct controller_conf, maillog),
};

int http_conf_check_listen(const void *field, struct gp_diag *diag)
{
	const struct gp_conf_list *list = field;

	for (size_t i = 0; i < list->len; i++) {
		int r = gp_conf_check_socket(&list->items[i], diag);

		if (r < 0)
			return r;
	}
	return GP_OK;
}

const char *maillog_journal_folder(const char *source)
{
	struct gp_str prefix = GP_STR("journal");

	if (!gp_str_starts(gp_str(source), prefix) || (source[prefix.len] && source[prefix.len] != ':'))
		return NULL;
	return source + prefix.len + (source[prefix.len] == ':');
}

int maillog_conf_check_source(const void *field, struct gp_diag *diag)
{
	const char *text = *(const char *const *)field, *folder = maillog_journal_folder(text);
	bool is_whole = folder && !strchr(text, ':');

	if (folder && !GP_HAVE_JOURNAL) {
		gp_diag_set(diag, "this build has no libsystemd, which reads the journal");
		return GP_EINVAL;
	}
	if (*text && !is_whole && (folder ? *folder : *text) != '/') {
		gp_diag_set(diag, "expected a file, \"/path\", \"journal\", or \"journal:/folder\"");
		return GP_EINVAL;
	}
	return GP_OK;
}

int maillog_conf_check_socket(const void *field, struct gp_diag *diag)
{
	struct gp_str text = gp_str(*(const char *const *)field);

	if (text.len > 0 && !gp_str_starts(text, GP_STR("unix:"))) {
		gp_diag_set(diag, "expected the address of a unix socket, \"unix:/path\"");
		return GP_EINVAL;
	}
	return gp_conf_check_socket(field, diag);
}

const struct gp_conf_table controller_table = {
	.group = "controller",
	.title = "Learning and the API, gatepost-controller(8)",
	.rows = rows,
	.n_rows = GP_ARRAY_SIZE(rows),
	.size = sizeof(struct controller_conf),
};
