/* SPDX-License-Identifier: Apache-2.0 */
/* How many lines there are of what others do. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "log.h"

static int file, before;

static int begin(void **state)
{
	char name[] = "/tmp/log-test-XXXXXX";

	file = mkstemp(name);
	before = dup(STDERR_FILENO);
	return file < 0 || before < 0 || unlink(name) || dup2(file, STDERR_FILENO) < 0;
}

/* What was written since; stderr is as it was. */
static char *written(void)
{
	static char text[8 << 20];
	ssize_t n;

	dup2(before, STDERR_FILENO);
	close(before);
	n = pread(file, text, sizeof(text) - 1, 0);
	close(file);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void flood(void **state)
{
	char *text;

	log_set_level(LOG_INFO);
	for (int i = 0; i < 3 * LOG_BURST; i++)
		log_warn("a stranger");
	log_error("our own");
	usleep(200000);
	log_info("later");
	text = written();
	assert_in_range(lines(text), LOG_BURST, LOG_BURST + LOG_BURST / 2);
	assert_non_null(strstr(text, "our own"));
	assert_non_null(strstr(text, "lines were left out"));
	assert_non_null(strstr(text, "later"));
}

static void debugging(void **state)
{
	log_set_level(LOG_DEBUG);
	for (int i = 0; i < 3 * LOG_BURST; i++)
		log_debug("everything");
	assert_int_equal(lines(written()), 3 * LOG_BURST);
}

/* stderr is a pipe whose reader stops, and reads again. */
static void stopped(void **state)
{
	char *text;
	int ends[2];

	log_set_level(LOG_DEBUG);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	alarm(20);
	for (int i = 0; i < 3 * LOG_BURST; i++)
		log_error("much");
	alarm(0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	assert_true(splice(ends[0], NULL, file, NULL, 1 << 20, 0) > 0);
	log_info("later");
	while (splice(ends[0], NULL, file, NULL, 1 << 20, 0) > 0)
		;
	close(ends[0]);
	close(ends[1]);
	text = written();
	assert_in_range(lines(text), 100, 2 * LOG_BURST);
	assert_non_null(strstr(text, "lines were left out"));
	assert_non_null(strstr(text, "later"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(flood, begin),
		cmocka_unit_test_setup(debugging, begin),
		cmocka_unit_test_setup(stopped, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
