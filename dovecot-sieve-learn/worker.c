/*
 * The worker's life: where the file is, what is added to it, when the next step comes,
 * and the end of the session.
 */
#include "dovecot-sieve-learn/compat.h"

#include "dovecot-sieve-learn/worker_int.h"

#define LATE_MS 100 /* the file was locked */
#define SOON_MS 20  /* the user's answer goes out first */
#define WARN_S 60

static void worker_step(struct gp_worker *worker);

void gp_worker_warn(struct gp_worker *worker, const char *format, ...)
{
	va_list args;

	if (worker->last_warning != 0 && ioloop_time < worker->last_warning + WARN_S) {
		worker->hushed++;
		return;
	}
	va_start(args, format);
	e_warning(worker->event, "%s%s", t_strdup_vprintf(format, args),
		  worker->hushed == 0 ? "" :
		  t_strdup_printf(" (and %u more warnings since the last)", worker->hushed));
	va_end(args);
	worker->last_warning = ioloop_time;
	worker->hushed = 0;
}

void gp_worker_later(struct gp_worker *worker, unsigned int after_ms)
{
	struct ioloop *loop = worker->finishing != NULL ? worker->finishing : io_loop_get_root();

	timeout_remove(&worker->timeout);
	worker->timeout = timeout_add_short_to(loop, after_ms, worker_step, worker);
}

void gp_worker_stop_waiting(struct gp_worker *worker)
{
	if (worker->finishing != NULL)
		io_loop_stop(worker->finishing);
}

/* The file's place: where the user's other indexes are; with indexes in memory, where the
 * control files or the mails are. */
static const char *user_folder(struct mail_user *user)
{
	static const enum mailbox_list_path_type types[] = {
		MAILBOX_LIST_PATH_TYPE_INDEX, MAILBOX_LIST_PATH_TYPE_CONTROL,
		MAILBOX_LIST_PATH_TYPE_DIR};
	struct mail_namespace *ns = mail_namespace_find_inbox(user->namespaces);
	const char *path;

	for (unsigned int i = 0; i < N_ELEMENTS(types); i++) {
		if (mailbox_list_get_root_path(ns->list, types[i], &path) && *path != '\0')
			return path;
	}
	return NULL;
}

struct gp_worker *gp_worker_new(struct mail_user *user, const struct gp_learn_settings *set)
{
	const char *folder = user_folder(user);
	struct gp_worker *worker;

	if (folder == NULL)
		return NULL;
	worker = p_new(user->pool, struct gp_worker, 1);
	worker->user = user;
	worker->set = set;
	worker->event = event_create(user->event);
	event_set_append_log_prefix(worker->event, "gatepost_learn: ");
	worker->path = p_strconcat(user->pool, folder, "/dovecot-gatepost-learn", NULL);
	worker->claim_path = p_strconcat(user->pool, worker->path, ".lock", NULL);
	worker->reader = gp_reader_new(user, set->keywords);
	worker->claim_fd = -1;
	worker->retry_ms = GP_WORKER_RETRY_MIN_MS;
	i_array_init(&worker->late, 4);
	return worker;
}

static void write_late(struct gp_worker *worker)
{
	struct gp_refs_added added;
	unsigned int count = array_count(&worker->late);
	int err;

	if (count == 0)
		return;
	err = gp_refs_add(worker->path, 0600, array_front(&worker->late), count,
			  worker->set->queue_max, &added);
	if (err == -EAGAIN && count < worker->set->queue_max)
		return;
	array_clear(&worker->late);
	if (err < 0) {
		worker->counts.dropped += count;
		gp_worker_warn(worker, "%s cannot be written, %u messages are not learned: %s",
			    worker->path, count, strerror(-err));
	} else if (added.dropped > 0) {
		worker->counts.dropped += added.dropped;
		gp_worker_warn(worker, "%s is full, %u messages are not learned", worker->path,
			    added.dropped);
	}
}

static void worker_step(struct gp_worker *worker)
{
	timeout_remove(&worker->timeout);
	T_BEGIN {
		write_late(worker);
		if (array_count(&worker->late) > 0)
			gp_worker_later(worker, LATE_MS);
		if (worker->client != NULL)
			gp_pass_continue(worker);
		else if (worker->timeout == NULL)
			gp_pass_begin(worker);
	} T_END;
}

void gp_worker_add(struct gp_worker *worker, const struct gp_ref_move *moves, size_t count)
{
	array_append(&worker->late, moves, (unsigned int)count);
	write_late(worker);
	if (array_count(&worker->late) > 0)
		gp_worker_later(worker, LATE_MS);
	else
		gp_worker_start(worker, SOON_MS);
}

void gp_worker_hint(struct gp_worker *worker, struct mailbox *box,
		    const unsigned char guid[GP_REFS_GUID_SIZE])
{
	gp_reader_hint(worker->reader, box, guid);
}

bool gp_worker_has_work(const struct gp_worker *worker)
{
	return array_count(&worker->late) > 0 || gp_refs_exist(worker->path);
}

void gp_worker_start(struct gp_worker *worker, unsigned int after_ms)
{
	if (worker->client == NULL && worker->timeout == NULL && gp_worker_has_work(worker))
		gp_worker_later(worker, after_ms);
}

bool gp_worker_finish(struct gp_worker *worker, unsigned int max_ms)
{
	struct timeout *timeout;

	if (!gp_worker_has_work(worker))
		return true;
	if (max_ms == 0)
		return false;
	worker->outer = current_ioloop;
	worker->finishing = io_loop_create();
	timeout = timeout_add_short(max_ms, gp_worker_stop_waiting, worker);
	if (worker->client != NULL)
		gp_client_switch_ioloop(worker->client);
	if (worker->client == NULL || worker->timeout != NULL)
		gp_worker_later(worker, 0);
	io_loop_run(worker->finishing);
	io_loop_set_current(worker->finishing);
	timeout_remove(&timeout);
	gp_pass_drop(worker);
	io_loop_destroy(&worker->finishing);
	io_loop_set_current(worker->outer);
	return !gp_worker_has_work(worker);
}

const struct gp_worker_counts *gp_worker_counts(const struct gp_worker *worker)
{
	return &worker->counts;
}

void gp_worker_free(struct gp_worker **_worker)
{
	struct gp_worker *worker = *_worker;

	*_worker = NULL;
	if (worker == NULL)
		return;
	write_late(worker);
	gp_pass_drop(worker);
	gp_pass_log(worker);
	gp_reader_free(&worker->reader);
	array_free(&worker->late);
	event_unref(&worker->event);
}
