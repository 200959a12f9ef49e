/*
 * The trade of a worker that scans: WORKER_SCAN.
 */
#ifndef GP_CONTROLLER_SCAN_CHILD_H
#define GP_CONTROLLER_SCAN_CHILD_H

#include "controller/worker_child.h"

/* Parameters and reply: scan_wire.h; it asks for counts and names: ask_wire.h. */
extern const struct worker_trade worker_scan;

#endif
