/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system between SQLite and the real one, for tests: it remembers what was written to the files of watched
 * directories, and what was synchronised, and it can fail or lose power at a chosen operation. All else passes through.
 *
 * Operations are those that change a file: write, truncate, synchronise, delete. They are counted from 0 in each watch.
 */
#ifndef STORE_FAULTS_H
#define STORE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum store_operation_kind {
	STORE_OPERATION_WRITE,
	STORE_OPERATION_TRUNCATE,
	STORE_OPERATION_SYNC,
	STORE_OPERATION_DELETE,
};

struct store_operation {
	int32_t kind;
	/* Of store_watch_file. */
	int32_t file;
	int64_t offset;
	/*
	 * Bytes written; the new size; 1 for a synchronisation or deletion that makes the directory's names durable too. -1:
	 * it was not done.
	 */
	int64_t length;
	const uint8_t *bytes;
};

enum store_fault {
	STORE_FAULT_NONE,
	/* The file system is full. */
	STORE_FAULT_ENOSPC,
	/* The disk fails. */
	STORE_FAULT_EIO,
	/* Half is written, then the disk fails. */
	STORE_FAULT_SHORT,
	/* The power goes: this and everything after it is not done. */
	STORE_FAULT_CRASH,
};

struct store_watch;

/* Makes it SQLite's default file system. To be called before the first watch; again is harmless. */
int store_faults_install(void);

/* Watches files whose path begins with `prefix`, until store_watch_free, which comes after their closing. */
struct store_watch *store_watch_new(const char *prefix);
void store_watch_free(struct store_watch *watch);

/* The fault of operation `at` and, if `lasts`, of all that follow. */
void store_watch_fault(struct store_watch *watch, enum store_fault fault, int64_t at, bool lasts);

/* Tells SQLite that all is synchronised, and does not count it as such: a disk that lies. */
void store_watch_ignore_syncs(struct store_watch *watch, bool ignores);

/* Operations so far; one of them, valid until the watch goes. */
int64_t store_watch_count(struct store_watch *watch);
struct store_operation store_watch_operation(struct store_watch *watch, int64_t index);

/* Files that were operated on; the name of one behind the prefix. */
int32_t store_watch_files(struct store_watch *watch);
const char *store_watch_file(struct store_watch *watch, int32_t file);

#endif
