/* Replays a corpus without libFuzzer: every file of the folders and files given. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return perror(path), 1;
    uint8_t *data = NULL;
    size_t n = 0, cap = 0;
    do {
        data = realloc(data, cap += 65536);
        if (!data) abort();
        n += fread(data + n, 1, cap - n, f);
    } while (n == cap);
    fclose(f);
    data = realloc(data, n ? n : 1); /* so that a sanitizer sees reads past the end */
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 0;
}

static int replay(const char *path) {
    DIR *d = opendir(path);
    if (!d) return replay_file(path);
    int bad = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char name[4096];
        if (e->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        bad |= replay_file(name);
    }
    closedir(d);
    return bad;
}

int main(int argc, char **argv) {
    int bad = 0;
    for (int i = 1; i < argc; i++) bad |= replay(argv[i]);
    return bad;
}
