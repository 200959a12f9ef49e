/*
 * What a folder is to learning, and what a move between two of them teaches.
 */
#ifndef GP_SIEVE_LEARN_BOXKIND_H
#define GP_SIEVE_LEARN_BOXKIND_H

struct mailbox;
struct gp_learn_settings;

enum gp_box_kind {
	GP_BOX_OTHER,
	GP_BOX_JUNK,
	GP_BOX_TRASH,
	GP_BOX_VIRTUAL, /* a view: the folder behind it decides */
	GP_BOX_KINDS
};

/* What a copy teaches; class 0: nothing. */
struct gp_lesson {
	char class_code;     /* enum gp_learn_class */
	unsigned char flags; /* enum gp_learn_flags */
};

/*
 * A folder is what its SPECIAL-USE in Dovecot's configuration says (users cannot set it:
 * Dovecot 2.3 and 2.4 take it from there alone); without it, what its name says; without
 * that, what its parent is.  Looks at settings only.
 */
enum gp_box_kind gp_box_kind(struct mailbox *box, const struct gp_learn_settings *set);
/* The table: a message was copied or moved between folders of these kinds. */
struct gp_lesson gp_lesson_of_copy(enum gp_box_kind from, enum gp_box_kind to);

#endif
