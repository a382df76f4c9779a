#include "driver/signals.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A handler can only reach what is at file scope: the one object of this file. */
static Signals *_Atomic current;

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
enum { NCAUGHT = sizeof caught / sizeof *caught };

static void on_signal(int sig) {
    Signals *s = current;
    if (!s) return;
    if (atomic_exchange(&s->stop, sig)) {
        tp_cleanup_unlink(&s->cleanup);
        _exit(128 + sig);
    }
}

static void set_all(void (*handler)(int)) {
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = handler;
    for (int i = 0; i < NCAUGHT; i++) sigaction(caught[i], &sa, NULL);
}

void signals_install(Signals *s) {
    current = s;
    set_all(on_signal);
}

void signals_remove(void) {
    set_all(SIG_DFL);
    current = NULL;
}
