/* wire/limits.h: every limit that a peer or a user can run into, once, with why that number. */
#ifndef WIRE_LIMITS_H
#define WIRE_LIMITS_H

enum {
	PROJECT_NAME_MAX = 128,
	APP_ID_MAX = 200, /* with ".jsonl" and a temporary suffix still a file name (255) */
	PARTITION_KEY_MAX = 512,
	BATCH_BYTES = 1 << 20,     /* larger batches gain nothing: 256 KiB already saturates a Unix socket */
	BATCH_ENTRIES_MAX = 65536, /* a 16-byte entry at the least in BATCH_BYTES */
	BATCH_APPS_MAX = 4096,
	RECORD_BYTES_MAX = 16 << 20,
	MESSAGE_BYTES_MAX = RECORD_BYTES_MAX + (1 << 20), /* one record of the largest size and its header */
	BATCH_SIDE_BYTES =
		4 * RECORD_BYTES_MAX, /* of the side files of a batch; a writer counts them like a message */
	PROTOCOL_VERSION = 1,
	WRITER_ID_LEN = 16,
	IDENTITY_TAIL =
		64, /* a line's identity lies within its last bytes: 8 + 16 + 1 + 10 + 1 + 20 + 2 < 64 */
};

#endif
