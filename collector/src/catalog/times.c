#include "catalog/times.h"

#include <time.h>

static const int64_t QUARTER_US = (int64_t)15 * 60 * 1000000;
static const int64_t SLACK_US = 1000000; /* the two times of a record are not read at one instant */
static const int64_t WIDEST_US = (int64_t)14 * 3600 * 1000000;

bool zone_bound(int64_t local_us, int64_t z_us, int64_t *out_low_us)
{
	int64_t low = local_us - z_us;
	if (low > WIDEST_US + SLACK_US || low < -WIDEST_US - QUARTER_US)
		return false;
	*out_low_us = low;
	return true;
}

int64_t zone_offset_from_low(int64_t low_us)
{
	int64_t low = low_us - SLACK_US;
	int64_t quarters = low / QUARTER_US; /* toward zero: that is up for what is negative */
	if (low > 0 && low % QUARTER_US)
		quarters++;
	return quarters * 15 * 60;
}

int64_t zone_offset_of_machine(int64_t local_us)
{
	time_t local = (time_t)(local_us / 1000000);
	struct tm tm;
	if (!gmtime_r(&local, &tm))
		return 0;
	tm.tm_isdst = -1;
	time_t moment = mktime(&tm);
	return moment == (time_t)-1 ? 0 : (int64_t)local - (int64_t)moment;
}
