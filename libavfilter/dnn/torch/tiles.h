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
 * The tiles in which a network gets to see a frame.
 */

#ifndef AVFILTER_DNN_TORCH_TILES_H
#define AVFILTER_DNN_TORCH_TILES_H

#include <vector>

#include <ATen/ATen.h>

namespace fftorch {

struct TileOptions {
    int multiple = 1;          ///< of which width and height of a tile must be
    int width = 0, height = 0; ///< of a tile, 0: that of the frame
    int overlap = 0;           ///< pixels on each side that only give context
};

/** Along one axis, in pixels of the input. */
struct Span {
    int start; ///< of the tile in the frame
    int from;  ///< the result counts from here on, in the frame
    int to;    ///< up to here
};

/** How a frame is covered by tiles of one size. */
class Tiling {
public:
    /** @throws std::invalid_argument if the options contradict each other */
    Tiling(int width, int height, const TileOptions &options);

    /** The part of a tile's output that counts, and where it goes. */
    struct Part {
        at::Tensor pixels; ///< [N, C, H, W], a view
        int x, y;          ///< of its upper left corner in the output
    };

    /**
     * @param output [N, C, H, W] for a tile of tile_width * tile_height
     * @throws std::runtime_error if it cannot be put together
     */
    Part part(const at::Tensor &output, const Span &column, const Span &row) const;

    /** @return width or height of the output, from that of a tile's */
    int64_t output_width(int64_t tile_output) const
    {
        return scaled(width_, tile_output, tile_width);
    }
    int64_t output_height(int64_t tile_output) const
    {
        return scaled(height_, tile_output, tile_height);
    }

    int tile_width, tile_height;
    std::vector<Span> columns, rows;

private:
    static int64_t scaled(int64_t position, int64_t tile_output, int64_t tile);

    int width_, height_;
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_TILES_H */
