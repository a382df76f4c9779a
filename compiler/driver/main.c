#include "driver/driver.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

#ifndef TPC_VERSION
#define TPC_VERSION "unknown"
#endif

typedef int CommandFn(Session *);

static CommandFn *command_of(char letter) {
    switch (letter) {
#define COMMAND(name, letter_, args, help, example) case letter_: return command_##name;
#include "driver/commands.def"
    }
    return NULL;
}

static void out_of_memory(void *ctx, size_t wanted) {
    (void)ctx;
    fprintf(stderr, "tpc: the compiler needs more than 4 GiB of memory (%zu bytes wanted): "
                    "the program is too large\n", wanted);
    _exit(EXIT_ERROR); /* LLVM may be loading */
}

static int flushed(int code) {
    if (!fflush(stdout) && !ferror(stdout)) return code;
    fprintf(stderr, "tpc: cannot write to standard output\n");
    return EXIT_ERROR;
}

int main(int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error of the write, with a message */
    if (argc < 2) {
        options_help(stderr, 0);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("tpc " TPC_VERSION);
        return flushed(EXIT_OK);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        options_help(stdout, 0);
        return flushed(EXIT_OK);
    }
    Arena *a = arena_new((size_t)4 << 30, out_of_memory, NULL);
    Options o = {0};
    int code = EXIT_USAGE;
    if (options_parse(a, argc, argv, &o)) {
        if (o.help) {
            options_help(stdout, o.command);
            code = EXIT_OK;
        } else {
            Session s;
            session_begin(&s, a, &o);
            code = command_of(o.command)(&s);
            codegen_preload_end(&s.preload);
        }
    }
    arena_free(a);
    return flushed(code);
}
