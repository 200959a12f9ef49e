/*
 * As much of an IMAP client (RFC 3501, 4315 UIDPLUS, 6154 SPECIAL-USE, 6851 MOVE) as a
 * self-test needs.  One command at a time.
 *
 * Failures: GP_EACCES the server says NO, GP_EINVAL it says BAD or what is no IMAP, others
 * as of cli/imap_stream.h; the diag has the server's words.
 */
#ifndef GP_CLI_IMAP_H
#define GP_CLI_IMAP_H

#include "cli/imap_stream.h"
#include "lib/base/arena.h"

struct imap {
	struct imap_stream stream;
	unsigned tag;
	struct gp_buf capabilities;
	bool is_in; /* logged in */
};

struct imap_folder {
	const char *name;  /* as on the wire, without quotes */
	const char *flags; /* "\HasNoChildren \Junk" */
	char separator;	   /* or NUL */
};

struct imap_folders {
	struct imap_folder *items;
	size_t len, cap;
};

void imap_init(struct imap *m, const struct cli_wait *wait);
/* Says goodbye if it can; closes the stream. */
void imap_close(struct imap *m);

/* Reads the greeting and the capabilities. */
int imap_greet(struct imap *m, struct gp_diag *diag) GP_MUST_USE;
bool imap_can(const struct imap *m, const char *capability);
int imap_start_tls(struct imap *m, const struct gp_tls_config *config, const char *name,
		   struct gp_diag *diag) GP_MUST_USE;
/* AUTHENTICATE PLAIN: `login` with this password, to act as `user`. */
int imap_login(struct imap *m, const char *user, const char *login, const char *password,
	       struct gp_diag *diag) GP_MUST_USE;

int imap_noop(struct imap *m, struct gp_diag *diag) GP_MUST_USE;
/* All folders that can be selected. */
int imap_list(struct imap *m, struct gp_arena *arena, struct imap_folders *ret, struct gp_diag *diag)
	GP_MUST_USE;
bool imap_folder_is(const struct imap_folder *f, const char *flag);
int imap_select(struct imap *m, const char *folder, struct gp_diag *diag) GP_MUST_USE;
int imap_append(struct imap *m, const char *folder, const char *flags, struct gp_str message,
		struct gp_diag *diag) GP_MUST_USE;
/* In the selected folder: the UIDs of messages with a keyword, with commas; "" if none has it. */
int imap_find(struct imap *m, const char *keyword, struct gp_buf *ret_uids, struct gp_diag *diag)
	GP_MUST_USE;
int imap_move(struct imap *m, const char *uids, const char *folder, struct gp_diag *diag) GP_MUST_USE;
/* Removes them. */
int imap_expunge(struct imap *m, const char *uids, struct gp_diag *diag) GP_MUST_USE;
/* Calls found(arg, MESSAGE-ID) for each. */
int imap_message_ids(struct imap *m, const char *uids,
		     void (*found)(void *arg, struct gp_str message_id), void *arg,
		     struct gp_diag *diag) GP_MUST_USE;

#endif
