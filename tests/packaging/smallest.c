/* The smallest user of libburr: what is built besides, or without, the first program of README.md. */
#include <burr/status.h>
#include <stdio.h>

int main(void)
{
	return printf("burr %s\n", burr_version()) < 0;
}
