/* The smallest user of libburr, for as long as README.md has no C program of its own. */
#include <burr/status.h>
#include <stdio.h>

int main(void)
{
	return printf("burr %s\n", burr_version()) < 0;
}
