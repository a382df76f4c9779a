#include "tpc_kernel_text.h"
#include "values.h"
#include <string.h>

/* The text between the file's own guard macros stays; the image's name comes after it. */
size_t tp_header_text(char *buf, size_t cap, const char *name) {
    RtText t = {buf, cap, 0};
    if (cap) *buf = 0;
    for (const char *p = kernel_header, *at; *p; p = at) {
        at = strstr(p, "TPC_IMAGE");
        if (!at) at = p + strlen(p);
        rt_put(&t, "%.*s", (int)(at - p), p);
        if (!*at) break;
        rt_put(&t, "tp_image_%s", name);
        at += strlen("TPC_IMAGE");
    }
    rt_put(&t,
           "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
           "extern const struct TpImage tp_image_%s;\n"
           "#ifdef __cplusplus\n}\n#endif\n",
           name);
    return t.len;
}
