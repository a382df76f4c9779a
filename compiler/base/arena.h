/* Memory by lifetime: everything a compilation makes lives in an arena and dies with it.
 * Passes never free.  Out of memory calls the handler given at creation (it must not return);
 * the default handler aborts.  Not thread-safe: one arena belongs to one thread. */
#ifndef TPC_BASE_ARENA_H
#define TPC_BASE_ARENA_H
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;
typedef void ArenaOom(void *ctx, size_t wanted);

/* limit: bytes the arena may hold in all; 0 = no limit. */
Arena *arena_new(size_t limit, ArenaOom *oom, void *ctx);
void arena_free(Arena *a);
/* Drop all contents, keep the arena.  Under ASan the memory is poisoned. */
void arena_reset(Arena *a);
/* Zeroed memory, aligned for any type (16 bytes). */
void *arena_alloc(Arena *a, size_t size);
void *arena_copy(Arena *a, const void *src, size_t size);
/* NUL-terminated copies. */
char *arena_strdup(Arena *a, const char *s);
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
size_t arena_used(const Arena *a);

#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_alloc((a), (size_t)(n) * sizeof(T)))
#endif
