/* SPDX-License-Identifier: Apache-2.0 */
/* MD2 on the vectors of RFC 1319, and answers that real drivers' formula gives for fixed questions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "integrity.h"

static void assert_hex(const uint8_t *bytes, const char *hex)
{
	char text[33];

	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(text, hex);
}

static void test_md2(void **state)
{
	static const char *const vector[][2] = {
		{ "", "8350e5a3e24c153df2275c9f80692773" },
		{ "a", "32ec01ec4a6dac72c0ab96fb34c0b5d1" },
		{ "abc", "da853b0d3f88d99b30283a69e6ded6bb" },
		{ "message digest", "ab4f496bfb2a530b219ff33031fe06b0" },
		{ "abcdefghijklmnopqrstuvwxyz", "4e8ddff3650292ab5a4108c3aa47940b" },
		{ "1234567890123456789012345678901234567890"
		  "1234567890123456789012345678901234567890",
		  "d5976f79d83d3a0dc9806c3c66f3efd8" },
	};
	uint8_t out[16];

	for (size_t i = 0; i < sizeof(vector) / sizeof(*vector); i++) {
		const char *text = vector[i][0];
		size_t n = strlen(text);

		for (size_t cut = 0; cut <= n; cut++) {
			md2(text, cut, text + cut, n - cut, out);
			assert_hex(out, vector[i][1]);
		}
	}
}

static void test_answers(void **state)
{
	static const struct integrity_device device[2] = {
		{ { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }, 0, 0x1b, 0 },
		{ { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac,
		    0xad, 0xae, 0xaf }, 1, 0x3c, 2 },
	};
	static const struct {
		unsigned version, devices;
		const char *answer;
	} vector[] = {
		{ 11020, 1, "5c67cb031c184133e8d14c1faa83d38e" },
		{ 11081, 1, "5c67cb031c184118e8d14c1faa83d38e" },
		{ 11082, 0, "3331b6ddf844963becaaa0e1bc681ac4" },
		{ 11082, 1, "6ff03fec7e7661f2eeb1a0b44cb2701a" },
		{ 12002, 1, "44adf5fe982bdb8c65de67c3ba903c4a" },
		{ 13002, 1, "b0a5dfab2a128a25a477cdb4f77ec43a" },
		{ 13002, 2, "a53e007cd7f26d21aed29035179b11f7" },
	};
	uint8_t out[INTEGRITY_ANSWER];

	for (size_t i = 0; i < sizeof(vector) / sizeof(*vector); i++) {
		struct integrity_question q = {
			.driver_version = 13000,
			.version = vector[i].version,
			.pid = 4242,
			.thread = 0x12345678,
			.runtime_table = 0x7f0011112220,
			.integrity_table = 0x7f0033334440,
			.integrity_function = 0x7f0055556660,
			.seconds = 1700000000,
		};

		integrity_answer(&q, device, vector[i].devices, out);
		assert_hex(out, vector[i].answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_md2),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
