/*
 * What the reader of the key table and the keyring share; for keyring.c and keytable.c only.
 */
#ifndef GP_DKIM_KEYRING_INT_H
#define GP_DKIM_KEYRING_INT_H

#include "lib/base/map.h"
#include "lib/base/vec.h"
#include "milter-dkim/keyring.h"

/* A key file that was read, or could not be (NULL key: it was reported). */
struct dkim_key_file {
	const char *path;
	struct gp_key *key;
};

/* One SELECTOR=FILE of a line. */
struct dkim_key_choice {
	struct gp_str domain; /* d=; empty: the author's */
	struct gp_str selector;
	const struct dkim_key_file *file;
	struct gp_map *by_domain; /* of a name with %d: domain to struct dkim_key_file; else NULL */
};

/* One line, or one domain of the key directory. */
struct dkim_key_rule {
	struct gp_str pattern;
	bool is_none;
	struct dkim_key_choice choices[DKIM_SIGNERS_MAX];
	size_t n_choices;
};

struct dkim_keyring {
	struct gp_arena *arena;
	unsigned rsa_bits_min;
	struct gp_map files; /* path to struct dkim_key_file */
	struct gp_map exact; /* address, domain, ".parent" to struct dkim_key_rule */
	GP_VEC(struct dkim_key_rule *) globs;
	struct gp_map domains; /* of the key directory */
};

/* The file's key, read at most once.  What is wrong with it is reported at file:line (NULL, 0:
 * without a place), once. */
struct dkim_key_file *dkim_keyring_file(struct dkim_keyring *k, const char *path,
					struct gp_conf_report *report, const char *file,
					unsigned line) __attribute__((returns_nonnull));

/* Reads the table's lines into exact and globs; errors go to the report. */
void dkim_keytable_read(struct dkim_keyring *k, const struct gp_mapfile *table,
			struct gp_conf_report *report);

#endif
