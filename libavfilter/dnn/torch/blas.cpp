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

#include "blas.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace fftorch {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/** @return whether LibTorch has BLAS do an operation, for fp32 on the CPU */
bool is_product(const char *name)
{
    for (const char *product : { "aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm",
                                 "aten::addbmm", "aten::mv", "aten::addmv",
                                 "aten::_slow_conv2d_forward", "aten::slow_conv_transpose2d",
                                 "aten::slow_conv3d_forward" })
        if (!strcmp(name, product))
            return true;
    return false;
}

/** Of the meter of this thread. */
struct Measured {
    Clock::time_point began; ///< the product that is being computed
    int    depth   = 0;      ///< of products within it
    double seconds = 0;
};

thread_local Measured measured;

/** Marks a product; the base class is not to be made. */
struct Product : at::ObserverContext {};

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction &function)
{
    if (!is_product(function.name()))
        return nullptr;
    if (!measured.depth++)
        measured.began = Clock::now();
    return std::make_unique<Product>();
}

void end(const at::RecordFunction &, at::ObserverContext *product)
{
    if (product && !--measured.depth)
        measured.seconds += seconds_since(measured.began);
}

/** What is compared: a product of square matrices, in the reference's order of loops. */
void multiply(const float *a, const float *b, float *c, int side)
{
    std::fill(c, c + side * side, 0.0f);
    for (int j = 0; j < side; j++)
        for (int k = 0; k < side; k++)
            for (int i = 0; i < side; i++)
                c[j * side + i] += a[k * side + i] * b[j * side + k];
}

template <typename Run>
double seconds_of(const Run &run)
{
    const Clock::time_point start = Clock::now();

    run();
    return seconds_since(start);
}

bool try_blas()
{
    constexpr int side = 192;
    const int threads = at::get_num_threads();
    const at::Tensor a = at::ones({ side, side }), b = at::ones({ side, side });
    at::Tensor c = at::empty({ side, side });
    double loops = HUGE_VAL, blas = HUGE_VAL;

    // several threads would wait for one another where other programs run
    at::set_num_threads(1);
    for (int i = 0; i < 4; i++) {
        loops = std::min(loops, seconds_of([&] {
            multiply(a.data_ptr<float>(), b.data_ptr<float>(), c.data_ptr<float>(), side);
        }));
        blas = std::min(blas, seconds_of([&] { at::mm(a, b); }));
    }
    at::set_num_threads(threads);
    // the reference takes as long as such loops, others a tenth of that
    return 3 * blas > loops;
}

} // namespace

BlasMeter::BlasMeter()
    : start_(Clock::now()),
      callback_(at::addThreadLocalCallback(at::RecordFunctionCallback(begin, end)
                                               .scopes({ at::RecordScope::FUNCTION })))
{
    measured = {};
}

BlasMeter::~BlasMeter()
{
    at::removeCallback(callback_);
}

double BlasMeter::share() const
{
    return measured.seconds / seconds_since(start_);
}

bool blas_is_slow()
{
    static const bool slow = try_blas();
    return slow;
}

} // namespace fftorch
