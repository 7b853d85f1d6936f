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

#include "proof.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fftorch {
namespace {

uint32_t scramble(uint32_t value)
{
    value = (value ^ (value >> 16)) * 0x7feb352d;
    value = (value ^ (value >> 15)) * 0x846ca68b;
    return value ^ (value >> 16);
}

/** @return noise from 0 to 1 */
double noise(uint32_t x, uint32_t y, uint32_t seed)
{
    return scramble(x + scramble(y + scramble(seed))) / 4294967295.0;
}

/** @return a wave of triangles from 0 to 1 */
double wave(double position)
{
    const double phase = position - std::floor(position);

    return 1 - std::fabs(2 * phase - 1);
}

double sample(uint32_t x, uint32_t y, uint32_t channel, uint32_t frame)
{
    const uint32_t seed   = frame * 64 + channel;
    const double   slope  = wave((x * (2 + channel % 3) + y * (3 + frame % 4)) / 151.0 + seed * 0.37);
    const double   blocks = noise(x / 8, y / 8, seed);
    const double   grain  = noise(x, y, seed + 0x10000);
    // one in four blocks has a pattern of dark and bright
    const double   kind   = 24 * noise(x / 8, y / 8, frame * 64 + 0x20000);

    // what a network does to large values only, such as clamping them, is to be
    // seen all over the picture: strong contrasts, in which they are many
    if (kind < 6) {
        const int  side = 1 << static_cast<int>(kind / 2);
        const bool grey = static_cast<int>(kind) % 2;
        const bool dark = noise(x / side, y / side, (grey ? frame * 64 : seed) + 0x30000) < 0.5;
        // all a bit different, so that rounding does not decide which of two is larger
        return dark ? 0.1 * grain : 1 - 0.1 * grain;
    }
    // a network may only react to what is very dark or very bright
    if (blocks < 0.04 || blocks > 0.96)
        return blocks < 0.5 ? 0 : 1;
    return 0.5 * slope + 0.35 * blocks + 0.15 * grain;
}

/**
 * @return the distance that rounding explains, as a part of typical_size().
 *
 * Sums in another order differ by a few units in the last place for each layer.
 * fp32 has 24 bits: public networks stay below 2^-15 of their largest value.
 * 2^-12, a sixteenth of a level of 8 bits, leaves room for unfortunate ones. A
 * bfloat16 has 8 bits: public networks of 20 to 100 layers are 2^-7 to 2^-5 off
 * where they are most. A half has 11.
 */
double bound(at::ScalarType precision)
{
    return precision == at::kBFloat16 ? std::ldexp(1, -4) :
           precision == at::kHalf     ? std::ldexp(1, -6) : std::ldexp(1, -12);
}

/**
 * @return the size of the larger values. In pictures a few that are far outside
 *         of what frames can show would let pass what is wrong everywhere else:
 *         there the largest hundredth does not count.
 */
float typical_size(const at::Tensor &values)
{
    constexpr int64_t smallest_picture = 16 * 16;
    const float *x = values.data_ptr<float>();
    std::vector<float> sizes;

    for (int64_t i = 0; i < values.numel(); i++)
        if (std::isfinite(x[i]) && x[i] != 0)
            sizes.push_back(std::fabs(x[i]));
    if (sizes.empty())
        return 0;
    const bool is_picture = values.dim() == 4 && values.size(2) * values.size(3) >= smallest_picture;
    const size_t ignored = is_picture ? sizes.size() / 100 : 0;
    const auto place = sizes.end() - 1 - ignored;
    std::nth_element(sizes.begin(), place, sizes.end());
    return *place;
}

double apart(const at::Tensor &want, const at::Tensor &got, at::ScalarType precision)
{
    if (want.sizes() != got.sizes() || want.is_floating_point() != got.is_floating_point())
        return INFINITY;

    const at::Tensor a = want.to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor b = got.to(at::kCPU, at::kFloat).contiguous();
    const float *x = a.data_ptr<float>(), *y = b.data_ptr<float>();
    const float typical = typical_size(a);
    double worst = 0;
    int64_t others = 0;

    for (int64_t i = 0; i < a.numel(); i++) {
        if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i])))
            continue;
        if (!std::isfinite(x[i]) || !std::isfinite(y[i]))
            return INFINITY;
        worst = std::max(worst, std::fabs(double(x[i]) - y[i]) / std::max(std::fabs(x[i]), typical));
        others++;
    }
    // indices and classes: where two are about as good rounding decides
    if (!want.is_floating_point())
        return others / (a.numel() * 4096 * bound(precision));
    return worst / bound(precision);
}

} // namespace

void fill_with_picture(at::Tensor &input, double low, double high, int number)
{
    at::Tensor picture = at::empty(input.sizes(), at::kFloat);
    float *values = picture.data_ptr<float>();

    for (int64_t n = 0; n < input.size(0); n++)
        for (int64_t c = 0; c < input.size(1); c++)
            for (int64_t y = 0; y < input.size(2); y++)
                for (int64_t x = 0; x < input.size(3); x++)
                    *values++ = low + (high - low) * sample(x, y, c, number + n);
    input.copy_(picture);
}

double apart(const std::vector<at::Tensor> &want, const std::vector<at::Tensor> &got,
             at::ScalarType precision)
{
    double worst = want.size() == got.size() ? 0 : INFINITY;

    for (size_t i = 0; i < want.size() && std::isfinite(worst); i++)
        worst = std::max(worst, apart(want[i], got[i], precision));
    return worst;
}

} // namespace fftorch
