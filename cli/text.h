/*
 * What strangers wrote, made fit for a terminal.
 */
#ifndef GP_CLI_TEXT_H
#define GP_CLI_TEXT_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

/* Appends s as valid UTF-8 without anything that a terminal obeys: control characters
 * (DEL and those of Latin-1 included) become spaces, those that turn the direction of
 * text U+FFFD. */
void gp_text_clean(struct gp_str s, struct gp_buf *out);
/* The same as a C string in the arena, cut at `max` bytes with "…" behind. */
const char *gp_text_show(struct gp_arena *arena, struct gp_str s, size_t max);

#endif
