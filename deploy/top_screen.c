/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the terminal while `hapep top` draws on it, and giving it back. */
#include "deploy/top_screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/text.h"

/* Private modes of xterm's (1049: alternate screen; 25: cursor), as in ncurses' smcup. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define REST  "\033[K" /* clears to the end of the line */
#define BELOW "\033[J" /* clears all below */

struct screen {
	int signal_fd;
	bool keys; /* standard input is a terminal too */
	struct termios before;
	sigset_t mask_before;
};

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static int screen_write(const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t put = write(STDOUT_FILENO, text, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		text += put;
		n -= (size_t)put;
	}
	return 0;
}

static void screen_take(struct screen *s)
{
	struct termios raw;

	s->keys = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &s->before);
	if (s->keys) {
		raw = s->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	screen_write(ENTER);
}

static void screen_give(const struct screen *s)
{
	screen_write(LEAVE);
	if (s->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
}

int screen_open(struct screen **out, struct error *err)
{
	static const int signals[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH
	};
	struct screen *s = memory_new(1, sizeof(*s));
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0) {
		free(s);
		return error_set(err, errno, "open a descriptor for signals");
	}
	sigprocmask(SIG_BLOCK, &set, &s->mask_before);
	screen_take(s);
	*out = s;
	return 0;
}

void screen_close(struct screen *s)
{
	screen_give(s);
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
	close(s->signal_fd);
	free(s);
}

/* A line, cut to the window's width: bytes and columns are one in what is drawn here. */
static void screen_line(struct text *to, const char *line, size_t n, size_t width)
{
	text_add(to, "%.*s" REST, (int)(n < width ? n : width), line);
}

int screen_draw(struct screen *s, const char *text, struct error *err)
{
	_cleanup_text_ struct text all = { 0 };
	struct winsize w = { 0 };
	size_t rows = 24, columns = 80, row = 0, left = 1;
	int r;

	(void)s;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row && w.ws_col) {
		rows = w.ws_row;
		columns = w.ws_col;
	}
	for (const char *p = text; *p; p++)
		left += *p == '\n' && p[1];
	text_add(&all, "%s", HOME);
	while (*text && row < rows) {
		size_t n = strcspn(text, "\n");

		if (row + 1 == rows && left > 1)
			text_add(&all, "\r\n(%zu more lines)" REST, left);
		else {
			text_add(&all, "%s", row ? "\r\n" : "");
			screen_line(&all, text, n, columns);
		}
		text += n + (text[n] == '\n');
		row++;
		left--;
	}
	text_add(&all, "%s", row < rows ? "\r\n" BELOW : "");
	r = screen_write(all.text);
	return r < 0 ? error_set(err, -r, "draw on the terminal") : 0;
}

/* Control-Z: the shell gets its terminal, and we ours when it says so. */
static void screen_stop(struct screen *s)
{
	screen_give(s);
	raise(SIGSTOP);
	screen_take(s);
}

static enum screen_event screen_signal(struct screen *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return SCREEN_REDRAW;
	switch (info.ssi_signo) {
	case SIGTSTP:
		screen_stop(s);
		return SCREEN_REDRAW;
	case SIGWINCH:
		return SCREEN_REDRAW;
	default:
		return SCREEN_END;
	}
}

static double screen_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum screen_event screen_wait(struct screen *s, double until)
{
	struct pollfd p[2] = { { .fd = s->signal_fd, .events = POLLIN },
			       { .fd = s->keys ? STDIN_FILENO : -1, .events = POLLIN } };

	for (;;) {
		double left = until - screen_clock();
		char key;

		if (left <= 0)
			return SCREEN_TIME;
		if (poll(p, 2, (int)(left * 1000) + 1) <= 0)
			continue;
		if (p[0].revents)
			return screen_signal(s);
		/* The end of input: the terminal has gone. */
		if (p[1].revents && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q'))
			return SCREEN_END;
	}
}
