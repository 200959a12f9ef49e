/*
 * Which language a text is written in, guessed by its n-grams (W. Cavnar, J. Trenkle, "N-Gram-Based
 * Text Categorization", 1994): a model is a language's most frequent sequences of one to five bytes,
 * the most frequent first; the nearest models to the text's own list are the guess.
 *
 *	gp_language_models_parse(text_of_file, arena, &models, &diag)
 *	gp_language_guess(models, &settings, arena, text, &guess)
 *
 * The file is that of SpamAssassin's TextCat (`languages`): a sequence a line, in order of rank, and
 * "0 NAME" behind the last one of each model.  NAME is a code of two or three letters and where
 * needed ".CHARSET"; ".utf8" is no part of what a guess says.
 *
 * Models are read-only once `is_skipped` is set, and may be shared by threads.  No I/O.
 */
#ifndef GP_SCORE_LANGUAGE_H
#define GP_SCORE_LANGUAGE_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

#define GP_LANGUAGE_NAME_MAX 24

struct gp_language {
	struct gp_str name; /* "en", "ru.koi8-r" */
	struct gp_str code; /* up to the first '.' */
	size_t first;	    /* the first model of the same name: the nearest one counts */
	bool is_skipped;    /* not considered; set by whoever has the models */
};

struct gp_language_rank {
	uint64_t key; /* the sequence's bytes and their number */
	uint32_t language, rank;
};

struct gp_language_models {
	GP_VEC(struct gp_language) languages;
	const struct gp_language_rank *ranks; /* by key */
	size_t n_ranks;
};

struct gp_language_settings {
	unsigned ngrams_max;	/* of the text that are compared; what a missing one costs */
	unsigned ngrams_above;	/* those that occur no more often are left out */
	double acceptable;	/* as far from the text as the best one times this is good too */
	double languages_max;	/* more good ones than this: no guess */
};

struct gp_language_guess {
	struct gp_str names;   /* the nearest first, with a blank between; empty: no guess */
	struct gp_str results; /* "NAME:DISTANCE(RATIO) …", the 20 nearest ones */
	unsigned n;	       /* names */
};

/* Parses a file's text.  GP_EINVAL (a name that is none; no model), GP_ELIMIT (too many) with the
 * reason; *ret and what it names live in the arena. */
int gp_language_models_parse(struct gp_str text, struct gp_arena *a,
			     struct gp_language_models **ret, struct gp_diag *diag) GP_MUST_USE;

/* Guesses; the answer lives in the arena.  Bytes of the text beyond 64 KiB are not looked at. */
void gp_language_guess(const struct gp_language_models *m, const struct gp_language_settings *s,
		       struct gp_arena *a, struct gp_str text, struct gp_language_guess *ret);

#endif
