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
 * The worker pool of the DNN backends, with a stub in place of a network.
 */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "libavutil/error.h"
#include "libavutil/lfg.h"
#include "libavutil/macros.h"
#include "libavutil/time.h"
#include "libavfilter/dnn/dnn_worker_pool.h"

#define MAX_WORKERS  8
#define MAX_REQUESTS 16

typedef struct Request {
    int        job;      ///< written by the submitter, read by the worker
    int        result;   ///< the other way round
    int        nb_runs;
    atomic_int running;
} Request;

typedef struct Stub {
    Request    requests[MAX_REQUESTS];
    int        started[MAX_WORKERS];
    int        duration;       ///< of a run, in microseconds
    int        first_duration; ///< of the run of job 0, beside that
    atomic_int nb_finished;
    atomic_int nb_running;
    atomic_int max_running;
    atomic_int held;           ///< runs wait until this is 0
    int        order[1000];    ///< jobs as they ran; for one worker
} Stub;

#define CHECK(condition) do {                                           \
    if (!(condition)) {                                                 \
        printf("%s, line %d: %s\n", __func__, __LINE__, #condition);    \
        exit(1);                                                        \
    }                                                                   \
} while (0)

static void stub_start(void *opaque, unsigned worker)
{
    Stub *stub = opaque;

    stub->started[worker]++;
}

static void stub_run(void *opaque, unsigned worker, void *arg)
{
    Stub *stub = opaque;
    Request *request = arg;
    int running = atomic_fetch_add(&stub->nb_running, 1) + 1;
    int max     = atomic_load(&stub->max_running);

    CHECK(stub->started[worker] == 1);
    CHECK(!atomic_exchange(&request->running, 1));
    while (running > max &&
           !atomic_compare_exchange_weak(&stub->max_running, &max, running));

    while (atomic_load(&stub->held))
        av_usleep(100);
    if (stub->duration)
        av_usleep(stub->duration);
    if (stub->first_duration && !request->job)
        av_usleep(stub->first_duration);

    request->result = request->job + 1;
    request->nb_runs++;
    stub->order[atomic_fetch_add(&stub->nb_finished, 1) %
                FF_ARRAY_ELEMS(stub->order)] = request->job;

    atomic_store(&request->running, 0);
    atomic_fetch_sub(&stub->nb_running, 1);
}

static DNNWorkerPool *make_pool(Stub *stub, unsigned nb_workers,
                                unsigned nb_requests)
{
    DNNWorkerPool *pool;
    void *requests[MAX_REQUESTS];
    DNNWorkerPoolParams params = {
        .nb_workers  = nb_workers,
        .nb_requests = nb_requests,
        .requests    = requests,
        .opaque      = stub,
        .start       = stub_start,
        .run         = stub_run,
    };

    for (int i = 0; i < nb_requests; i++)
        requests[i] = &stub->requests[i];
    CHECK(ff_dnn_worker_pool_alloc(&pool, &params) == 0 && pool);
    return pool;
}

static void submit(DNNWorkerPool *pool, int job)
{
    Request *request = ff_dnn_worker_pool_acquire(pool);

    CHECK(request && !atomic_load(&request->running));
    request->job = job;
    CHECK(ff_dnn_worker_pool_submit(pool, request) == 0);
}

static void test_arguments(void)
{
    Stub stub = { 0 };
    void *request = &stub.requests[0];
    DNNWorkerPoolParams params = {
        .nb_requests = 1, .requests = &request, .opaque = &stub, .run = stub_run,
    };
    DNNWorkerPool *pool = (void *)&stub;

    CHECK(ff_dnn_worker_pool_alloc(&pool, &params) == AVERROR(EINVAL) && !pool);
    params.nb_workers  = 1;
    params.nb_requests = 0;
    CHECK(ff_dnn_worker_pool_alloc(&pool, &params) == AVERROR(EINVAL) && !pool);
    ff_dnn_worker_pool_free(&pool);
}

