/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the form of a configuration's lines: bytes, comments, what kind each is. */
#include <string.h>

#include "helpers/config_line.h"

#define CLIP_BYTES 60

const char *config_clip(const char *text, char buf[CONFIG_CLIP_SIZE])
{
	size_t n = strlen(text);

	if (n <= CLIP_BYTES) {
		memcpy(buf, text, n + 1);
		return buf;
	}
	for (n = CLIP_BYTES; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		;
	memcpy(buf, text, n);
	memcpy(buf + n, "...", 4);
	return buf;
}

/*
 * Bytes of the UTF-8 character at s (RFC 3629: no overlong form, no surrogate, at most
 * U+10FFFF), 0 where there is none. *code is its code point.
 */
static size_t utf8_character(const unsigned char *s, size_t left, unsigned int *code)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80             ? 1
		   : (s[0] & 0xe0) == 0xc0 ? 2
		   : (s[0] & 0xf0) == 0xe0 ? 3
		   : (s[0] & 0xf8) == 0xf0 ? 4
					   : 0;

	if (!n || n > left)
		return 0;
	*code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

/* C0, DEL and C1: the last could steer the terminal that shows the message. */
static bool is_control(unsigned int code)
{
	return (code < 0x20 && code != '\t') || (code >= 0x7f && code < 0xa0);
}

/* Reports the first byte that is not text. */
static bool line_is_text(struct config_report *report, unsigned int number,
			 const char *line, size_t length)
{
	const unsigned char *s = (const unsigned char *)line;
	unsigned int code;
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		n = utf8_character(s + i, length - i, &code);
		if (!n) {
			config_fault(report, number,
				     "expected UTF-8 text, got the byte 0x%02x in "
				     "column %zu",
				     s[i], i + 1);
			return false;
		}
		if (is_control(code)) {
			config_fault(report, number,
				     "expected text, got the control character 0x%02x in "
				     "column %zu",
				     code, i + 1);
			return false;
		}
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cuts the comment and the blanks around. */
static void line_trim(const char **line, size_t *length)
{
	const char *s = *line;
	size_t n = *length, start = 0;

	for (size_t i = 0; i < n; i++) {
		if ((s[i] == ';' || s[i] == '#') && (!i || is_blank(s[i - 1])))
			n = i;
	}
	while (start < n && is_blank(s[start]))
		start++;
	while (n > start && is_blank(s[n - 1]))
		n--;
	*line = s + start;
	*length = n - start;
}

/* Keeps a faulty line's key, so that it does not count as missing too. */
static enum config_line_kind line_salvage(struct config_lines *l, const char *line,
					  size_t length)
{
	size_t n = 0;

	l->text[0] = '\0';
	if (length && line[0] == '[')
		return CONFIG_LINE_LOST;
	while (n < length && n < 48 && line[n] > ' ' && line[n] < 0x7f && line[n] != '=')
		n++;
	memcpy(l->text, line, n);
	l->text[n] = '\0';
	return CONFIG_LINE_FAULTY;
}

static enum config_line_kind line_section(struct config_lines *l,
					  struct config_report *report)
{
	char *close = strchr(l->text, ']'), clip[CONFIG_CLIP_SIZE];

	if (!close || close == l->text + 1) {
		config_fault(report, l->number, "expected [section], got '%s'",
			     config_clip(l->text, clip));
		return CONFIG_LINE_LOST;
	}
	if (close[1])
		config_fault(report, l->number,
			     "expected the line to end after ']', got '%s'",
			     config_clip(close + 1, clip));
	*close = '\0';
	memmove(l->text, l->text + 1, (size_t)(close - l->text));
	return CONFIG_LINE_SECTION;
}

static enum config_line_kind line_entry(struct config_lines *l,
					struct config_report *report)
{
	size_t key = strcspn(l->text, "=:");
	char clip[CONFIG_CLIP_SIZE];

	if (l->text[key] == '=' && key > 0)
		return CONFIG_LINE_ENTRY;
	config_fault(report, l->number,
		     "expected 'key = value' or [section] (a value cannot go on in the "
		     "next line), got '%s'",
		     config_clip(l->text, clip));
	l->text[key] = '\0';
	key = strcspn(l->text, " \t");
	l->text[key] = '\0';
	return CONFIG_LINE_FAULTY;
}

static enum config_line_kind line_classify(struct config_lines *l,
					   struct config_report *report, const char *line,
					   size_t length)
{
	const char *whole = line;
	size_t whole_length = length;

	line_trim(&line, &length);
	if (!line_is_text(report, l->number, whole, whole_length))
		return line_salvage(l, line, length);
	if (whole_length > CONFIG_LINE_MAX) {
		config_fault(report, l->number,
			     "expected at most %d bytes in a line, got %zu",
			     CONFIG_LINE_MAX, whole_length);
		return line_salvage(l, line, length);
	}
	memcpy(l->text, line, length);
	l->text[length] = '\0';
	if (!length)
		return CONFIG_LINE_BLANK;
	return l->text[0] == '[' ? line_section(l, report) : line_entry(l, report);
}

bool config_line_next(struct config_lines *l, struct config_report *report,
		      enum config_line_kind *kind)
{
	const char *line = l->next, *feed;
	size_t length;

	if (l->next == l->end)
		return false;
	feed = memchr(line, '\n', (size_t)(l->end - line));
	l->next = feed ? feed + 1 : l->end;
	length = (size_t)((feed ? feed : l->end) - line);
	l->number++;
	if (l->number == 1 && length >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		config_fault(report, 1,
			     "expected text, got a byte order mark: save the file "
			     "without one");
		line += 3;
		length -= 3;
	}
	if (feed && length && line[length - 1] == '\r') {
		if (!l->carriage)
			config_fault(report, l->number,
				     "expected the line to end in LF, got CR LF "
				     "(dos2unix mends that)");
		l->carriage = true;
		length--;
	}
	*kind = line_classify(l, report, line, length);
	return true;
}
