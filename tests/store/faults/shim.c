/* Stands between a process and the C library (LD_PRELOAD): counts the calls that change files under one folder, makes
 * a chosen one fail, once or from then on, and writes down what was done, for the images of a power cut.
 *
 * Only the calls under the folder of `faults_watch` count. An interruption (EINTR) that lasts for ever is a call that
 * does not come back: SQLite and Python both try again; `faults_hangs` tells, `faults_release` lets go.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, MKDIR, CHMOD, NOTE, OPS };
enum { FDS = 4096, PATIENCE = 3, SHORT = -1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static char watched[PATH_MAX];
static size_t watched_length;
static char open_here[FDS];           /* 1 for a file under the folder, 2 for a folder */
static ino_t inode_of[FDS];
static long count, at, hits;
static int failure, for_ever, hangs, freed, interruptions;
static char kinds[1 << 16];           /* the kind of each call, in order */
static unsigned char *notes;
static size_t notes_length, notes_room;
static int recording;

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void faults_watch(const char *folder) {
    pthread_mutex_lock(&lock);
    watched_length = strlen(folder);
    memcpy(watched, folder, watched_length + 1);
    pthread_mutex_unlock(&lock);
}

/* Begin counting anew; the `nth` call from here, from 1, fails (0: none). `error` is an errno, or -1 for a short write. */
void faults_arm(long nth, int error, int lasting) {
    pthread_mutex_lock(&lock);
    count = hits = 0;
    at = nth, failure = error, for_ever = lasting;
    hangs = freed = interruptions = 0;
    pthread_mutex_unlock(&lock);
}

void faults_release(void) {
    pthread_mutex_lock(&lock);
    at = 0, freed = 1;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

long faults_count(void) { return count; }
long faults_hits(void) { return hits; }
int faults_hangs(void) { return hangs; }
const char *faults_kinds(void) { return kinds; }

void faults_record(int on) {
    pthread_mutex_lock(&lock);
    recording = on;
    if (on) notes_length = 0;
    pthread_mutex_unlock(&lock);
}

const unsigned char *faults_notes(size_t *length) {
    *length = notes_length;
    return notes;
}

static void put(const void *bytes, size_t length) {
    if (notes_length + length > notes_room) {
        notes_room = (notes_length + length) * 2;
        notes = realloc(notes, notes_room);
    }
    memcpy(notes + notes_length, bytes, length);
    notes_length += length;
}

/* One record: kind, inode, offset, then two byte strings with their lengths. */
static void note(int kind, ino_t inode, off_t offset, const void *one, size_t one_length, const char *other) {
    if (!recording) return;
    uint64_t head[5] = {(uint64_t)kind, (uint64_t)inode, (uint64_t)offset, one_length, other ? strlen(other) : 0};
    pthread_mutex_lock(&lock);
    put(head, sizeof head);
    put(one, one_length);
    if (other) put(other, strlen(other));
    pthread_mutex_unlock(&lock);
}

void faults_say(long number) { note(NOTE, 0, number, "", 0, NULL); }

/* Count a call; return 0 to let it through, -1 to fail with `errno`, 1 to write less than asked. */
static int meet(int kind) {
    int answer = 0;
    pthread_mutex_lock(&lock);
    if (count < (long)sizeof kinds - 1) kinds[count] = (char)('0' + kind), kinds[count + 1] = 0;
    count++;
    if (at && (count == at || (for_ever && count > at))) {
        hits++;
        if (failure == SHORT) {
            answer = kind == WRITE;
        } else if (failure == EINTR && for_ever && ++interruptions > PATIENCE) {
            hangs = 1;
            while (!freed) pthread_cond_wait(&released, &lock);
        } else {
            errno = failure, answer = -1;
        }
    }
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return answer;
}

static int here(const char *path) {
    return watched_length && path && !strncmp(path, watched, watched_length);
}

static int here_fd(int fd) { return fd >= 0 && fd < FDS && open_here[fd]; }

static int opened(int fd, const char *path, int flags) {
    struct stat status;
    if (fd < 0 || fd >= FDS || fstat(fd, &status)) return fd;
    open_here[fd] = S_ISDIR(status.st_mode) ? 2 : 1;
    inode_of[fd] = status.st_ino;
    if (flags & (O_CREAT | O_TRUNC)) note(OPEN, status.st_ino, flags & O_TRUNC ? 1 : 0, path, strlen(path), NULL);
    return fd;
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        NEXT(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        if (!here(path)) return next(path, flags, mode); \
        if (meet(OPEN)) return -1; \
        return opened(next(path, flags, mode), path, flags); \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        NEXT(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        if (!here(path)) return next(folder, path, flags, mode); \
        if (meet(OPEN)) return -1; \
        return opened(next(folder, path, flags, mode), path, flags); \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

int close(int fd) {
    NEXT(close);
    if (fd >= 0 && fd < FDS) open_here[fd] = 0;
    return next(fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    NEXT(write);
    if (!here_fd(fd)) return next(fd, bytes, length);
    int met = meet(WRITE);
    if (met < 0) return -1;
    off_t place = lseek(fd, 0, SEEK_CUR);
    ssize_t done = next(fd, bytes, met && length > 1 ? length / 2 : length);
    if (done > 0) note(WRITE, inode_of[fd], place, bytes, (size_t)done, NULL);
    return done;
}

#define WRITES(name, offset_type) \
    ssize_t name(int fd, const void *bytes, size_t length, offset_type place) { \
        NEXT(name); \
        if (!here_fd(fd)) return next(fd, bytes, length, place); \
        int met = meet(WRITE); \
        if (met < 0) return -1; \
        ssize_t done = next(fd, bytes, met && length > 1 ? length / 2 : length, place); \
        if (done > 0) note(WRITE, inode_of[fd], place, bytes, (size_t)done, NULL); \
        return done; \
    }
WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)

#define SYNCS(name) \
    int name(int fd) { \
        NEXT(name); \
        if (!here_fd(fd)) return next(fd); \
        if (meet(SYNC)) return -1; \
        note(SYNC, inode_of[fd], open_here[fd] == 2, "", 0, NULL); \
        return next(fd); \
    }
SYNCS(fsync)
SYNCS(fdatasync)

#define TRUNCATES(name, offset_type) \
    int name(int fd, offset_type length) { \
        NEXT(name); \
        if (!here_fd(fd)) return next(fd, length); \
        if (meet(TRUNCATE)) return -1; \
        int done = next(fd, length); \
        if (!done) note(TRUNCATE, inode_of[fd], length, "", 0, NULL); \
        return done; \
    }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

int rename(const char *from, const char *to) {
    NEXT(rename);
    if (!here(from)) return next(from, to);
    if (meet(RENAME)) return -1;
    struct stat status;
    int known = !stat(from, &status), done = next(from, to);
    if (!done) note(RENAME, known ? status.st_ino : 0, 0, from, strlen(from), to);
    return done;
}

int unlink(const char *path) {
    NEXT(unlink);
    if (!here(path)) return next(path);
    if (meet(UNLINK)) return -1;
    int done = next(path);
    if (!done) note(UNLINK, 0, 0, path, strlen(path), NULL);
    return done;
}

int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    if (!here(path)) return next(path, mode);
    if (meet(MKDIR)) return -1;
    return next(path, mode);
}

int chmod(const char *path, mode_t mode) {
    NEXT(chmod);
    if (!here(path)) return next(path, mode);
    if (meet(CHMOD)) return -1;
    return next(path, mode);
}
