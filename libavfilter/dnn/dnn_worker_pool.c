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

#include "config.h"

#include <stdio.h>

#include "libavutil/error.h"
#include "libavutil/mem.h"
#include "libavutil/thread.h"
#include "libavutil/threadmessage.h"
#include "dnn_worker_pool.h"

#if HAVE_THREADS

typedef struct DNNWorker {
    DNNWorkerPool *pool;
    unsigned       index;
    pthread_t      thread;
} DNNWorker;

struct DNNWorkerPool {
    DNNWorkerPoolParams   params;
    AVThreadMessageQueue *idle;       ///< void *, room for all requests
    AVThreadMessageQueue *pending;    ///< void *, room for all requests
    void                **requests;   ///< scratch of drain()
    DNNWorker            *workers;
    unsigned              nb_started; ///< workers whose thread exists
};

static void *worker_thread(void *arg)
{
    DNNWorker *worker = arg;
    const DNNWorkerPoolParams *params = &worker->pool->params;
    char name[16];
    void *request;

    snprintf(name, sizeof(name), "dnn:worker%u", worker->index % 1000);
    ff_thread_setname(name);

    if (params->start)
        params->start(params->opaque, worker->index);

    while (av_thread_message_queue_recv(worker->pool->pending, &request, 0) >= 0) {
        params->run(params->opaque, worker->index, request);
        av_thread_message_queue_send(worker->pool->idle, &request, 0);
    }

    return NULL;
}

int ff_dnn_worker_pool_alloc(DNNWorkerPool **pool_out,
                             const DNNWorkerPoolParams *params)
{
    DNNWorkerPool *pool;
    int ret;

    *pool_out = NULL;

    if (!params->nb_workers || !params->nb_requests)
        return AVERROR(EINVAL);

    pool = av_mallocz(sizeof(*pool));
    if (!pool)
        return AVERROR(ENOMEM);
    pool->params          = *params;
    pool->params.requests = NULL;

    pool->requests = av_calloc(params->nb_requests, sizeof(*pool->requests));
    pool->workers  = av_calloc(params->nb_workers, sizeof(*pool->workers));
    if (!pool->requests || !pool->workers) {
        ret = AVERROR(ENOMEM);
        goto fail;
    }

    ret = av_thread_message_queue_alloc(&pool->idle, params->nb_requests,
                                        sizeof(*pool->requests));
    if (ret < 0)
        goto fail;
    ret = av_thread_message_queue_alloc(&pool->pending, params->nb_requests,
                                        sizeof(*pool->requests));
    if (ret < 0)
        goto fail;

    for (unsigned i = 0; i < params->nb_requests; i++) {
        ret = av_thread_message_queue_send(pool->idle, &params->requests[i], 0);
        if (ret < 0)
            goto fail;
    }

    for (unsigned i = 0; i < params->nb_workers; i++) {
        DNNWorker *worker = &pool->workers[i];

        worker->pool  = pool;
        worker->index = i;
        ret = pthread_create(&worker->thread, NULL, worker_thread, worker);
        if (ret) {
            ret = AVERROR(ret);
            goto fail;
        }
        pool->nb_started++;
    }

    *pool_out = pool;
    return 0;

fail:
    ff_dnn_worker_pool_free(&pool);
    return ret;
}

void *ff_dnn_worker_pool_acquire(DNNWorkerPool *pool)
{
    void *request;

    if (av_thread_message_queue_recv(pool->idle, &request, 0) < 0)
        return NULL;
    return request;
}

int ff_dnn_worker_pool_submit(DNNWorkerPool *pool, void *request)
{
    return av_thread_message_queue_send(pool->pending, &request, 0);
}

int ff_dnn_worker_pool_drain(DNNWorkerPool *pool)
{
    const unsigned nb_requests = pool->params.nb_requests;
    int ret;

    /* whoever holds every request knows that no worker holds one */
    for (unsigned i = 0; i < nb_requests; i++) {
        ret = av_thread_message_queue_recv(pool->idle, &pool->requests[i], 0);
        if (ret < 0)
            return ret;
    }
    for (unsigned i = 0; i < nb_requests; i++) {
        ret = av_thread_message_queue_send(pool->idle, &pool->requests[i], 0);
        if (ret < 0)
            return ret;
    }

    return 0;
}

unsigned ff_dnn_worker_pool_in_flight(const DNNWorkerPool *pool)
{
    return pool->params.nb_requests -
           av_thread_message_queue_nb_elems(pool->idle);
}

void ff_dnn_worker_pool_free(DNNWorkerPool **pool_arg)
{
    DNNWorkerPool *pool = *pool_arg;
    void *request;

    if (!pool)
        return;

    if (pool->nb_started) {
        /* not av_thread_message_flush(): without a function that frees the
         * messages it leaves them where they are */
        while (av_thread_message_queue_recv(pool->pending, &request,
                                            AV_THREAD_MESSAGE_NONBLOCK) >= 0);
        av_thread_message_queue_set_err_recv(pool->pending, AVERROR_EOF);
    }
    for (unsigned i = 0; i < pool->nb_started; i++)
        pthread_join(pool->workers[i].thread, NULL);

    av_thread_message_queue_free(&pool->pending);
    av_thread_message_queue_free(&pool->idle);
    av_freep(&pool->workers);
    av_freep(&pool->requests);
    av_freep(pool_arg);
}

#else /* HAVE_THREADS */

int ff_dnn_worker_pool_alloc(DNNWorkerPool **pool,
                             const DNNWorkerPoolParams *params)
{
    *pool = NULL;
    return AVERROR(ENOSYS);
}

void *ff_dnn_worker_pool_acquire(DNNWorkerPool *pool)
{
    return NULL;
}

int ff_dnn_worker_pool_submit(DNNWorkerPool *pool, void *request)
{
    return AVERROR(ENOSYS);
}

int ff_dnn_worker_pool_drain(DNNWorkerPool *pool)
{
    return AVERROR(ENOSYS);
}

unsigned ff_dnn_worker_pool_in_flight(const DNNWorkerPool *pool)
{
    return 0;
}

void ff_dnn_worker_pool_free(DNNWorkerPool **pool)
{
    *pool = NULL;
}

#endif /* HAVE_THREADS */
