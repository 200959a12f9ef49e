/*
 * Outbound: whether a message is signed, as whom, and the signatures themselves.
 *
 *	on_mail		dkim_sign_ask(s, m)
 *	on_eoh		dkim_sign_begin(s, m)
 *	on_body		gp_body_hasher_add(…); dkim_sign_body(m, chunk)
 *	on_eom		gp_body_hasher_finish(…); dkim_sign_finish(s, m, &diag)
 */
#ifndef GP_DKIM_SIGN_H
#define GP_DKIM_SIGN_H

#include "milter-dkim/dkim.h"

/* For the configure hook: fills keyring and sign of the snapshot's data; errors go to the
 * report, weak keys to the log. */
int dkim_sign_setup(struct gp_snapshot *snap, struct dkim_snapshot *data,
		    struct gp_conf_report *report) GP_MUST_USE;
/* For the sandbox hook: folders of keys. */
void dkim_sign_sandbox(const struct gp_snapshot *snap);

/* At MAIL: asks the directory what the account may use. */
void dkim_sign_ask(struct gp_session *s, struct dkim_message *m);
/* At the end of the header: chooses signers and wants the body's hash from m->hasher.
 * Leaves m->signing NULL if the message is not to be signed and says why in the log
 * line's words by dkim_signing_reason().  GP_OK, or GP_EACCES: the account may not use that
 * domain and the settings refuse such mail, GP_ELIMIT: the header is too large to be signed,
 * GP_ETEMP: the directory did not answer, or names a key that is not there. */
int dkim_sign_begin(struct gp_session *s, struct dkim_message *m) GP_MUST_USE;
/* A chunk of the body: measures lines. */
void dkim_sign_body(struct dkim_message *m, struct gp_str chunk);
/* At end of message, the body being hashed: makes and inserts the DKIM-Signature fields, all or
 * none.  GP_E… when that failed; sign.on_error says what becomes of the message. */
int dkim_sign_finish(struct gp_session *s, struct dkim_message *m,
		     struct gp_diag *diag) GP_MUST_USE;
/* For the log: "example.org:s2026,example.org:s2026e"; or why it is not signed: "off",
 * "no-key", "no-from" (no address with a domain), "not-allowed", "bounce", "none" (the table or the
 * directory says so), "signed", "too-large", "no-directory" (it did not answer), "bad-entry" (what
 * it says is of no use); "" for inbound mail. */
const char *dkim_signing_reason(const struct dkim_message *m);
/* The longest line of the message if it is longer than what SMTP guarantees (998 bytes), else 0:
 * Postfix breaks it on its way out, and the signature with it. */
size_t dkim_signing_longline(const struct dkim_message *m);

#endif
