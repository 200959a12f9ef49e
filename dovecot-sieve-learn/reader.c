/*
 * Finding and reading mails by reference.
 */
#include "dovecot-sieve-learn/compat.h"

#include "dovecot-sieve-learn/reader.h"
#include "lib/proto/learn.h"

/* Folders whose names are kept; more than a user moves between in a session. */
#define HINTS_MAX 16

struct hint {
	guid_128_t guid;
	char *name; /* as the user sees it, with its namespace's prefix */
};

struct gp_reader {
	struct mail_user *user;
	bool sets_keywords;
	struct hint hints[HINTS_MAX];
	unsigned int next_hint;

	guid_128_t guid;
	struct mailbox *box; /* NULL: none is open */
	bool is_synced;
	uint32_t uidvalidity;
	struct mailbox_transaction_context *transaction;
	struct mail *mail;
};

struct gp_reader *gp_reader_new(struct mail_user *user, bool sets_keywords)
{
	struct gp_reader *reader = i_new(struct gp_reader, 1);

	reader->user = user;
	reader->sets_keywords = sets_keywords;
	return reader;
}

void gp_reader_free(struct gp_reader **_reader)
{
	struct gp_reader *reader = *_reader;

	*_reader = NULL;
	if (reader == NULL)
		return;
	gp_reader_close(reader);
	for (unsigned int i = 0; i < HINTS_MAX; i++)
		i_free(reader->hints[i].name);
	i_free(reader);
}

static struct hint *find_hint(struct gp_reader *reader, const unsigned char *guid)
{
	for (unsigned int i = 0; i < HINTS_MAX; i++) {
		struct hint *hint = &reader->hints[i];

		if (hint->name != NULL && memcmp(hint->guid, guid, GUID_128_SIZE) == 0)
			return hint;
	}
	return NULL;
}

void gp_reader_hint(struct gp_reader *reader, struct mailbox *box,
		    const unsigned char guid[GP_REFS_GUID_SIZE])
{
	struct hint *hint = find_hint(reader, guid);

	if (hint == NULL)
		hint = &reader->hints[reader->next_hint++ % HINTS_MAX];
	memcpy(hint->guid, guid, GUID_128_SIZE);
	i_free(hint->name);
	hint->name = i_strdup(mailbox_get_vname(box));
}

static void begin_mails(struct gp_reader *reader)
{
	reader->transaction = mailbox_transaction_begin(reader->box, 0, "gatepost_learn");
	reader->mail = mail_alloc(reader->transaction,
				  MAIL_FETCH_STREAM_HEADER | MAIL_FETCH_STREAM_BODY, NULL);
}

static void end_mails(struct gp_reader *reader)
{
	mail_free(&reader->mail);
	/* A keyword that cannot be set is not worth a word. */
	(void)mailbox_transaction_commit(&reader->transaction);
}

void gp_reader_close(struct gp_reader *reader)
{
	if (reader->box == NULL)
		return;
	end_mails(reader);
	mailbox_free(&reader->box);
}

static enum mailbox_flags box_flags(const struct gp_reader *reader)
{
	return reader->sets_keywords ? 0 : MAILBOX_FLAG_READONLY;
}

/* Else it is not there, or the user has no right to it any more. */
static bool is_temporary(struct mailbox *box)
{
	enum mail_error error = mailbox_get_last_mail_error(box);

	return error == MAIL_ERROR_TEMP || error == MAIL_ERROR_INUSE;
}

/* Keeps the box if it is the folder of that GUID. */
static enum gp_reader_result try_box(struct gp_reader *reader, struct mailbox *box,
				     const unsigned char *guid)
{
	struct mailbox_metadata metadata;
	enum gp_reader_result result = GP_READER_GONE;

	if (mailbox_open(box) == 0 &&
	    mailbox_get_metadata(box, MAILBOX_METADATA_GUID, &metadata) == 0) {
		if (memcmp(metadata.guid, guid, GUID_128_SIZE) == 0) {
			reader->box = box;
			reader->is_synced = false;
			return GP_READER_OPENED;
		}
	} else if (is_temporary(box)) {
		result = GP_READER_LATER;
	}
	mailbox_free(&box);
	return result;
}

