/*
 * Settings of the plugin: the same names in 2.3 (in `plugin { }`) and 2.4 (top level).
 *
 * All are text to Dovecot and read here, so that nonsense in one of them costs a warning
 * and the default instead of the user's login.
 */
#ifndef GP_SIEVE_LEARN_SETTINGS_H
#define GP_SIEVE_LEARN_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct mail_user;

/* One line per setting: member of the struct, default.  gatepost_learn_ is put before it. */
#define GP_LEARN_SETTINGS(X)                                                               \
	X(socket, "/run/gatepost/learn.sock")                                              \
	X(services, "imap")                                                                \
	X(junk_names, "Junk, Spam")                                                        \
	X(trash_names, "Trash, Deleted Items, Deleted Messages")                           \
	X(append, "no")                                                                    \
	X(keywords, "no")                                                                  \
	X(size_max, "4M")                                                                  \
	X(rate, "6000")                                                                    \
	X(queue_max, "10000")                                                              \
	X(window, "64")                                                                    \
	X(logout_wait_ms, "1000")

struct gp_learn_settings {
	const char *socket;		/* of the controller */
	const char *const *services;	/* of Dovecot, whose moves teach */
	const char *const *junk_names;	/* of folders without SPECIAL-USE, below their namespace */
	const char *const *trash_names;
	bool append;			/* APPEND into Junk teaches spam */
	bool keywords;			/* set $Junk and $NotJunk on what was taught */
	unsigned int size_max;		/* bytes of a message */
	unsigned int rate;		/* messages a minute for one user */
	unsigned int queue_max;		/* references in the user's file */
	unsigned int window;		/* messages sent and not answered */
	unsigned int logout_wait_ms;	/* how long a session that ends may still hand over */
};

/*
 * The settings of a user, allocated from the user's pool; never fails: what cannot be
 * read is warned of and has its default.
 */
const struct gp_learn_settings *gp_learn_settings_read(struct mail_user *user);

#endif
