/*
 * Where `gatepost learn` takes its messages: to the controller, or, where none runs,
 * straight into the store.
 */
#ifndef GP_CLI_LEARN_SINK_H
#define GP_CLI_LEARN_SINK_H

#include "cli/context.h"
#include "cli/progress.h"
#include "lib/score/bayes_scope.h"

struct learn_counts {
	uint64_t by_outcome[GP_LEARNED_UNKNOWN + 1];
	uint64_t refused; /* by the controller, after a look or before */
	uint64_t messages;
};

struct learn_sink {
	/* Takes one message; GP_E… ends the walk, and what is wrong was printed. */
	int (*add)(struct learn_sink *s, const char *label, struct gp_str bytes);
	/* Waits until all that was added is learned. */
	int (*flush)(struct learn_sink *s);
	void (*close)(struct learn_sink *s);
	/* Set by who opened it. */
	enum gp_bayes_class class;
	const char *user;
	bool is_dry;
	struct gp_progress *progress;
	struct learn_counts counts;
	int status; /* exit status of a failure */
};

/* The base, with its fields above set, is copied.  The result is an exit status. */
int learn_store_open(const struct gp_snapshot *snap, const struct learn_sink *base,
		     struct gp_arena *arena, struct learn_sink **ret);
/* -1: no controller runs. */
int learn_remote_open(const struct gp_snapshot *snap, const struct learn_sink *base,
		      struct gp_arena *arena, struct learn_sink **ret);

#endif
