/* log.h: messages of daemons and long-running programs, to stderr or a file, with time and level. */
#ifndef AIC_LOG_H
#define AIC_LOG_H

typedef enum { AIC_LOG_ERROR, AIC_LOG_WARN, AIC_LOG_INFO, AIC_LOG_DEBUG } aic_log_level;

/* program is kept by reference. path NULL logs to stderr, and so does a path that cannot be opened, with a
 * message. Call it before other threads start. */
void aic_log_open(const char *program, const char *path, aic_log_level level);
/* For logrotate: opens path again. May be called in a handler of SIGHUP. */
void aic_log_reopen(void);
/* One line "2026-11-23T08:05:00Z PROGRAM: LEVEL: message"; control characters become spaces. errno is left as it was. */
void aic_log(aic_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define aic_error_log(...) aic_log(AIC_LOG_ERROR, __VA_ARGS__)
#define aic_warn(...) aic_log(AIC_LOG_WARN, __VA_ARGS__)
#define aic_info(...) aic_log(AIC_LOG_INFO, __VA_ARGS__)
#define aic_debug(...) aic_log(AIC_LOG_DEBUG, __VA_ARGS__)

#endif
