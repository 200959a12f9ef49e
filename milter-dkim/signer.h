/*
 * Who signs a message: the address that counts, what its sender may use, the keys.
 */
#ifndef GP_DKIM_SIGNER_H
#define GP_DKIM_SIGNER_H

#include "lib/auth/dkim.h"
#include "milter-dkim/dkim.h"

/* How an outbound message is signed; in the message's arena. */
struct dkim_signing {
	struct gp_sign sign;
	struct gp_str domain; /* of the address that chose the keys */
	const struct dkim_signer *signers;
	size_t n_signers;     /* 1 … DKIM_SIGNERS_MAX */
	const char *problem; /* what is wrong with an entry of the directory, or NULL */
	size_t line, longest; /* bytes with CR of the body's line under way, of the longest yet */
};

/* "" and domain and signers filled, or why the message is not signed (see sign.h). */
const char *dkim_signer_choose(struct gp_session *s, const struct dkim_message *m,
			       struct dkim_signing *ret);

#endif
