/*
 * ARC: the chain of custody validated and sealed (RFC 8617).
 */
#ifndef GP_AUTH_ARC_H
#define GP_AUTH_ARC_H

#include "lib/auth/dkim.h"

struct gp_arc_verify;

/* As gp_dkim_verify_begin: reads the sets, wants the body hash, asks for keys. */
struct gp_arc_verify *gp_arc_verify_begin(struct gp_asker *asker, struct gp_dkim_keys *keys,
					  const struct gp_dkim_options *options,
					  const struct gp_fields *fields,
					  struct gp_body_hasher *hasher, int64_t now_s);
/* After the hasher has finished.
 *
 * trusted: domains (globs) of sealers whose word may override DMARC (RFC 8617, 7.2.1).  The
 * rule: the chain passes; going back from the newest set, sealers are trusted as long as the
 * d= of their ARC-Seal matches; what is believed are the ARC-Authentication-Results of the
 * oldest set of that unbroken run (override_set), for it was made by a trusted host before
 * any other trusted host touched the message, and nothing that a stranger sealed earlier
 * counts.  is_override is set if those say dmarc=pass, once or more and nothing else about
 * dmarc, and name no other author (header.from) than the one that the message has now; never
 * if the message has no author or several, or more than one From, or if From is not signed. */
void gp_arc_verify_finish(struct gp_arc_verify *v, const struct gp_str *trusted, size_t n_trusted,
			  struct gp_arc_result *ret);

/* The three values of a new set, folded with "\n\t", without leading space (signed as
 * " VALUE"); to stand on top of the message in this order.  Base64 is not broken into lines
 * (up to RSA with 4096 bits): the seal covers the folds of the signature's b=, and the public
 * suite of sealing has none. */
struct gp_arc_seal {
	struct gp_str seal, signature, results;
};
/* `sign` was begun before the body; `chain` is what validating this message gave (its status
 * becomes cv=); authres is the value of an Authentication-Results field.  The options' fields
 * are signed, and DKIM-Signature; never ARC-Seal (4.1.2) and Authentication-Results, which
 * others remove; neither x= nor l= is written.
 * GP_EINVAL: no From, or domain or selector is no name, or `chain` is not of these fields.
 * GP_ELIMIT: 50 sets are there already, or a failed chain has been sealed as such before
 * (5.1.2), or the header was cut, or more than GP_MAX_SIGNED_NAMES fields are to be signed.
 * GP_ETEMP: the chain could not be judged (temperror).  GP_ESYS: OpenSSL refused. */
int gp_arc_seal(struct gp_sign *sign, const struct gp_fields *fields,
		const struct gp_body_hasher *hasher, const struct gp_arc_result *chain,
		struct gp_str authres, const struct gp_sign_as *as, int64_t now_s,
		struct gp_arc_seal *ret, struct gp_diag *diag) GP_MUST_USE;

#endif
