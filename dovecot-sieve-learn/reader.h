/*
 * Reads the mails that references name, through Dovecot's storage.
 *
 * Opens folders of its own, beside those of the session, without taking \Recent from
 * anybody; keeps the last one open until it is told to close it.  A folder that is open
 * keeps its user alive, so it must be closed before Dovecot's loop goes on.
 */
#ifndef GP_SIEVE_LEARN_READER_H
#define GP_SIEVE_LEARN_READER_H

#include <stdint.h>

#include "dovecot-sieve-learn/refs.h"

struct mail_user;
struct istream;
struct gp_reader;

enum gp_reader_result {
	GP_READER_OPENED,
	GP_READER_GONE,	 /* message or folder is not there any more */
	GP_READER_LATER, /* cannot be opened at the moment */
};

/* `user` is borrowed.  `sets_keywords`: what is read gets $Junk or $NotJunk. */
struct gp_reader *gp_reader_new(struct mail_user *user, bool sets_keywords);
void gp_reader_free(struct gp_reader **reader);
/* A folder this session has seen: its name spares the search for its GUID. */
void gp_reader_hint(struct gp_reader *reader, struct mailbox *box,
		    const unsigned char guid[GP_REFS_GUID_SIZE]);
/*
 * The message of a reference: its stream, which belongs to the reader and is good until
 * the next call, its size in bytes (0: not known) and its folder's name.
 */
enum gp_reader_result gp_reader_open(struct gp_reader *reader, const struct gp_ref *ref,
				     struct istream **ret_stream, uint64_t *ret_size,
				     const char **ret_folder);
/* The message that was opened last was read to its end and handed over. */
void gp_reader_taught(struct gp_reader *reader, char class_code);
/* Closes the message and the folder. */
void gp_reader_close(struct gp_reader *reader);

#endif
