/*
 * Dovecot's headers, before ours, and what differs between Dovecot 2.3 and 2.4.
 *
 * Everything else in this folder but settings.c is the same for both.
 */
#ifndef GP_SIEVE_LEARN_COMPAT_H
#define GP_SIEVE_LEARN_COMPAT_H

#include <lib.h>
#include <array.h>
#include <ioloop.h>
#include <istream.h>
#include <ostream.h>
#include <net.h>
#include <str.h>
#include <module-dir.h>
#include <mail-user.h>
#include <mail-namespace.h>
#include <mail-storage-private.h>
#include <notify-plugin.h>

#include <stdbool.h> /* after Dovecot's own bool, which it does not contradict */

#define GP_DOVECOT_24 DOVECOT_PREREQ(2, 4, 0)

/* What a module shows to Dovecot; all the rest of it is hidden. */
#define GP_PLUGIN_EXPORT __attribute__((visibility("default")))

static inline void gp_notify_unregister(struct notify_context **context)
{
#if GP_DOVECOT_24
	notify_unregister(context);
#else
	notify_unregister(*context);
	*context = NULL;
#endif
}

/* doveadm's init(): the arguments come along, or not. */
#if GP_DOVECOT_24
#define GP_DOVEADM_INIT(name, ctx) static void name(struct doveadm_mail_cmd_context *ctx)
#else
#define GP_DOVEADM_INIT(name, ctx)                                                         \
	static void name(struct doveadm_mail_cmd_context *ctx, const char *const args[])
#endif

/* Pigeonhole's load(): it may fail, or not.  The extension becomes the plugin's context. */
#if GP_DOVECOT_24
#define GP_SIEVE_LOADED int
#define gp_sieve_register(svinst, extension, context)                                      \
	({                                                                                 \
		const struct sieve_extension *ext_ = NULL;                                 \
		int ret_ = sieve_extension_register(svinst, extension, true, &ext_);       \
		*(context) = (void *)(uintptr_t)ext_;                                      \
		ret_;                                                                      \
	})
#else
#define GP_SIEVE_LOADED void
#define gp_sieve_register(svinst, extension, context)                                      \
	((void)(*(context) = (void *)(uintptr_t)sieve_extension_register(svinst, extension, true)))
#endif

#endif
