/* Words of the text form, for printer and parser. */
#ifndef TPC_KERNEL_TEXT_H
#define TPC_KERNEL_TEXT_H
#include "kernel/kernel.h"

static const char *const stage_word[KS_COUNT] = {"const", "sample", "series", "pair"};
static const char *const input_word[] = {"none",     "gram", "unit",  "defect",
                                         "codefect", "norm", "column",
                                         "point",    "data", "class", "direction"};
enum { NINPUT_WORD = sizeof input_word / sizeof *input_word };
static const char *const kind_word[KERNEL_COUNT] = {"nngp", "ntk"};
static const char *const check_word[] = {"finite", "nonneg", "positive"};
static const char *const hyper_word[] = {"real", "int", "fn", "word"};

/* A byte that a name may have without quotes. */
static inline bool name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '\'' || (unsigned char)c >= 0x80;
}
static inline bool digit(char c) { return c >= '0' && c <= '9'; }
#endif
