/*
 * One message through clamd: the other engine, with the same question and the same verdict as
 * scan.h.
 */
#ifndef GP_VIRUS_SCAN_CLAMD_H
#define GP_VIRUS_SCAN_CLAMD_H

#include "milter-virus/clamd.h"
#include "milter-virus/scan.h"

/* Runs on the asker's thread, which waits.  Messages that scan at a time are as many as the MTA
 * sends: clamd has its own queue and its own limits. */
void virus_scan_clamd(struct virus_clamd *clamd, const struct virus_scan_request *request,
		      struct virus_verdict *ret);

#endif
