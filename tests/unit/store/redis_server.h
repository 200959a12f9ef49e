/*
 * A private redis-server for tests, and a fake one that misbehaves on order.
 */
#ifndef GP_TEST_STORE_REDIS_SERVER_H
#define GP_TEST_STORE_REDIS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct redis_server {
	char dir[64];
	char socket[96]; /* path */
	char url[128];	 /* redis+unix://… */
	int port;	 /* TLS; 0 unless asked for */
	pid_t pid;
};

/* Is the program installed? */
bool redis_is_installed(void);
/* Makes the folder and starts it with the options (NULL-terminated, at most 16); waits
 * until it answers. */
void redis_start(struct redis_server *s, const char *const *options);
/* Kills it without notice; redis_start() again keeps the folder. */
void redis_kill(struct redis_server *s);
void redis_remove(struct redis_server *s);
/* Sends one inline command, returns the first line of the answer (static). */
const char *redis_command(const struct redis_server *s, const char *command);

/* The fake listens on fake.socket and behaves as told, each connection alike. */
struct redis_fake;
enum fake_manner {
	FAKE_SILENT,  /* accepts and says nothing */
	FAKE_GARBAGE, /* answers what is not Redis' protocol */
	FAKE_SLOW,    /* answers each command with an integer, delay_ms late: 1, 2, 3 … */
	FAKE_HUGE,    /* announces an array of a thousand million items */
};
struct redis_fake *fake_start(const char *path, enum fake_manner manner, int delay_ms);
void fake_stop(struct redis_fake *f);

#endif
