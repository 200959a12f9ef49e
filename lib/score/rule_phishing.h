/*
 * Phishing sites for rules (Mail::SpamAssassin::Plugin::Phishing): which feeds there are, and whether
 * a link stands in one.  Feeds are files that the operator fetches; they are read with the rules, and
 * again when those are.
 *
 * Nothing of it is there unless a file has the plugin's loadplugin; feeds are read only where a rule
 * asks for them.
 */
#ifndef GP_SCORE_RULE_PHISHING_H
#define GP_SCORE_RULE_PHISHING_H

#include "lib/score/rule_int.h"

struct gp_phishing;

/* phishing_openphish_feed and its kin; false when it is none of these, or the plugin is not loaded. */
bool gp_rule_phishing_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);
/* Once all files are read: reads the feeds.  One that cannot be read is an error of its line; without any
 * the rules are inert. */
void gp_rule_phishing_prepare(struct gp_rule_builder *b);

/* The name of the first feed that has the link ("OpenPhish"), or NULL. */
const char *gp_phishing_find(const struct gp_phishing *p, struct gp_str uri);

/* The feeds that are named; p may be NULL. */
void gp_phishing_each_file(const struct gp_phishing *p, void (*fn)(const char *path));

#endif
