/*
 * From where /stat counts: what the counts in the store were when /statreset was asked, by
 * action, in a small file of the controller's.  (The counts are milter-spam's, who alone
 * changes them on LMDB; and other readers of them, /counters and gatepost stat, want all.)
 */
#ifndef GP_CONTROLLER_API_ZERO_H
#define GP_CONTROLLER_API_ZERO_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/score/verdict.h"

#define API_ACTIONS (GP_ACTION_DISCARD + 1)

/* All 0 where there is no such file, or none that can be read: that is logged. */
void api_zero_load(const char *directory, int64_t ret_counts[API_ACTIONS]);
/* For good when it returns GP_OK. */
int api_zero_save(const char *directory, const int64_t counts[API_ACTIONS], struct gp_diag *diag)
	GP_MUST_USE;

#endif
