/*
 * /errors: the newest warnings and errors of this process, from memory.
 */
#include <pthread.h>

#include "controller/api.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

/* Of these, and of this length: 100 KB. */
#define ERRORS_MAX 200
#define TEXT_MAX 480

struct entry {
	int64_t at_s;
	enum gp_log_level level;
	char text[TEXT_MAX + 1];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry ring[ERRORS_MAX];
static size_t total;

static void note(enum gp_log_level level, struct gp_str line)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = &ring[total++ % ERRORS_MAX];
	e->at_s = gp_clock_real_s();
	e->level = level;
	gp_str_copy(e->text, sizeof(e->text), line);
	pthread_mutex_unlock(&lock);
}

void api_errors_start(void)
{
	gp_log_observe(note);
}

void api_errors(struct http_request *rq, struct http_reply *reply)
{
	json_t *list = json_array();

	(void)rq;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < GP_MIN(total, (size_t)ERRORS_MAX); i++) {
		const struct entry *e = &ring[(total - 1 - i) % ERRORS_MAX];

		json_array_append_new(
			list, json_pack("{s:I, s:s, s:s, s:s, s:s, s:o}", "ts",
					(json_int_t)e->at_s, "type", "controller", "id", "",
					"module", "", "level", gp_log_level_name(e->level),
					"message", http_json_text(gp_str(e->text), TEXT_MAX)));
	}
	pthread_mutex_unlock(&lock);
	http_reply_json(reply, HTTP_OK, list);
}