static void test_order(void)
{
    Stub stub = { 0 };
    DNNWorkerPool *pool = make_pool(&stub, 1, 4);

    for (int i = 0; i < FF_ARRAY_ELEMS(stub.order); i++)
        submit(pool, i);
    CHECK(ff_dnn_worker_pool_drain(pool) == 0);
    CHECK(atomic_load(&stub.nb_finished) == FF_ARRAY_ELEMS(stub.order));
    for (int i = 0; i < FF_ARRAY_ELEMS(stub.order); i++)
        CHECK(stub.order[i] == i);
    CHECK(ff_dnn_worker_pool_in_flight(pool) == 0);
    ff_dnn_worker_pool_free(&pool);
    CHECK(!pool && stub.started[0] == 1);
}

static void test_parallel(void)
{
    Stub stub = { .held = 1 };
    DNNWorkerPool *pool = make_pool(&stub, 3, 8);

    for (int i = 0; i < 8; i++)
        submit(pool, i);
    while (atomic_load(&stub.nb_running) < 3)
        av_usleep(100);
    CHECK(ff_dnn_worker_pool_in_flight(pool) == 8);
    CHECK(atomic_load(&stub.nb_finished) == 0);
    atomic_store(&stub.held, 0);
    // there is no idle request unless one of the 8 has been run
    submit(pool, 8);
    CHECK(atomic_load(&stub.nb_finished) > 0);
    CHECK(ff_dnn_worker_pool_drain(pool) == 0);
    CHECK(atomic_load(&stub.nb_finished) == 9);
    CHECK(atomic_load(&stub.max_running) == 3);
    for (int i = 0; i < 8; i++)
        CHECK(stub.requests[i].result == stub.requests[i].job + 1);
    ff_dnn_worker_pool_free(&pool);
    for (int i = 0; i < 3; i++)
        CHECK(stub.started[i] == 1);
}

static void test_stop_drops_pending(void)
{
    // long enough for ff_dnn_worker_pool_free() to begin meanwhile
    Stub stub = { .first_duration = 500000 };
    DNNWorkerPool *pool = make_pool(&stub, 1, 8);

    for (int i = 0; i < 8; i++)
        submit(pool, i);
    while (!atomic_load(&stub.nb_running))
        av_usleep(100);
    ff_dnn_worker_pool_free(&pool);
    // what ran was waited for, what waited was dropped
    CHECK(atomic_load(&stub.nb_running) == 0);
    CHECK(atomic_load(&stub.nb_finished) == 1 && stub.requests[0].nb_runs == 1);
}

static void test_random_lives(void)
{
    AVLFG lfg;

    av_lfg_init(&lfg, 20261122);
    for (int life = 0; life < 500; life++) {
        Stub stub = { .duration = av_lfg_get(&lfg) % 50 };
        unsigned nb_workers  = 1 + av_lfg_get(&lfg) % MAX_WORKERS;
        unsigned nb_requests = 1 + av_lfg_get(&lfg) % MAX_REQUESTS;
        int nb_jobs = av_lfg_get(&lfg) % 40, nb_runs = 0;
        int drained = 0;
        DNNWorkerPool *pool = make_pool(&stub, nb_workers, nb_requests);

        for (int i = 0; i < nb_jobs; i++) {
            submit(pool, i);
            if (!(av_lfg_get(&lfg) % 16))
                CHECK(ff_dnn_worker_pool_drain(pool) == 0);
        }
        if (av_lfg_get(&lfg) & 1)
            drained = ff_dnn_worker_pool_drain(pool) == 0;
        ff_dnn_worker_pool_free(&pool);

        for (int i = 0; i < nb_requests; i++)
            nb_runs += stub.requests[i].nb_runs;
        CHECK(nb_runs == atomic_load(&stub.nb_finished));
        CHECK(drained ? nb_runs == nb_jobs : nb_runs <= nb_jobs);
        CHECK(atomic_load(&stub.max_running) <= FFMIN(nb_workers, nb_requests));
    }
}

int main(void)
{
    test_arguments();
    test_order();
    test_parallel();
    test_stop_drops_pending();
    test_random_lives();
    printf("dnn_worker_pool: all tests passed\n");
    return 0;
}
