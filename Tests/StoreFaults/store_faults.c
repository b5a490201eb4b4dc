/* SPDX-License-Identifier: Apache-2.0 */
#include "store_faults.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 8 };

struct store_watch {
	struct store_watch *next;
	char *prefix;
	struct store_operation *operations;
	int64_t count, capacity;
	char *files[MAX_FILES];
	int32_t file_count;
	enum store_fault fault;
	int64_t fault_at;
	bool fault_lasts, has_crashed, ignores_syncs;
};

/* The real file lies behind this one, in the memory SQLite gives to both. */
struct watched_file {
	sqlite3_file base;
	sqlite3_file *real;
	struct store_watch *watch;
	int32_t number;
	/* The first synchronisation is of the directory as well, as SQLite's own file system does it. */
	bool is_new_log;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct store_watch *watches;
static sqlite3_vfs *real_vfs;

static struct store_watch *watch_of(const char *path)
{
	struct store_watch *watch;

	for (watch = path ? watches : NULL; watch; watch = watch->next)
		if (!strncmp(path, watch->prefix, strlen(watch->prefix)))
			return watch;
	return NULL;
}

static int32_t file_of(struct store_watch *watch, const char *path)
{
	const char *name = path + strlen(watch->prefix);
	int32_t i;

	for (i = 0; i < watch->file_count; i++)
		if (!strcmp(watch->files[i], name))
			return i;
	if (i == MAX_FILES)
		abort();
	watch->files[i] = strdup(name);
	watch->file_count++;
	return i;
}

/* Remembers an operation and says what is to become of it. */
static enum store_fault begin(struct store_watch *watch, struct store_operation operation)
{
	enum store_fault fault = STORE_FAULT_NONE;
	int64_t index = watch->count;
	uint8_t *copy;