static enum gp_reader_result find_box(struct gp_reader *reader, const unsigned char *guid)
{
	const struct hint *hint = find_hint(reader, guid);
	enum gp_reader_result result = GP_READER_GONE, here;
	struct mail_namespace *ns;

	if (hint != NULL) {
		ns = mail_namespace_find(reader->user->namespaces, hint->name);
		result = try_box(reader, mailbox_alloc(ns->list, hint->name, box_flags(reader)), guid);
	}
	for (ns = reader->user->namespaces; ns != NULL && result != GP_READER_OPENED;
	     ns = ns->next) {
		if (ns->alias_for != NULL || ns->storage == NULL ||
		    strcmp(ns->storage->name, "virtual") == 0)
			continue;
		here = try_box(reader, mailbox_alloc_guid(ns->list, guid, box_flags(reader)), guid);
		if (here != GP_READER_GONE)
			result = here;
	}
	return result;
}

static enum gp_reader_result open_box(struct gp_reader *reader, const unsigned char *guid)
{
	struct mailbox_status status;
	enum gp_reader_result result;

	if (reader->box != NULL && memcmp(reader->guid, guid, sizeof(reader->guid)) == 0)
		return GP_READER_OPENED;
	gp_reader_close(reader);
	result = find_box(reader, guid);
	if (result != GP_READER_OPENED)
		return result;
	memcpy(reader->guid, guid, sizeof(reader->guid));
	mailbox_get_open_status(reader->box, STATUS_UIDVALIDITY, &status);
	reader->uidvalidity = status.uidvalidity;
	begin_mails(reader);
	return GP_READER_OPENED;
}

/* What a session moved stands in the index at once; only what came otherwise needs a sync,
 * which reads whole folders in a Maildir. */
static bool find_mail(struct gp_reader *reader, uint32_t uid)
{
	bool is_found = mail_set_uid(reader->mail, uid);

	if (is_found || reader->is_synced)
		return is_found;
	end_mails(reader);
	reader->is_synced = mailbox_sync(reader->box, 0) == 0;
	begin_mails(reader);
	return mail_set_uid(reader->mail, uid);
}

enum gp_reader_result gp_reader_open(struct gp_reader *reader, const struct gp_ref *ref,
				     struct istream **ret_stream, uint64_t *ret_size,
				     const char **ret_folder)
{
	enum gp_reader_result result = open_box(reader, ref->place.guid);
	uoff_t size;

	if (result != GP_READER_OPENED)
		return result;
	if (reader->uidvalidity != ref->uidvalidity || !find_mail(reader, ref->place.uid))
		return GP_READER_GONE;
	if (mail_get_stream_because(reader->mail, NULL, NULL, "gatepost_learn", ret_stream) < 0)
		return is_temporary(reader->box) ? GP_READER_LATER : GP_READER_GONE;
	*ret_size = mail_get_physical_size(reader->mail, &size) == 0 ? size : 0;
	*ret_folder = mailbox_get_vname(reader->box);
	return GP_READER_OPENED;
}

void gp_reader_taught(struct gp_reader *reader, char class_code)
{
	static const char *const words[] = {"$Junk", "$NotJunk"};
	unsigned int is_ham = class_code == GP_LEARN_HAM ? 1 : 0;

	if (!reader->sets_keywords || reader->box == NULL || class_code == GP_LEARN_UNLEARN)
		return;
	for (unsigned int i = 0; i < N_ELEMENTS(words); i++) {
		const char *const word[] = {words[i], NULL};
		struct mail_keywords *keywords = mailbox_keywords_create_valid(reader->box, word);

		mail_update_keywords(reader->mail, i == is_ham ? MODIFY_ADD : MODIFY_REMOVE, keywords);
		mailbox_keywords_unref(&keywords);
	}
}
