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

#include "stats.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fftorch {

void Stats::submitted(unsigned in_flight)
{
    const std::lock_guard<std::mutex> lock(mutex_);

    submitted_++;
    in_flight_ += in_flight;
}

void Stats::ran(double conversion, double inference)
{
    const std::lock_guard<std::mutex> lock(mutex_);

    batches_++;
    conversion_ += conversion;
    inference_  += inference;
}

double Stats::finished(Clock::time_point came)
{
    const Clock::time_point now = Clock::now();
    const double latency = std::chrono::duration<double>(now - came).count();
    const double octaves = std::log2(std::max(latency * 1e6, 1.0));
    const size_t step    = static_cast<size_t>(octaves * steps_per_octave);
    const std::lock_guard<std::mutex> lock(mutex_);

    first_ = frames_++ ? std::min(first_, came) : came;
    last_     = now;
    latency_ += latency;
    latencies_[std::min(step, latencies_.size() - 1)]++;
    return latency;
}

std::string Stats::summary() const
{
    const std::lock_guard<std::mutex> lock(mutex_);
    char text[256];

    if (!frames_)
        return std::string();

    // the step that the 99th percentile is in, by its upper end
    size_t  step = 0;
    int64_t seen = latencies_[0];
    while (seen * 100 < frames_ * 99)
        seen += latencies_[++step];
    const double p99 = std::exp2(static_cast<double>(step + 1) / steps_per_octave) / 1e3;

    std::snprintf(text, sizeof(text),
                  "frames=%lld fps=%.2f batches=%lld in_flight=%.2f latency_ms=%.2f "
                  "latency_p99_ms=%.2f conversion_ms=%.2f inference_ms=%.2f",
                  static_cast<long long>(frames_),
                  frames_ / std::chrono::duration<double>(last_ - first_).count(),
                  static_cast<long long>(batches_),
                  static_cast<double>(in_flight_) / std::max<int64_t>(submitted_, 1),
                  latency_ / frames_ * 1e3, p99,
                  conversion_ / frames_ * 1e3, inference_ / frames_ * 1e3);
    return text;
}

} // namespace fftorch
