/* The smallest user of libburr: what the test builds where README.md has no C program. */
#include <burr/status.h>
#include <stdio.h>

int main(void)
{
	return printf("burr %s\n", burr_version()) < 0;
}
