/*
 * One transaction's notices: collected as messages are copied and saved, turned into
 * references when the transaction commits and their UIDs are known, forgotten when it is
 * rolled back.
 */
#include "dovecot-sieve-learn/compat.h"

#include "dovecot-sieve-learn/boxkind.h"
#include "dovecot-sieve-learn/learner.h"
#include "dovecot-sieve-learn/notice.h"
#include "dovecot-sieve-learn/settings.h"
#include "dovecot-sieve-learn/worker.h"
#include "lib/proto/learn.h"

/* A folder of the transaction, asked once what it is. */
struct folder {
	struct mailbox *box;
	enum gp_box_kind kind;
	guid_128_t guid;
};

struct notice {
	struct gp_learner *learner; /* NULL: this user does not teach here */
	struct mailbox *box;
	struct folder to, from;
	unsigned int saved; /* copies and saves so far; their order is that of the UIDs */
	bool follows;	    /* references wait, of which some may move on */
	ARRAY(struct gp_ref_move) moves; /* to.place.uid is the order until the commit */
};

static void look_at(struct notice *notice, struct folder *folder, struct mailbox *box)
{
	struct mailbox_metadata metadata;

	if (folder->box == box)
		return;
	folder->box = box;
	folder->kind = gp_box_kind(box, gp_learner_settings(notice->learner));
	guid_128_empty(folder->guid);
	if (folder->kind == GP_BOX_VIRTUAL)
		return;
	if (mailbox_get_metadata(box, MAILBOX_METADATA_GUID, &metadata) == 0)
		guid_128_copy(folder->guid, metadata.guid);
	else
		folder->kind = GP_BOX_VIRTUAL; /* not to be referred to */
}

static void *notice_begin(struct mailbox_transaction_context *t)
{
	struct notice *notice = i_new(struct notice, 1);

	notice->learner = gp_learner_find(t->box->storage->user);
	notice->box = t->box;
	return notice;
}

static void notice_end(struct notice *notice)
{
	if (array_is_created(&notice->moves))
		array_free(&notice->moves);
	i_free(notice);
}

static struct gp_ref_move *notice_move(struct notice *notice, struct gp_lesson lesson)
{
	struct gp_ref_move *move;

	if (!array_is_created(&notice->moves))
		i_array_init(&notice->moves, 32);
	move = array_append_space(&notice->moves);
	move->to.class_code = lesson.class_code;
	move->to.flags = lesson.flags;
	move->to.place.uid = notice->saved;
	memcpy(move->to.place.guid, notice->to.guid, sizeof(move->to.place.guid));
	return move;
}

static void notice_copy(void *txn, struct mail *from, struct mail *to)
{
	struct notice *notice = txn;
	struct gp_lesson lesson;
	struct gp_ref_move *move;
	struct mail *backend;

	if (notice->learner == NULL)
		return;
	if (notice->saved == 0)
		notice->follows = gp_worker_has_work(gp_learner_worker(notice->learner));
	if (mail_get_backend_mail(from, &backend) < 0)
		backend = from;
	look_at(notice, &notice->to, notice->box);
	look_at(notice, &notice->from, backend->box);
	lesson = gp_lesson_of_copy(notice->from.kind, notice->to.kind);
	if (notice->to.kind != GP_BOX_VIRTUAL && (lesson.class_code != 0 || notice->follows)) {
		move = notice_move(notice, lesson);
		move->from.uid = backend->uid;
		memcpy(move->from.guid, notice->from.guid, sizeof(move->from.guid));
	}
	notice->saved++;
}

static void notice_save(void *txn, struct mail *mail)
{
	static const struct gp_lesson spam = {GP_LEARN_SPAM, 0};
	struct notice *notice = txn;

	if (notice->learner == NULL)
		return;
	if (gp_learner_settings(notice->learner)->append) {
		look_at(notice, &notice->to, notice->box);
		if (notice->to.kind == GP_BOX_JUNK)
			(void)notice_move(notice, spam);
	}
	notice->saved++;
}

/* Puts the UIDs in.  False: they are not known, and then there is nothing to refer to. */
static bool resolve(struct notice *notice, const struct mail_transaction_commit_changes *changes)
{
	struct seq_range_iter iter;
	struct gp_ref_move *move;
	uint32_t uid;

	if (changes->uid_validity == 0 || !array_is_created(&changes->saved_uids))
		return false;
	seq_range_array_iter_init(&iter, &changes->saved_uids);
	array_foreach_modifiable(&notice->moves, move) {
		if (!seq_range_array_iter_nth(&iter, move->to.place.uid, &uid))
			return false;
		move->to.place.uid = uid;
		move->to.uidvalidity = changes->uid_validity;
		move->to.time = (uint32_t)ioloop_time;
	}
	return true;
}

static void notice_commit(void *txn, struct mail_transaction_commit_changes *changes)
{
	struct notice *notice = txn;
	struct gp_worker *worker;

	if (array_is_created(&notice->moves)) {
		worker = gp_learner_worker(notice->learner);
		if (resolve(notice, changes)) {
			gp_worker_hint(worker, notice->to.box, notice->to.guid);
			gp_worker_add(worker, array_front(&notice->moves),
				      array_count(&notice->moves));
		} else {
			e_warning(notice->box->event, "gatepost_learn: no UIDs, nothing is learned");
		}
	}
	notice_end(notice);
}

static void notice_rollback(void *txn)
{
	notice_end(txn);
}

const struct notify_vfuncs gp_notice_calls = {
	.mail_transaction_begin = notice_begin,
	.mail_save = notice_save,
	.mail_copy = notice_copy,
	.mail_transaction_commit = notice_commit,
	.mail_transaction_rollback = notice_rollback,
};
