/*
 * The trade of a worker that reads messages to be learned: WORKER_TEACH.
 */
#ifndef GP_CONTROLLER_TEACH_H
#define GP_CONTROLLER_TEACH_H

#include "controller/worker_child.h"

/* No parameters; the reply is that of facts_encode(). */
extern const struct worker_trade worker_teach;

#endif
