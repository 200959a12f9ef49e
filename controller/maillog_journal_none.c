/*
 * Builds without libsystemd have no journal; maillog_conf_check_source() refuses it.
 */
#include <stdlib.h>

#include "controller/maillog_journal.h"

struct maillog_source *maillog_journal_new(const char *folder, const struct gp_conf_list *units,
					   int stop_fd)
{
	(void)folder;
	(void)units;
	(void)stop_fd;
	abort();
}

void maillog_journal_sandbox(const char *folder)
{
	(void)folder;
}