	if (watch->has_crashed)
		return STORE_FAULT_CRASH;
	if (watch->fault && (watch->fault_lasts ? index >= watch->fault_at : index == watch->fault_at))
		fault = watch->fault;
	if (watch->count == watch->capacity) {
		watch->capacity = watch->capacity ? 2 * watch->capacity : 256;
		watch->operations = realloc(watch->operations, watch->capacity * sizeof(operation));
	}
	if (fault == STORE_FAULT_SHORT)
		operation.length /= 2;
	if (operation.bytes) {
		copy = malloc(operation.length + 1);
		memcpy(copy, operation.bytes, operation.length);
		operation.bytes = copy;
	}
	/* An operation that failed leaves nothing; one that the power interrupts may. */
	if (fault == STORE_FAULT_ENOSPC || fault == STORE_FAULT_EIO)
		operation.length = operation.kind == STORE_OPERATION_WRITE ? 0 : -1;
	if (operation.kind == STORE_OPERATION_DELETE && fault == STORE_FAULT_CRASH)
		operation.length = 0;
	if (operation.kind == STORE_OPERATION_SYNC)
		operation.length = fault || watch->ignores_syncs ? -1 : operation.length;
	watch->operations[watch->count++] = operation;
	watch->has_crashed = fault == STORE_FAULT_CRASH;
	return fault;
}

static int code_of(enum store_fault fault, int code)
{
	errno = fault == STORE_FAULT_ENOSPC ? ENOSPC : EIO;
	return fault == STORE_FAULT_ENOSPC ? SQLITE_FULL : code;
}

#define REAL(file) (((struct watched_file *)(file))->real)

static int file_close(sqlite3_file *file) { return REAL(file)->pMethods->xClose(REAL(file)); }

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset)
{
	return REAL(file)->pMethods->xRead(REAL(file), bytes, count, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
	struct watched_file *watched = (struct watched_file *)file;
	struct store_operation operation = {
		.kind = STORE_OPERATION_WRITE, .file = watched->number, .offset = offset, .length = count, .bytes = bytes,
	};
	enum store_fault fault;
	int code = SQLITE_OK;

	pthread_mutex_lock(&mutex);
	fault = begin(watched->watch, operation);
	if (fault == STORE_FAULT_SHORT)
		count /= 2;
	if (fault == STORE_FAULT_NONE || fault == STORE_FAULT_SHORT)
		code = watched->real->pMethods->xWrite(watched->real, bytes, count, offset);
	if (fault)
		code = code_of(fault, SQLITE_IOERR_WRITE);
	pthread_mutex_unlock(&mutex);
	return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct watched_file *watched = (struct watched_file *)file;
	struct store_operation operation = { .kind = STORE_OPERATION_TRUNCATE, .file = watched->number, .length = size };
	enum store_fault fault;
	int code;

	pthread_mutex_lock(&mutex);
	fault = begin(watched->watch, operation);
	code = fault ? code_of(fault, SQLITE_IOERR_TRUNCATE) : watched->real->pMethods->xTruncate(watched->real, size);
	pthread_mutex_unlock(&mutex);
	return code;
}

/* What is durable is the model's to say: the real disk is not waited for. */
static int file_sync(sqlite3_file *file, int flags)
{
	struct watched_file *watched = (struct watched_file *)file;
	struct store_operation operation = {
		.kind = STORE_OPERATION_SYNC, .file = watched->number, .length = watched->is_new_log,
	};
	enum store_fault fault;

	(void)flags;
	pthread_mutex_lock(&mutex);
	fault = begin(watched->watch, operation);
	if (!fault)
		watched->is_new_log = false;
	pthread_mutex_unlock(&mutex);
	return fault ? code_of(fault, SQLITE_IOERR_FSYNC) : SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return REAL(file)->pMethods->xFileSize(REAL(file), size);
}

static int file_lock(sqlite3_file *file, int level) { return REAL(file)->pMethods->xLock(REAL(file), level); }
static int file_unlock(sqlite3_file *file, int level) { return REAL(file)->pMethods->xUnlock(REAL(file), level); }

static int file_check_lock(sqlite3_file *file, int *result)
{
	return REAL(file)->pMethods->xCheckReservedLock(REAL(file), result);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
	return REAL(file)->pMethods->xFileControl(REAL(file), operation, argument);
}

static int file_sector(sqlite3_file *file) { return REAL(file)->pMethods->xSectorSize(REAL(file)); }
static int file_traits(sqlite3_file *file) { return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file)); }

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
	return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, memory);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	return REAL(file)->pMethods->xShmLock(REAL(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file) { REAL(file)->pMethods->xShmBarrier(REAL(file)); }

static int file_shm_unmap(sqlite3_file *file, int deletes)
{
	return REAL(file)->pMethods->xShmUnmap(REAL(file), deletes);
}

/* Version 2: without mapped reads, which nothing here uses. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_out)
{
	struct watched_file *watched = (struct watched_file *)file;
	struct store_watch *watch;
	int code;

	(void)vfs;
	pthread_mutex_lock(&mutex);
	watch = watch_of(path);
	pthread_mutex_unlock(&mutex);
	if (!watch)
		return real_vfs->xOpen(real_vfs, path, file, flags, flags_out);
	watched->base.pMethods = NULL;
	watched->real = (sqlite3_file *)(watched + 1);
	watched->real->pMethods = NULL;
	code = real_vfs->xOpen(real_vfs, path, watched->real, flags, flags_out);
	if (!watched->real->pMethods)
		return code;
	pthread_mutex_lock(&mutex);
	watched->watch = watch;
	watched->number = file_of(watch, path);
	watched->is_new_log = flags & SQLITE_OPEN_CREATE && flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL);
	pthread_mutex_unlock(&mutex);
	watched->base.pMethods = &methods;
	return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int syncs)
{
	struct store_operation operation = { .kind = STORE_OPERATION_DELETE, .length = syncs };
	enum store_fault fault = STORE_FAULT_NONE;
	struct store_watch *watch;

	(void)vfs;
	pthread_mutex_lock(&mutex);
	watch = watch_of(path);
	if (watch) {
		operation.file = file_of(watch, path);
		fault = begin(watch, operation);
	}
	pthread_mutex_unlock(&mutex);
	return fault ? code_of(fault, SQLITE_IOERR_DELETE) : real_vfs->xDelete(real_vfs, path, watch ? 0 : syncs);
}

static sqlite3_vfs vfs;

int store_faults_install(void)
{
	int code = SQLITE_OK;

	pthread_mutex_lock(&mutex);
	if (!real_vfs) {
		real_vfs = sqlite3_vfs_find(NULL);
		vfs = *real_vfs;
		vfs.zName = "store-faults";
		vfs.szOsFile = (int)sizeof(struct watched_file) + real_vfs->szOsFile;
		vfs.pNext = NULL;
		vfs.xOpen = vfs_open;
		vfs.xDelete = vfs_delete;
		code = sqlite3_vfs_register(&vfs, 1);
	}
	pthread_mutex_unlock(&mutex);
	return code;
}

struct store_watch *store_watch_new(const char *prefix)
{
	struct store_watch *watch = calloc(1, sizeof(*watch));

	watch->prefix = strdup(prefix);
	pthread_mutex_lock(&mutex);
	watch->next = watches;
	watches = watch;
	pthread_mutex_unlock(&mutex);
	return watch;
}

void store_watch_free(struct store_watch *watch)
{
	struct store_watch **place;
	int64_t i;

	pthread_mutex_lock(&mutex);
	for (place = &watches; *place != watch; place = &(*place)->next)
		;
	*place = watch->next;
	pthread_mutex_unlock(&mutex);
	for (i = 0; i < watch->count; i++)
		free((void *)watch->operations[i].bytes);
	for (i = 0; i < watch->file_count; i++)
		free(watch->files[i]);
	free(watch->operations);
	free(watch->prefix);
	free(watch);
}

void store_watch_fault(struct store_watch *watch, enum store_fault fault, int64_t at, bool lasts)
{
	pthread_mutex_lock(&mutex);
	watch->fault = fault;
	watch->fault_at = at;
	watch->fault_lasts = lasts;
	pthread_mutex_unlock(&mutex);
}

void store_watch_ignore_syncs(struct store_watch *watch, bool ignores)
{
	pthread_mutex_lock(&mutex);
	watch->ignores_syncs = ignores;
	pthread_mutex_unlock(&mutex);
}

int64_t store_watch_count(struct store_watch *watch)
{
	int64_t count;

	pthread_mutex_lock(&mutex);
	count = watch->count;
	pthread_mutex_unlock(&mutex);
	return count;
}

struct store_operation store_watch_operation(struct store_watch *watch, int64_t index)
{
	struct store_operation operation;

	pthread_mutex_lock(&mutex);
	operation = watch->operations[index];
	pthread_mutex_unlock(&mutex);
	return operation;
}

int32_t store_watch_files(struct store_watch *watch)
{
	int32_t count;

	pthread_mutex_lock(&mutex);
	count = watch->file_count;
	pthread_mutex_unlock(&mutex);
	return count;
}

const char *store_watch_file(struct store_watch *watch, int32_t file)
{
	return watch->files[file];
}
