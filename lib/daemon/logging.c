/*
 * Where log lines go.
 *
 * Lines on standard error bear syslog's level as "<6>" when systemd says that it
 * listens ($JOURNAL_STREAM), and a time stamp in a file.
 */
#include "lib/daemon/logging.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER; /* guards file_fd */
static int file_fd = -1;

static int priority(enum gp_log_level level)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	return priorities[level];
}

/* Lines may come from any thread: one write each. */
static void write_line(int fd, const char *prefix, struct gp_str line)
{
	char text[GP_LOG_LINE_MAX + 64];
	int len = snprintf(text, sizeof(text), "%s%.*s\n", prefix,
			   (int)GP_MIN(line.len, (size_t)GP_LOG_LINE_MAX), line.ptr);
	int r = gp_fd_write_all(fd, text, (size_t)len);

	(void)r; /* a full disk or a closed pipe: nobody is left to tell */
}

static void to_stderr(enum gp_log_level level, struct gp_str line)
{
	(void)level;
	write_line(STDERR_FILENO, "", line);
}

static void to_journal(enum gp_log_level level, struct gp_str line)
{
	char prefix[8];

	snprintf(prefix, sizeof(prefix), "<%d>", priority(level));
	write_line(STDERR_FILENO, prefix, line);
}

static void to_syslog(enum gp_log_level level, struct gp_str line)
{
	syslog(priority(level), "%.*s", GP_STR_FMT(line));
}

static const char *time_stamp(char *text, size_t size)
{
	time_t now = gp_clock_real_s();
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&now, &tm))
		strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

static void to_file(enum gp_log_level level, struct gp_str line)
{
	char stamp[32], prefix[64];

	(void)level;
	snprintf(prefix, sizeof(prefix), "%s ", time_stamp(stamp, sizeof(stamp)));
	pthread_rwlock_rdlock(&lock);
	write_line(file_fd, prefix, line);
	pthread_rwlock_unlock(&lock);
}

/* The stamp becomes the object's first member. */
static void to_file_json(enum gp_log_level level, struct gp_str line)
{
	char stamp[32], prefix[64];

	(void)level;
	snprintf(prefix, sizeof(prefix), "{\"time\":\"%s\",", time_stamp(stamp, sizeof(stamp)));
	pthread_rwlock_rdlock(&lock);
	write_line(file_fd, prefix, gp_str_sub(line, 1, line.len));
	pthread_rwlock_unlock(&lock);
}

/* Is standard error the journal's socket or pipe ("DEVICE:INODE")? */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return gp_str_eq(gp_str(own), gp_str(stream));
}

static int open_file(const char *path, struct gp_diag *diag)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	int old;

	if (fd < 0)
		return gp_diag_errno(diag, "log file %s", path);
	pthread_rwlock_wrlock(&lock);
	old = file_fd;
	file_fd = fd;
	pthread_rwlock_unlock(&lock);
	gp_fd_close(&old);
	return GP_OK;
}

int gp_logging_setup(const char *program, const struct gp_conf_log *conf, struct gp_diag *diag)
{
	enum gp_log_level level = (enum gp_log_level)conf->level;
	enum gp_log_format format = (enum gp_log_format)conf->format;
	gp_log_sink *sink = is_journal() ? to_journal : to_stderr;
	int r;

	switch ((enum gp_conf_log_target)conf->target) {
	case GP_CONF_LOG_STDERR:
		break;
	case GP_CONF_LOG_SYSLOG:
		openlog(program, LOG_PID | LOG_NDELAY, conf->facility);
		sink = to_syslog;
		break;
	case GP_CONF_LOG_FILE:
		r = open_file(conf->file, diag);
		if (r < 0)
			return r;
		sink = format == GP_LOG_JSON ? to_file_json : to_file;
		break;
	}
	gp_log_setup(level, format, sink);
	return GP_OK;
}
