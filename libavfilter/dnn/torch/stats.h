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
 * What a run of the LibTorch backend was like, in numbers. Takes the same
 * memory however long it is. May be used by several threads at a time.
 */

#ifndef AVFILTER_DNN_TORCH_STATS_H
#define AVFILTER_DNN_TORCH_STATS_H

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace fftorch {

class Stats {
public:
    using Clock = std::chrono::steady_clock;

    /** A batch was submitted when that many others were in flight. */
    void submitted(unsigned in_flight);

    /** A batch was run, in so many seconds. */
    void ran(double conversion, double inference);

    /** A frame was done that had come at a time. @return the seconds between */
    double finished(Clock::time_point came);

    /** @return pairs of name=value in one line, empty if no frame was done */
    std::string summary() const;

private:
    /** Latencies by their logarithm: each step is 4.4 % more. */
    static constexpr int steps_per_octave = 16;
    std::array<int64_t, 32 * steps_per_octave> latencies_{};

    mutable std::mutex mutex_;
    int64_t frames_     = 0;
    int64_t batches_    = 0;
    int64_t submitted_  = 0;
    int64_t in_flight_  = 0; ///< sum over what was submitted
    double  latency_    = 0; ///< sums, in seconds
    double  conversion_ = 0;
    double  inference_  = 0;
    Clock::time_point first_{};
    Clock::time_point last_{};
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_STATS_H */
