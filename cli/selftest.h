/*
 * The self-test of learning: a canary goes the way of a message that a user moves into Junk.
 *
 * selftest.c has the steps, selftest_mail.c what they do in the mailbox, selftest_lesson.c
 * what they ask of the controller and the store, cmd_learn_selftest.c the command.
 */
#ifndef GP_CLI_SELFTEST_H
#define GP_CLI_SELFTEST_H

#include "cli/canary.h"
#include "cli/context.h"
#include "cli/imap.h"
#include "cli/learn_link.h"
#include "lib/score/bayes_scope.h"

#define SELFTEST_STEPS 10

struct selftest_options {
	const char *user;
	const char *imap;	   /* HOST[:PORT] or /SOCKET; NULL: Dovecot's imap as our child */
	const char *login;	   /* master user; NULL: the user himself */
	const char *password_file;
	const char *ca_file;
	const char *dovecot_config;
	const char *junk;	   /* a folder's name; NULL: found by LIST */
	bool no_verify;
};

/* What is learned in one of the user's scopes. */
struct selftest_counts {
	struct gp_bayes_totals totals[GP_BAYES_SCOPES];
};

/* A lesson of the controller's log about the canary. */
struct selftest_lesson {
	uint64_t number; /* 0: none */
	unsigned times;	 /* as which it stands in the log */
	char user[GP_LEARN_USER_MAX + 1];
	char class[8], outcome[16], reason[16];
};

struct selftest {
	const struct selftest_options *o;
	const struct gp_snapshot *snap;
	struct gp_arena *arena;
	struct cli_wait wait;
	struct learn_link link;
	bool has_link;
	struct imap imap;
	struct gp_bayes_scopes scopes;
	struct selftest_counts before;
	const char *inbox, *junk;
	struct imap_folders folders;
	struct canary canary;
	struct gp_buf message;
	char message_id[CANARY_ID_SIZE];
	int64_t began_s;
	uint64_t newest; /* lesson of the log before */
	int64_t denied;	 /* lessons that the controller denied so far */
	bool is_in_mailbox, is_learned; /* or may be */
	struct selftest_lesson lesson;
	/* What the step at hand says: of its success, or what may help. */
	char detail[256];
	const char *remedy;
};

struct selftest_result {
	const char *name, *title;
	bool is_ok;
	int64_t us;
	char detail[1024]; /* of a failure: why */
	const char *remedy;
};

struct selftest_report {
	struct selftest_result results[SELFTEST_STEPS];
	size_t n;
	const char *failed; /* name of the first that failed, or NULL */
};

/* Runs all steps, the removal in any case; calls `done` after each, and w->tick during. */
void selftest_run(struct selftest *t, struct selftest_report *ret,
		  void (*begun)(void *arg, const char *title),
		  void (*done)(void *arg, const struct selftest_result *result), void *arg);

/* Steps: GP_OK, or what failed with the diag (and t->remedy). */
int selftest_login(struct selftest *t, struct gp_diag *diag) GP_MUST_USE;
int selftest_folders(struct selftest *t, struct gp_diag *diag) GP_MUST_USE;
int selftest_put(struct selftest *t, struct gp_diag *diag) GP_MUST_USE;
int selftest_move(struct selftest *t, struct gp_diag *diag) GP_MUST_USE;
/* Removes canaries, ours and older ones, from all folders; *ret_n of them. */
int selftest_sweep(struct selftest *t, unsigned *ret_n, struct gp_diag *diag) GP_MUST_USE;

int selftest_controller(struct selftest *t, struct gp_diag *diag) GP_MUST_USE;
int selftest_count(struct selftest *t, struct gp_diag *diag) GP_MUST_USE;
int selftest_learned(struct selftest *t, struct gp_diag *diag) GP_MUST_USE;
int selftest_unlearned(struct selftest *t, struct gp_diag *diag) GP_MUST_USE;
/* Takes back what older canaries taught, as the controller's log has it; *ret_n of them. */
int selftest_forget_old(struct selftest *t, unsigned *ret_n, struct gp_diag *diag) GP_MUST_USE;
/* Takes back what this canary taught. */
int selftest_forget(struct selftest *t, const struct canary *c, struct gp_str user,
		    uint8_t *ret_outcome, struct gp_diag *diag) GP_MUST_USE;

#endif
