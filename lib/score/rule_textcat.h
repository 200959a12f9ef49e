/*
 * Languages for rules (Mail::SpamAssassin::Plugin::TextCat): where the models are, what the settings
 * say, and what a message's guess is called: the headers X-Languages and X-Languages-Length, the
 * tags _LANGUAGES_ and _TEXTCATRESULTS_.
 *
 * Nothing of it is there unless a file has the plugin's loadplugin; models are read only where
 * a rule or a header's template asks for a guess.
 */
#ifndef GP_SCORE_RULE_TEXTCAT_H
#define GP_SCORE_RULE_TEXTCAT_H

#include "lib/score/rule_int.h"
#include "lib/score/rule_subject.h"
#include "lib/score/rule_tag.h"

struct gp_textcat;

/* Once all files are read: rules that cannot run become inert; set->textcat is there if messages'
 * languages are to be guessed. */
void gp_textcat_prepare(struct gp_rule_builder *b);

/* Guesses the language of tags->in->message, notes it there (gp_message_note), and sets the tags.
 * body: what rules of that target read. */
void gp_textcat_note(const struct gp_textcat *t, const struct gp_rule_subject *body,
		     struct gp_rule_tags *tags);

/* ok_languages; "all" where no file has it. */
struct gp_str gp_textcat_wanted(const struct gp_rule_set *set);
/* Is the word among these? */
bool gp_textcat_has_word(struct gp_str words, struct gp_str word);

#endif
