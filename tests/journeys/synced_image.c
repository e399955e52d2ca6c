/* Preloaded into a server under test: keeps, for every file below SYNCED_FROM, a copy as of its last fsync.
 *
 * After a kill -9 the page cache still holds what was never synced, so killing alone cannot show a missing fsync.
 * The copies in SYNCED_TO are what a power cut would have left: everything not yet synced is dropped.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep(int fd) {
    const char *from = getenv("SYNCED_FROM"), *to = getenv("SYNCED_TO");
    char link[64], path[PATH_MAX], half[PATH_MAX + 16], whole[PATH_MAX];
    static char block[1 << 16];
    static int lock; /* one copy at a time: the platform has one writer */
    if (!from || !to) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    if (strncmp(path, from, strlen(from)) != 0) return;
    while (__sync_lock_test_and_set(&lock, 1)) usleep(10);
    snprintf(whole, sizeof whole, "%s/%s", to, strrchr(path, '/') + 1);
    snprintf(half, sizeof half, "%s.half", whole);
    int in = open(path, O_RDONLY), out = open(half, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in >= 0 && out >= 0) {
        ssize_t got;
        while ((got = read(in, block, sizeof block)) > 0)
            if (write(out, block, (size_t)got) != got) break;
        if (got == 0) rename(half, whole);
    }
    if (in >= 0) close(in);
    if (out >= 0) close(out);
    __sync_lock_release(&lock);
}

int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int told = real(fd);
    if (told == 0) keep(fd);
    return told;
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int told = real(fd);
    if (told == 0) keep(fd);
    return told;
}
