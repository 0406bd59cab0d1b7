#include "bench/ticks.h"

#include <stdio.h>
#include <unistd.h>

bool ticks_are_tsc = false;
double ticks_per_ns = 1;

#ifdef __x86_64__
/* The kernel says whether the counter runs evenly, through sleep states too. */
static bool tsc_is_constant(void)
{
	char line[8192];
	bool constant = false;
	FILE *file = fopen("/proc/cpuinfo", "re");
	while (file && !constant && fgets(line, sizeof(line), file))
		constant = strncmp(line, "flags", 5) == 0 && strstr(line, " constant_tsc") &&
			   strstr(line, " nonstop_tsc");
	if (file)
		fclose(file);
	return constant;
}
#endif

const char *ticks_init(void)
{
#ifdef __x86_64__
	if (tsc_is_constant()) {
		ticks_are_tsc = true;
		int64_t began_ns = bench_now_ns();
		uint64_t began = ticks_now();
		usleep(50000);
		ticks_per_ns = (double)(ticks_now() - began) / (double)(bench_now_ns() - began_ns);
		return "rdtsc between fences";
	}
#endif
	return "clock_gettime";
}
