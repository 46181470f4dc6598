/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpuserverd: the supervisor, or with --worker as first argument one of the
 * worker processes that it starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "call_names.h"
#include "nvml/nvml.h"
#include "options.h"
#include "supervisor.h"
#include "worker.h"

/* A descriptor that stands in for a closed stdin, stdout or stderr must not be a socket. */
static int open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;
	int err;

	if (argc > 1 && !strcmp(argv[1], "--worker"))
		return worker_main(argc, argv);

	if (open_standard_files())
		return 1;
	err = options_parse(argc, argv, &options);
	if (err)
		return err == OPTIONS_DONE ? 0 : 2;
	log_set_level(options.log);
	err = supervisor_run(&options, spec_hash, nvml_spec_hash);
	if (err == -EINVAL)
		return 2;
	return err ? 1 : 0;
}
