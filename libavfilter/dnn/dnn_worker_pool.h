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
 * Persistent worker threads for the DNN backends.
 *
 * A fixed set of requests circulates between two queues. The filter thread
 * takes an idle request, fills it and submits it; a worker takes it from the
 * pending queue, runs it and makes it idle again:
 *
 *     acquire() <- [idle] <----- run() <- [pending] <- submit()
 *
 * The number of requests bounds the work in flight, and is the back-pressure
 * on the filter thread. The pool never looks into a request and never owns it.
 *
 * All functions are for one thread, the one that made the pool; only the
 * callbacks run in the workers.
 */

#ifndef AVFILTER_DNN_DNN_WORKER_POOL_H
#define AVFILTER_DNN_DNN_WORKER_POOL_H

typedef struct DNNWorkerPool DNNWorkerPool;

typedef struct DNNWorkerPoolParams {
    unsigned nb_workers;   ///< threads to start, at least 1
    unsigned nb_requests;  ///< requests in circulation, at least 1
    void   **requests;     ///< nb_requests pointers, all idle at first; copied
    void    *opaque;       ///< first argument of the callbacks

    /**
     * Called once in each worker thread before it takes a request, for what
     * is to be set per thread. May be NULL.
     *
     * @param worker index of the worker, from 0 to nb_workers - 1
     */
    void (*start)(void *opaque, unsigned worker);

    /**
     * Called in a worker thread for each submitted request. How the work
     * ended is for the request to keep; it is idle again upon return.
     */
    void (*run)(void *opaque, unsigned worker, void *request);
} DNNWorkerPoolParams;

/**
 * Make a pool and start its threads.
 *
 * @return 0 or an AVERROR code, in particular AVERROR(ENOSYS) if FFmpeg was
 *         built without threads; *pool is NULL then
 */
int ff_dnn_worker_pool_alloc(DNNWorkerPool **pool,
                             const DNNWorkerPoolParams *params);

/**
 * Take an idle request, waiting for a worker to finish one if there is none.
 *
 * @return the request, which is the caller's until it is submitted, or NULL
 *         if waiting failed
 */
void *ff_dnn_worker_pool_acquire(DNNWorkerPool *pool);

/**
 * Hand a request that was acquired to the workers. It never waits.
 *
 * @return 0 or an AVERROR code, and then the request is still the caller's
 */
int ff_dnn_worker_pool_submit(DNNWorkerPool *pool, void *request);

/**
 * Wait until every request that was submitted has been run.
 * The caller must not hold an acquired request.
 *
 * @return 0 or an AVERROR code
 */
int ff_dnn_worker_pool_drain(DNNWorkerPool *pool);

/**
 * @return the number of requests that are not idle: acquired, waiting for a
 *         worker, or running
 */
unsigned ff_dnn_worker_pool_in_flight(const DNNWorkerPool *pool);

/**
 * Stop and free a pool: requests that no worker has taken yet are dropped,
 * those that run are waited for, the threads are joined.
 * Requests are untouched by any thread from here on.
 */
void ff_dnn_worker_pool_free(DNNWorkerPool **pool);

#endif /* AVFILTER_DNN_DNN_WORKER_POOL_H */
