/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latency and copies as a program of the CUDA runtime sees them. Every figure is
 * a median. Built with static and with shared cudart. An argument limits the
 * largest copy, in MiB (1024).
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

__global__ void empty(int)
{
}

static void check(cudaError_t e, const char *what)
{
	if (e == cudaSuccess)
		return;
	fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(e));
	exit(1);
}

#define CHECK(call) check((call), #call)

static double now_us()
{
	using namespace std::chrono;
	return duration<double, std::micro>(steady_clock::now().time_since_epoch()).count();
}

template <class Step> static double median_us(int count, Step step)
{
	std::vector<double> times(count);

	for (double &t : times) {
		t = now_us();
		step();
		t = now_us() - t;
	}
	std::nth_element(times.begin(), times.begin() + count / 2, times.end());
	return times[count / 2];
}

template <class Step> static void latency(const char *name, int count, Step step)
{
	printf("figure %s %.3f us\n", name, median_us(count, step));
}

static void latencies(char *device, char *host)
{
	cudaEvent_t event;

	for (int i = 0; i < 100; i++)
		empty<<<1, 32>>>(1);
	CHECK(cudaDeviceSynchronize());
	latency("launch", 10000, [] { empty<<<1, 32>>>(1); });
	CHECK(cudaDeviceSynchronize());
	latency("launch_synchronize", 3000, [] {
		empty<<<1, 32>>>(1);
		CHECK(cudaDeviceSynchronize());
	});
	latency("synchronize_idle", 3000, [] { CHECK(cudaDeviceSynchronize()); });
	latency("copy_4B_to_device", 3000,
		[&] { CHECK(cudaMemcpy(device, host, 4, cudaMemcpyHostToDevice)); });
	latency("copy_4B_to_host", 3000,
		[&] { CHECK(cudaMemcpy(host, device, 4, cudaMemcpyDeviceToHost)); });
	latency("malloc_free_1MiB", 500, [] {
		void *p;
		CHECK(cudaMalloc(&p, 1 << 20));
		CHECK(cudaFree(p));
	});
	latency("stream_create_destroy", 200, [] {
		cudaStream_t s;
		CHECK(cudaStreamCreate(&s));
		CHECK(cudaStreamDestroy(s));
	});
	CHECK(cudaEventCreate(&event));
	latency("event_record_query", 2000, [&] {
		CHECK(cudaEventRecord(event));
		cudaEventQuery(event);
	});
	CHECK(cudaDeviceSynchronize());
	CHECK(cudaEventDestroy(event));
}

static void copies(char *device, char *pinned, char *pageable, size_t most)
{
	const struct {
		const char *name;
		void *to, *from;
		cudaMemcpyKind kind;
	} ways[] = {
		{"to_device_pageable", device, pageable, cudaMemcpyHostToDevice},
		{"to_device_pinned", device, pinned, cudaMemcpyHostToDevice},
		{"to_host_pageable", pageable, device, cudaMemcpyDeviceToHost},
		{"to_host_pinned", pinned, device, cudaMemcpyDeviceToHost},
	};

	for (size_t bytes = 4096; bytes <= most; bytes *= bytes < 1 << 28 ? 16 : 4) {
		int count = bytes > 16 << 20 ? 10 : 50;

		for (auto &w : ways) {
			double us = median_us(
				count, [&] { CHECK(cudaMemcpy(w.to, w.from, bytes, w.kind)); });
			printf("figure copy_%zuKiB_%s %.3f GB/s\n", bytes >> 10, w.name, bytes / us / 1e3);
		}
	}
}

int main(int argc, char **argv)
{
	size_t most = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1024) << 20;
	char *device, *pinned, *pageable = (char *)malloc(most);
	double start = now_us();
	unsigned long long sum = 0;

	CHECK(cudaFree(0));
	printf("figure init %.3f ms\n", (now_us() - start) / 1e3);
	CHECK(cudaMalloc(&device, most));
	CHECK(cudaMallocHost(&pinned, most));
	memset(pageable, 1, most);
	memset(pinned, 1, most);
	latencies(device, pageable);
	copies(device, pinned, pageable, most);

	CHECK(cudaMemset(device, 3, most));
	CHECK(cudaMemcpy(pageable, device, most, cudaMemcpyDeviceToHost));
	for (size_t i = 0; i < most; i++)
		sum += pageable[i];
	printf("check bytes %llu\n", sum);
	return 0;
}
