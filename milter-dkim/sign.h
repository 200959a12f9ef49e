/*
 * Outbound: whether a message is signed, as whom, and the signatures themselves.
 */
#ifndef GP_DKIM_SIGN_H
#define GP_DKIM_SIGN_H

#include "milter-dkim/dkim.h"

/* At the end of the header: chooses signers and wants the body's hash from m->hasher.
 * Leaves m->signing NULL if the message is not to be signed and says why in the log
 * line's words by dkim_signing_reason().  GP_OK, or GP_EACCES: the account may not use that
 * domain and the settings refuse such mail. */
int dkim_sign_begin(struct gp_session *s, struct dkim_message *m) GP_MUST_USE;
/* At end of message, the body being hashed: makes and inserts the DKIM-Signature fields.
 * GP_E… when that failed; on_sign_error says what becomes of the message. */
int dkim_sign_finish(struct gp_session *s, struct dkim_message *m, struct gp_diag *diag) GP_MUST_USE;
/* For the log: "example.org:s2026,example.org:s2026e"; or why it is not signed: "no-key",
 * "no-from", "not-allowed", "bounce"; "" for inbound mail. */
const char *dkim_signing_reason(const struct dkim_message *m);

#endif
