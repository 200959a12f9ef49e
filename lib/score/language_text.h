/*
 * What of a message's text its language is guessed by.
 */
#ifndef GP_SCORE_LANGUAGE_TEXT_H
#define GP_SCORE_LANGUAGE_TEXT_H

#include "lib/base/arena.h"

/* What is read, and what there must be of it for a guess. */
#define GP_LANGUAGE_TEXT_MAX 10000
#define GP_LANGUAGE_TEXT_MIN 256

/* The text (the Subject first) without the "Re: Fwd: " at its beginning and with a blank for each
 * link and each address, cut at GP_LANGUAGE_TEXT_MAX bytes; in the arena. */
struct gp_str gp_language_text(struct gp_arena *a, struct gp_str text);

#endif
