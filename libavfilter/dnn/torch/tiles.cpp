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

#include "tiles.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace fftorch {
namespace {

/**
 * @param tile in: its size along the axis, 0 for all of it; out: the size used
 */
std::vector<Span> cover(int length, int &tile, const TileOptions &options)
{
    const int multiple = options.multiple;
    const int padded   = (length + multiple - 1) / multiple * multiple;

    if (!tile || tile >= padded) {
        tile = padded;
        return { { 0, 0, length } };
    }
    if (tile % multiple)
        throw std::invalid_argument("a tile of " + std::to_string(tile) +
                                    " pixels is no multiple of pad=" + std::to_string(multiple));

    // all start at a multiple, for networks that halve the size and double it
    const int step = (tile - 2 * options.overlap) / multiple * multiple;
    if (step <= 0)
        throw std::invalid_argument("a tile of " + std::to_string(tile) +
                                    " pixels has nothing left between overlap=" +
                                    std::to_string(options.overlap) + " on both sides");

    std::vector<Span> spans;
    int start = 0, from = 0;
    while (start + tile < padded) {
        const int to = start + tile - options.overlap;
        spans.push_back({ start, from, to });
        from   = to;
        start += step;
    }
    // the last one ends with the frame
    spans.push_back({ padded - tile, from, length });
    return spans;
}

} // namespace

Tiling::Tiling(int width, int height, const TileOptions &options)
    : tile_width(options.width), tile_height(options.height), width_(width), height_(height)
{
    columns = cover(width, tile_width, options);
    rows    = cover(height, tile_height, options);
}

int64_t Tiling::scaled(int64_t position, int64_t tile_output, int64_t tile)
{
    if (position * tile_output % tile)
        throw std::runtime_error("it makes " + std::to_string(tile_output) + " pixels of " +
                                 std::to_string(tile) + ", which cannot be cut at pixel " +
                                 std::to_string(position) + " of the input");
    return position * tile_output / tile;
}

Tiling::Part Tiling::part(const at::Tensor &output, const Span &column, const Span &row) const
{
    const int64_t h = output.size(2), w = output.size(3);
    const int64_t top  = scaled(row.from - row.start, h, tile_height);
    const int64_t left = scaled(column.from - column.start, w, tile_width);

    return { output.narrow(2, top, scaled(row.to - row.start, h, tile_height) - top)
                   .narrow(3, left, scaled(column.to - column.start, w, tile_width) - left),
             static_cast<int>(scaled(column.from, w, tile_width)),
             static_cast<int>(scaled(row.from, h, tile_height)) };
}

} // namespace fftorch
