/* Reading .npy files: every good form, every bad one with its message. */
#include "fixture.h"
#include "npy.h"
#include <math.h>

static TpError read_error(const char *path) {
    Npy f;
    TpError e = {.code = TP_OK};
    if (!rt_npy_open(&f, path, &e)) return e;
    double *x = malloc((size_t)(f.h.n * f.h.row) * 8);
    rt_npy_read(&f, x, NULL, &e);
    free(x);
    rt_npy_close(&f);
    return e;
}

static void read_six(const char *path, const double *expect) {
    Npy f;
    double x[6];
    TpError e = {.code = TP_OK};
    if (!rt_npy_open(&f, path, &e)) fail_msg("%s", e.text);
    assert_int_equal(f.h.n, 2);
    assert_int_equal(f.h.row, 3);
    if (!rt_npy_read(&f, x, NULL, &e)) fail_msg("%s", e.text);
    rt_npy_close(&f);
    for (int i = 0; i < 6; i++) assert_true(x[i] == expect[i]);
}

#define DICT(type, order, shape)                                                                  \
    "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }    "

static void reads_every_type(void **state) {
    (void)state;
    const double plain[6] = {0, 1, 2, 3, 4, 5};
#define TRY(code, T)                                                                              \
    do {                                                                                          \
        const T v[6] = {0, 1, 2, 3, 4, 5};                                                        \
        read_six(write_npy("a.npy", 1, DICT(code, "False", "(2, 3)"), v, sizeof v), plain);       \
        const T w[6] = {0, 3, 1, 4, 2, 5};                                                        \
        read_six(write_npy("a.npy", 2, DICT(code, "True", "(2, 3)"), w, sizeof w), plain);        \
    } while (0)
    TRY("<f8", double);
    TRY("<f4", float);
    TRY("|i1", int8_t);
    TRY("<i2", int16_t);
    TRY("<i4", int32_t);
    TRY("<i8", int64_t);
    TRY("|u1", uint8_t);
    TRY("<u2", uint16_t);
    TRY("<u4", uint32_t);
    TRY("<u8", uint64_t);
    TRY("=f8", double);
}

static void reads_other_spellings(void **state) {
    (void)state;
    const double v[6] = {-1.5, 0x1p53, 1e-310, -0.0, 4, 5};
    read_six(
        write_npy("a.npy", 3, "{\"shape\":(2,3),\"descr\":\"<f8\",\"fortran_order\":False}", v, 48),
        v);
    read_six(write_npy("a.npy", 1, DICT("<f8", "False", "(2L, 3L,)"), v, 48), v);
}

static void accepts_largest_integers(void **state) {
    (void)state;
    const int64_t v[6] = {INT64_C(1) << 53, -(INT64_C(1) << 53), 0, 0, 0, 0};
    const double expect[6] = {0x1p53, -0x1p53, 0, 0, 0, 0};
    read_six(write_npy("a.npy", 1, DICT("<i8", "False", "(2, 3)"), v, 48), expect);
}

/* Longer than one buffer, so that the seams are seen. */
static void reads_in_blocks(void **state) {
    (void)state;
    enum { N = 501, D = 777 };
    double *v = malloc(N * D * 8), *x = malloc(N * D * 8);
    for (int i = 0; i < N * D; i++) v[i] = i;
    for (int fortran = 0; fortran < 2; fortran++) {
        Npy f;
        TpError e = {.code = TP_OK};
        const char *dict =
            fortran ? DICT("<f8", "True", "(501, 777)") : DICT("<f8", "False", "(501, 777)");
        assert_true(rt_npy_open(&f, write_npy("a.npy", 1, dict, v, N * D * 8), &e));
        assert_true(rt_npy_read(&f, x, NULL, &e));
        rt_npy_close(&f);
        for (int i = 0; i < N; i++)
            for (int k = 0; k < D; k++)
                assert_true(x[i * D + k] == (fortran ? k * N + i : i * D + k));
    }
    free(v);
    free(x);
}

