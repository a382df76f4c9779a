#include "driver/driver.h"
#include <stdlib.h>
#include <unistd.h>

void session_begin(Session *s, Arena *a, Options *o) {
    *s = (Session){.a = a, .o = o};
    s->c.a = a;
    s->c.syms = intern_new(a);
    s->c.src = sources_new(a);
    s->c.ds = diags_new(a, s->c.src);
}

int session_end(Session *s) {
    Buf b = buf_new(s->a);
    const char *no = getenv("NO_COLOR");
    bool colour = isatty(2) && !(no && *no);
    diags_render(s->c.ds, (DiagRender){s->o->format, colour}, &b);
    FILE *to = s->o->format == DIAG_JSON ? stdout : stderr;
    fwrite(buf_text(&b), 1, b.len, to);
    return diags_errors(s->c.ds) ? EXIT_ERROR : EXIT_OK;
}

void put(const Buf *b) { fwrite(buf_text(b), 1, b->len, stdout); }
