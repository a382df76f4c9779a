/* SIGINT, SIGTERM, SIGHUP: ask the run to stop; a second one removes temporary files and ends. */
#ifndef TPC_DRIVER_SIGNALS_H
#define TPC_DRIVER_SIGNALS_H
#include "tp.h"

typedef struct Signals {
    _Atomic int stop;
    TpCleanup cleanup;
} Signals;

void signals_install(Signals *s);
void signals_remove(void);
#endif