static void refuses_types(void **state) {
    (void)state;
    static const struct {
        const char *dict, *text;
    } bad[] = {
        {DICT("|O", "False", "(2, 3)"),
         "holds Python objects ('|O'); expected float64, float32 or integers"},
        {DICT(">f8", "False", "(2, 3)"), "holds big-endian numbers ('>f8')"},
        {DICT("<c16", "False", "(2, 3)"), "holds complex numbers"},
        {DICT("<f2", "False", "(2, 3)"), "holds float16"},
        {DICT("<f16", "False", "(2, 3)"), "holds extended floats"},
        {DICT("|b1", "False", "(2, 3)"), "holds truth values"},
        {DICT("|S8", "False", "(2, 3)"), "holds byte strings"},
        {DICT("<U8", "False", "(2, 3)"), "holds text"},
        {DICT("<M8[s]", "False", "(2, 3)"), "holds dates"},
        {DICT("|V8", "False", "(2, 3)"), "holds raw records"},
        {DICT("zz", "False", "(2, 3)"), "holds an unknown type"},
        {"{'descr': [('a', '<f8'), ('b', '<i4')], 'fortran_order': False, 'shape': (2, 3), }",
         "holds structured records"},
    };
    const double v[6] = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        TpError e = read_error(write_npy("bad.npy", 1, bad[i].dict, v, 48));
        assert_text(&e, TP_E_DATA, bad[i].text);
        assert_non_null(strstr(e.text, "/bad.npy"));
    }
}

static void refuses_shapes(void **state) {
    (void)state;
    static const struct {
        const char *shape, *text;
    } bad[] = {
        {"()", "holds a single number; expected samples"},
        {"(0, 3)", "at least one sample (N > 0)"},
        {"(3, 0)", "has shape (3, 0); expected no axis of length 0"},
        {"(1, 2, 0, 3)", "has shape (1, 2, 0, 3); expected no axis of length 0"},
        {"(2, 3037000500, 3037000500, 2)", "more than a file can hold"},
        {"(2, 4)", "is truncated: shape (2, 4) needs 64 bytes after the header, the file has 48"},
        {"(1, 3)", "is longer than its header says: shape (1, 3) needs 24 bytes"},
        {"(4611686018427387904, 4)", "more than a file can hold"},
        {"(3037000500, 3037000500)", "more than a file can hold"},
        {"(99999999999999999999, 1)", "expected a shape of lengths below 2^63"},
        {"(-1, 3)", "expected whole numbers in the shape"},
        {"(2; 3)", "expected `,` or `)` in the shape"},
        {"[2, 3]", "expected a tuple after 'shape'"},
        {"(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)",
         "at most 32 axes"},
    };
    const double v[6] = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char dict[200];
        snprintf(dict, sizeof dict, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }",
                 bad[i].shape);
        TpError e = read_error(write_npy("bad.npy", 1, dict, v, 48));
        assert_text(&e, TP_E_DATA, bad[i].text);
    }
}

static void refuses_garbled_headers(void **state) {
    (void)state;
    static const struct {
        const char *dict, *text;
    } bad[] = {
        {"", "expected `{`"},
        {"{'descr': '<f8'", "expected `,` or `}`"},
        {"{'descr': '<f8', 'fortran_order': Maybe, 'shape': (2, 3)}", "True or False"},
        {"{'descr': '<f8', 'shape': (2, 3)}", "the keys descr, fortran_order and shape"},
        {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}", ", once"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)} x", "nothing after `}`"},
        {"{'descr': '<f8\x01', 'fortran_order': False, 'shape': (2, 3)}",
         "a type name after 'descr'"},
        {"{'a key far too long for any dictionary of this kind': 1}", "a key in quotes"},
        {"{descr: 1}", "a key in quotes"},
        {"{'descr' 1}", "`:` after a key"},
    };
    const double v[6] = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        TpError e = read_error(write_npy("bad.npy", 1, bad[i].dict, v, 48));
        assert_text(&e, TP_E_DATA, bad[i].text);
    }
}

