/*
 * What tests of signatures share: keys, their records, an arena a test.
 */
#ifndef GP_TEST_KEY_FIXTURE_H
#define GP_TEST_KEY_FIXTURE_H

#include "lib/auth/crypto.h"
#include "lib/base/arena.h"
#include "lib/base/codec.h"
#include "tests/unit/test.h"

#define NOW 1800000000

static struct gp_arena *arena;
static struct gp_key *keys[2]; /* by enum gp_key_type */

static int group_setup(void **state)
{
	(void)state;
	return gp_key_generate(GP_KEY_RSA, 1024, &keys[GP_KEY_RSA], NULL) ||
	       gp_key_generate(GP_KEY_ED25519, 0, &keys[GP_KEY_ED25519], NULL);
}

static int group_teardown(void **state)
{
	(void)state;
	gp_key_unref(&keys[GP_KEY_RSA]);
	gp_key_unref(&keys[GP_KEY_ED25519]);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

/* "k=…; p=…" */
static const char *record_of(const struct gp_key *key)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(10000), text = GP_BUF_INIT(10000);

	gp_key_public(key, &bytes);
	gp_buf_printf(&text, "k=%s; p=", gp_key_type_name(gp_key_type(key)));
	gp_base64_encode(bytes.data, bytes.len, &text);
	return gp_arena_strdup(arena, gp_buf_cstr(&text));
}

#endif
