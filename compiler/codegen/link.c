/* Runs the machine's C compiler as linker, by argument vector, in a private folder. */
#include "codegen/link.h"
#include "base/vec.h"
#include "codegen/link_file.h"
#include "diag/diag.h"
#include "tp.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* libtpcrt.a, embedded (runtime_bytes.c) */
extern const unsigned char tpc_runtime_archive[], tpc_runtime_archive_end[];

static CodegenBytes runtime_archive(void) {
    return (CodegenBytes){tpc_runtime_archive,
                          (size_t)(tpc_runtime_archive_end - tpc_runtime_archive)};
}

typedef VEC(const char *) Words;

static void words_of(Ctx *c, const char *s, Words *out) {
    while (*s) {
        s += strspn(s, " \t");
        size_t n = strcspn(s, " \t");
        if (n) vec_push(c->a, out, arena_strndup(c->a, s, n));
        s += n;
    }
}

static bool compiler_words(Ctx *c, const LinkJob *job, Words *out) {
    const char *cc = job->cc ? job->cc : getenv("CC");
    words_of(c, cc && *cc ? cc : "cc", out);
    if (out->len) return true;
    diag(c->ds, link_cc_words, (Span){0});
    return false;
}

/* Only what the library is for leaves it: the runtime's calls and the image. */
static bool write_exports(Ctx *c, const LinkJob *job, const char *path) {
    const char *s = arena_printf(c->a, "{ global: tpc_*; tp_image_%s; local: *; };\n", job->name);
    return file_write(c, path, s, strlen(s));
}

static bool link_arguments(Ctx *c, const LinkJob *job, const char *folder, const char *to,
                           Words *v) {
    static const char *const always[] = {"-Wl,--as-needed", "-Wl,-z,relro", "-Wl,-z,now",
                                         "-Wl,-z,noexecstack", "-Wl,--gc-sections", "-s"};
    const char *archive = arena_printf(c->a, "%s/libtpcrt.a", folder);
    if (!compiler_words(c, job, v)) return false;
    if (job->kind == LINK_SHARED) {
        const char *exports = arena_printf(c->a, "%s/exports", folder);
        if (!write_exports(c, job, exports)) return false;
        vec_push(c->a, v, "-shared");
        vec_push(c->a, v, "-Wl,--no-undefined");
        vec_push(c->a, v, arena_printf(c->a, "-Wl,--version-script=%s", exports));
    }
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) vec_push(c->a, v, always[i]);
    vec_push(c->a, v, "-o");
    vec_push(c->a, v, to);
    vec_push(c->a, v, arena_printf(c->a, "%s/kernel.o", folder));
    if (job->kind == LINK_SHARED) vec_push(c->a, v, "-Wl,--whole-archive");
    vec_push(c->a, v, archive);
    if (job->kind == LINK_SHARED) vec_push(c->a, v, "-Wl,--no-whole-archive");
    vec_push(c->a, v, "-lm");
    vec_push(c->a, v, "-ldl");
    vec_push(c->a, v, "-pthread");
    vec_push(c->a, v, NULL);
    return true;
}

/* Start argv with its messages going to `log`.  An errno, 0 if it runs. */
static int spawn(char *const *argv, const char *log, pid_t *pid) {
    posix_spawn_file_actions_t fa;
    int err = posix_spawn_file_actions_init(&fa);
    if (err) return err;
    err = posix_spawn_file_actions_addopen(&fa, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!err) err = posix_spawn_file_actions_adddup2(&fa, 2, 1);
    if (!err) err = posix_spawnp(pid, argv[0], &fa, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    return err;
}

static void add_lines(Ctx *c, Diag *d, const char *text) {
    for (int i = 0; *text && i < 12; i++) {
        size_t n = strcspn(text, "\n");
        diag_note(d, "%s", arena_strndup(c->a, text, n));
        text += n + (text[n] == '\n');
    }
}

static bool linker_failed(Ctx *c, const char *cc, int status, const char *log) {
    char *how = WIFSIGNALED(status) ? arena_printf(c->a, "signal %d", WTERMSIG(status))
                                    : arena_printf(c->a, "exit code %d", WEXITSTATUS(status));
    add_lines(c, diag(c->ds, link_failed, (Span){0}, cc, how), file_head(c, log, 4000));
    return false;
}

static bool run_linker(Ctx *c, const Words *v, const char *log) {
    pid_t pid;
    int status, err = spawn((char *const *)v->data, log, &pid);
    if (err) {
        Diag *d = diag(c->ds, link_no_cc, (Span){0}, v->data[0], strerror(err));
        diag_help(d, "`--object` needs no C compiler: it writes an object file to link elsewhere");
        return false;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) {
            diag(c->ds, link_failed, (Span){0}, v->data[0], strerror(errno));
            return false;
        }
    return !status || linker_failed(c, v->data[0], status, log);
}

static bool link_in(Ctx *c, const LinkJob *job, const char *folder) {
    Words v = {0};
    CodegenBytes rt = runtime_archive();
    const char *object = arena_printf(c->a, "%s/kernel.o", folder);
    const char *archive = arena_printf(c->a, "%s/libtpcrt.a", folder);
    const char *to = file_beside(c, job->output);
    if (!file_write(c, object, job->object.data, job->object.len)) return false;
    if (!file_write(c, archive, rt.data, rt.len)) return false;
    if (!link_arguments(c, job, folder, to, &v)) return false;
    if (!run_linker(c, &v, arena_printf(c->a, "%s/log", folder))) {
        unlink(to);
        return false;
    }
    return file_rename(c, to, job->output);
}

/* "k.so" -> "k.h" */
static const char *with_suffix(Ctx *c, const char *path, const char *suffix) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    bool has = dot && dot != path && (!slash || dot > slash + 1);
    size_t n = has ? (size_t)(dot - path) : strlen(path);
    return arena_printf(c->a, "%.*s%s", (int)n, path, suffix);
}

static bool write_header(Ctx *c, const LinkJob *job) {
    size_t n = tp_header_text(NULL, 0, job->name);
    char *s = arena_alloc(c->a, n + 1);
    tp_header_text(s, n + 1, job->name);
    return file_replace(c, with_suffix(c, job->output, ".h"), s, n);
}

static bool write_runtime(Ctx *c, const LinkJob *job) {
    const char *slash = strrchr(job->output, '/');
    int n = slash ? (int)(slash - job->output) + 1 : 0;
    CodegenBytes rt = runtime_archive();
    return file_replace(c, arena_printf(c->a, "%.*slibtpcrt.a", n, job->output), rt.data, rt.len);
}

static bool link_here(Ctx *c, const LinkJob *job) {
    char *folder = folder_new(c);
    if (!folder) return false;
    bool ok = link_in(c, job, folder);
    folder_remove(folder);
    return ok;
}

bool link_kernel(Ctx *c, const LinkJob *job) {
    switch (job->kind) {
    case LINK_EXECUTABLE: return link_here(c, job);
    case LINK_SHARED: return link_here(c, job) && write_header(c, job);
    case LINK_OBJECT:
        return file_replace(c, job->output, job->object.data, job->object.len) &&
               write_header(c, job) && write_runtime(c, job);
    }
    bug("link_kernel: kind %d", (int)job->kind);
}