static void refuses_broken_files(void **state) {
    (void)state;
    TpError e = read_error(write_file("bad.npy", "", 0));
    assert_text(&e, TP_E_DATA, "is not a .npy file");
    e = read_error(write_file("bad.npy", "PK\3\4 a zip file", 15));
    assert_text(&e, TP_E_DATA, "does not begin with \\x93NUMPY");
    e = read_error(write_file("bad.npy", "\x93NUMPY\4\0aaaa", 12));
    assert_text(&e, TP_E_DATA, "version 4.0; expected 1.0, 2.0 or 3.0");
    e = read_error(write_file("bad.npy", "\x93NUMPY\1\0\xff\xff{", 11));
    assert_text(&e, TP_E_DATA, "announces a header of 65535 bytes");
    e = read_error(write_file("bad.npy", "\x93NUMPY\1\0\x80\0{", 11));
    assert_text(&e, TP_E_DATA, "truncated in its header");
    e = read_error(write_file("bad.npy", "\x93NUMPY\2\0\xff\xff\xff\x7f{", 13));
    assert_text(&e, TP_E_DATA, "announces a header of 2147483647 bytes");
    e = read_error(in_folder("absent.npy"));
    assert_text(&e, TP_E_DATA, "cannot be opened: No such file");
    e = read_error(folder());
    assert_text(&e, TP_E_DATA, "is a folder; expected a .npy file");
    const char *fifo = in_folder("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    e = read_error(fifo);
    assert_text(&e, TP_E_DATA, "is not a regular file");
    unlink(fifo);
}

static void refuses_numbers(void **state) {
    (void)state;
    double v[6] = {0, 1, 2, 3, NAN, 5};
    TpError e = read_error(write_f8("bad.npy", v, 2, 3));
    assert_text(&e, TP_E_DATA, "row 1, column 1 (from 0) is NaN");
    e = read_error(write_npy("bad.npy", 1, DICT("<f8", "True", "(2, 3)"), v, 48));
    assert_text(&e, TP_E_DATA, "row 0, column 2 (from 0) is NaN");
    v[4] = -INFINITY;
    e = read_error(write_f8("bad.npy", v, 2, 3));
    assert_text(&e, TP_E_DATA, "row 1, column 1 (from 0) is -inf");
    int64_t w[6] = {0, 0, (INT64_C(1) << 53) + 1, 0, 0, 0};
    e = read_error(write_npy("bad.npy", 1, DICT("<i8", "False", "(2, 3)"), w, 48));
    assert_text(&e, TP_E_DATA, "row 0, column 2 (from 0) is an int64 above 2^53");
    w[2] = -1;
    e = read_error(write_npy("bad.npy", 1, DICT("<u8", "False", "(2, 3)"), w, 48));
    assert_text(&e, TP_E_DATA, "is an uint64 above 2^53");
}

static void notices_truncation_while_reading(void **state) {
    (void)state;
    Npy f;
    TpError e = {.code = TP_OK};
    double v[6] = {0};
    const char *path = write_f8("short.npy", v, 2, 3);
    assert_true(rt_npy_open(&f, path, &e));
    assert_int_equal(truncate(path, f.h.offset + 24), 0);
    assert_false(rt_npy_read(&f, v, NULL, &e));
    assert_text(&e, TP_E_DATA, "was truncated while it was read");
    rt_npy_close(&f);
}

static void stops_when_asked(void **state) {
    (void)state;
    Npy f;
    TpError e = {.code = TP_OK};
    double v[6] = {0};
    const _Atomic int stop = 1;
    assert_true(rt_npy_open(&f, write_f8("a.npy", v, 2, 3), &e));
    assert_false(rt_npy_read(&f, v, &stop, &e));
    assert_int_equal(e.code, TP_E_STOPPED);
    rt_npy_close(&f);
}

static void writes_a_header_it_reads(void **state) {
    (void)state;
    unsigned char head[NPY_HEADER];
    NpyHeader h;
    TpError e = {.code = TP_OK};
    const TpShape two = {2, {30000, 123456789}};
    TpShape many = {.rank = TP_RANK};
    for (int i = 0; i < TP_RANK; i++) many.len[i] = i < 3 ? 123456 : 1;
    for (int dtype = 0; dtype < 2; dtype++) {
        const TpShape *shape = dtype ? &many : &two;
        int len = rt_npy_header((char *)head, (TpDtype)dtype, shape);
        assert_int_equal(len, dtype ? 192 : 128);
        int64_t bytes = dtype ? INT64_C(123456) * 123456 * 123456 * 4
                              : INT64_C(30000) * 123456789 * 8;
        if (!rt_npy_parse(head, len, len + bytes, "x", &h, &e)) fail_msg("%s", e.text);
        assert_int_equal(h.type, dtype ? NPY_f4 : NPY_f8);
        assert_memory_equal(h.shape.len, shape->len, (size_t)shape->rank * 8);
        assert_int_equal(h.n, shape->len[0]);
        assert_int_equal(h.offset, len);
    }
}

/* Every order of three axes against the definition. */
static void reads_every_rank(void **state) {
    (void)state;
    enum { A = 7, B = 5, C = 3, E = 2000 };
    static double v[A * B * C * E], w[A * B * C * E];
    TpError e = {.code = TP_OK};
    Npy f;
    for (int i = 0; i < A * B * C * E; i++) v[i] = i;
    for (int fortran = 0; fortran < 2; fortran++) {
        const char *path = write_npy("r.npy", 1,
                                     fortran ? "{'descr': '<f8', 'fortran_order': True, "
                                               "'shape': (7, 5, 3, 2000)}"
                                             : "{'descr': '<f8', 'fortran_order': False, "
                                               "'shape': (7, 5, 3, 2000)}",
                                     v, sizeof v);
        assert_true(rt_npy_open(&f, path, &e));
        assert_int_equal(f.h.shape.rank, 4);
        assert_int_equal(f.h.n, A);
        assert_int_equal(f.h.row, B * C * E);
        if (!rt_npy_read(&f, w, NULL, &e)) fail_msg("%s", e.text);
        rt_npy_close(&f);
        for (int a = 0, at = 0; a < A; a++)
            for (int b = 0; b < B; b++)
                for (int c = 0; c < C; c++)
                    for (int k = 0; k < E; k++, at++)
                        assert_true(w[at] == (fortran ? a + A * (b + B * (c + C * k)) : at));
    }
}

static void names_the_place(void **state) {
    (void)state;
    double v[6] = {1, 2, 3, NAN, 5, 6};
    TpError e = read_error(write_npy("p.npy", 1, "{'descr': '<f8', 'fortran_order': False, "
                                                 "'shape': (1, 2, 3)}", v, 48));
    assert_text(&e, TP_E_DATA, "entry (0, 1, 0) (from 0) is NaN");
    e = read_error(write_npy("p.npy", 1, "{'descr': '<f8', 'fortran_order': True, "
                                         "'shape': (1, 2, 3)}", v, 48));
    assert_text(&e, TP_E_DATA, "entry (0, 1, 1) (from 0) is NaN");
    e = read_error(write_npy("p.npy", 1, "{'descr': '<f8', 'fortran_order': False, "
                                         "'shape': (6,)}", v, 48));
    assert_text(&e, TP_E_DATA, "entry 3 (from 0) is NaN");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(reads_other_spellings),
        cmocka_unit_test(accepts_largest_integers),
        cmocka_unit_test(reads_in_blocks),
        cmocka_unit_test(reads_every_rank),
        cmocka_unit_test(names_the_place),
        cmocka_unit_test(refuses_types),
        cmocka_unit_test(refuses_shapes),
        cmocka_unit_test(refuses_garbled_headers),
        cmocka_unit_test(refuses_broken_files),
        cmocka_unit_test(refuses_numbers),
        cmocka_unit_test(notices_truncation_while_reading),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(writes_a_header_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
