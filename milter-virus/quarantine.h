/*
 * The quarantine folder: a message that is not delivered, and a file that says whose it was.
 *
 *	20261121-170312-4fXw2k6c1Zz1q.eml	as it came, without the MTA's own Received field
 *	20261121-170312-4fXw2k6c1Zz1q.json	envelope, client, what was found
 *
 * "sendmail -i -f FROM TO < FILE.eml" delivers it after all.  The files are for the program's
 * user and group alone, and are there whole or not at all: the message's after its description.
 */
#ifndef GP_VIRUS_QUARANTINE_H
#define GP_VIRUS_QUARANTINE_H

#include "lib/daemon/session.h"
#include "milter-virus/spool.h"
#include "milter-virus/verdict.h"

/* `spool` is finished and holds all of the message, behind `skip` bytes of ours.  GP_ESYS with the
 * reason in the diag; nothing is left behind then. */
int virus_quarantine(const char *folder, const struct gp_session *s, const struct virus_spool *spool,
		     size_t skip, const struct virus_verdict *verdict, struct gp_diag *diag) GP_MUST_USE;

#endif
