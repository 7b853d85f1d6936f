/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/**
 * @file
 * Runs many cases in child processes, so that one that crashes or hangs is found
 * and the others go on.
 */

#ifndef TESTS_DNN_ISOLATE_H
#define TESTS_DNN_ISOLATE_H

typedef struct IsolateParams {
    int first;       ///< number of the first case
    int count;       ///< how many cases there are
    int chunk;       ///< how many share a process while nothing goes wrong
    unsigned limit;  ///< seconds that a case may take

    /**
     * Run a case, in a child process.
     *
     * @return 0 if it went well, 1 if it did not, after a line on stderr; 2 if
     *         there are no more cases
     */
    int (*run)(void *opaque, int number);
    void *opaque;
} IsolateParams;

/** How cases ended. */
typedef struct IsolateResult {
    int run;       ///< all of them
    int wrong;     ///< run() said so
    int crashed;   ///< in our code, or a sanitizer reported something of ours
    int hung;      ///< took longer than the limit
    int libtorch;  ///< crashed inside LibTorch
} IsolateResult;

/**
 * Run cases until their number is reached or run() says that there are no more.
 * A line on stdout tells of each that crashed or hung.
 *
 * Nothing that starts threads may have run in the calling process.
 */
IsolateResult isolate(const IsolateParams *params);

#endif /* TESTS_DNN_ISOLATE_H */
