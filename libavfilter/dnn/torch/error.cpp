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

#include "error.h"

#include <cstring>
#include <new>
#include <sstream>
#include <stdexcept>

#include <c10/util/Exception.h>

extern "C" {
#include "libavutil/error.h"
}

namespace fftorch {
namespace {

/**
 * @return whether a device had no more memory, by the words of LibTorch, cuBLAS and
 *         cuDNN: a TorchScript network hides what sort of exception it was
 */
bool lacks_memory(const char *message)
{
    for (const char *words : { "out of memory", "ALLOC_FAILED", "unable to find an engine" })
        if (strstr(message, words))
            return true;
    return false;
}

Failure make_failure(const char *message)
{
    return { AVERROR_EXTERNAL, one_line(message), lacks_memory(message) };
}

} // namespace

std::string one_line(const std::string &message)
{
    const bool traceback = message.find("Traceback of TorchScript") != std::string::npos;
    // the C++ stack that some messages carry
    std::istringstream lines(message.substr(0, message.find("\nException raised from")));
    std::string line, best;

    while (std::getline(lines, line)) {
        const size_t start = line.find_first_not_of(" \t");
        if (start == std::string::npos)
            continue;
        best = line.substr(start);
        if (!traceback)
            break;
    }
    return best.empty() ? "no reason given" : best;
}

Failure describe_exception() noexcept
{
    try {
        try {
            throw;
        } catch (const std::bad_alloc &) {
            return { AVERROR(ENOMEM), "out of memory" };
        } catch (const std::invalid_argument &e) {
            return { AVERROR(EINVAL), one_line(e.what()) };
        } catch (const c10::Error &e) {
            return make_failure(e.what_without_backtrace());
        } catch (const std::exception &e) {
            return make_failure(e.what());
        } catch (...) {
            return { AVERROR_EXTERNAL, "unknown exception" };
        }
    } catch (...) {
        // there was no memory for the reason
        return { AVERROR(ENOMEM), std::string() };
    }
}

} // namespace fftorch
