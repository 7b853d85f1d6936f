/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * fast-blas [LIBRARY]: exits with 0 if the BLAS library that Debian's LibTorch
 * loads multiplies matrices faster than plain loops do. The reference
 * implementation (libblas3) takes two to five times as long, others a quarter.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

#define SIDE 192
#define RUNS 5

typedef void (*Gemm)(const char *transa, const char *transb, const int *m, const int *n,
                     const int *k, const float *alpha, const float *a, const int *lda,
                     const float *b, const int *ldb, const float *beta, float *c,
                     const int *ldc);

static float a[SIDE * SIDE], b[SIDE * SIDE], c[SIDE * SIDE];

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void plain(void)
{
    for (int j = 0; j < SIDE; j++)
        for (int k = 0; k < SIDE; k++)
            for (int i = 0; i < SIDE; i++)
                c[j * SIDE + i] += a[k * SIDE + i] * b[j * SIDE + k];
}

static void library(Gemm gemm)
{
    const int side = SIDE;
    const float one = 1;

    gemm("N", "N", &side, &side, &side, &one, a, &side, b, &side, &one, c, &side);
}

/** @return seconds of CPU time of the fastest run, with plain() if there is no library */
static double best(Gemm gemm)
{
    double least = 1e9;

    for (int i = 0; i < RUNS; i++) {
        const double start = now();

        if (gemm)
            library(gemm);
        else
            plain();
        if (now() - start < least)
            least = now() - start;
    }
    return least;
}

int main(int argc, char **argv)
{
    void *handle = dlopen(argc > 1 ? argv[1] : "libblas.so.3", RTLD_NOW);
    Gemm gemm    = handle ? (Gemm)dlsym(handle, "sgemm_") : NULL;
    double ratio;

    if (!gemm) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    for (int i = 0; i < SIDE * SIDE; i++)
        a[i] = b[i] = i % 17 * 0.1f;
    ratio = best(NULL) / best(gemm);
    printf("%.1f times as fast as plain loops\n", ratio);
    return ratio < 1;
}
