#include "image.h"
#include <string.h>

#if defined(__x86_64__)
static bool x86_runs(const char *isa) {
    __builtin_cpu_init();
    if (!strcmp(isa, "x86-64-v4")) return __builtin_cpu_supports("x86-64-v4");
    if (!strcmp(isa, "x86-64-v3")) return __builtin_cpu_supports("x86-64-v3");
    if (!strcmp(isa, "x86-64-v2")) return __builtin_cpu_supports("x86-64-v2");
    return false;
}
#endif

bool tp_isa_runs(const char *isa) {
    if (!strcmp(isa, "generic")) return true;
#if defined(__x86_64__)
    return x86_runs(isa);
#else
    return false;
#endif
}

const TpLevel *tp_image_level(const TpImage *image, const char *isa) {
    for (int32_t i = 0; i < image->nlevel; i++) {
        const TpLevel *l = &image->level[i];
        if ((!isa || !strcmp(isa, l->isa)) && tp_isa_runs(l->isa)) return l;
    }
    return NULL;
}

const TpKernel *tp_level_kernel(const TpLevel *level, uint32_t set) {
    for (int32_t i = 0; i < level->nkernel; i++)
        if (level->kernel[i]->kernels == set) return level->kernel[i];
    return NULL;
}
