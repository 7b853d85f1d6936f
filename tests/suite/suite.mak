# SPDX-License-Identifier: LGPL-2.1-or-later
# The project's own tests of the DNN filters, beside those that go to FFmpeg
# (tests/fate/dnn.mak, whose patterns and functions they use):
#
#   scripts/suite build/ffmpeg fate-suite
#
# They need an ffmpeg with all filters and LibTorch.
.DEFAULT_GOAL := fate-suite
SUITE    := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
# references that are FFmpeg's, too, and what dnn.mak defines too late for this file
DNN_FATE  = $(SRC_PATH)/tests/ref/fate/dnn
DNN_BOTH  = $(foreach N,$(1),fate-dnn-own-$(N) fate-dnn-torch-$(N))

# Networks with a counterpart among the filters.

FATE_SUITE += $(call DNN_BOTH, identity)
fate-dnn-own-identity:            FILTER = null
fate-dnn-torch-identity:          FILTER = $(call NET, identity)

# outputs that are laid out as NHWC, double, half; one that was saved while training and has to be told otherwise; and one
# that prints, which is not to get into the output; and what the CPU has no graphs for
FATE_SUITE += $(addprefix fate-dnn-torch-identity-, nhwc double half train prints graph)
fate-dnn-torch-identity-nhwc:     FILTER = $(call NET, identity_nhwc)
fate-dnn-torch-identity-double:   FILTER = $(call NET, identity_double)
fate-dnn-torch-identity-half:     FILTER = $(call NET, identity_half)
fate-dnn-torch-identity-train:    FILTER = $(call NET, train)
fate-dnn-torch-identity-prints:   FILTER = $(call NET, prints)
fate-dnn-torch-identity-graph:    FILTER = $(call NET, identity, cuda_graph=1)

# what LibTorch warns of is told once, by the filter
FATE_SUITE += fate-dnn-torch-warns
fate-dnn-torch-warns:             FILTER = $(call NET, warns)
fate-dnn-torch-warns:             CMD    = $(DNN_SH) count_lines "^\\[.*dnn_processing.*/warns.pt: LibTorch warns: unusual pictures$$" framecrc $(DNN_GRAPH)

# options of all backends and of this one, by their deprecated way
FATE_SUITE += fate-dnn-torch-identity-configs
fate-dnn-torch-identity-configs:  FILTER = $(call NET, identity, backend_configs=async=0&batch_size=3&scale=127.5|127.5|127.5&workers=1)
# the backend need not be named where there is no other
FATE_SUITE += $(if $(filter yes,$(CONFIG_LIBTENSORFLOW) $(CONFIG_LIBOPENVINO)),,fate-dnn-torch-identity-default)
fate-dnn-torch-identity-default:  FILTER = $(subst dnn_backend=torch:,,$(call NET, identity))

$(call DNN_BOTH, identity) $(filter fate-dnn-torch-identity-%,$(FATE_SUITE)): REF = $(DNN_FATE)-identity

FATE_SUITE += $(call DNN_BOTH, hflip)
fate-dnn-own-hflip:               FILTER = hflip
fate-dnn-torch-hflip:             FILTER = $(call NET, hflip)

FATE_SUITE += $(call DNN_BOTH, vflip)
fate-dnn-own-vflip:               FILTER = vflip
fate-dnn-torch-vflip:             FILTER = $(call NET, vflip)

FATE_SUITE += $(call DNN_BOTH, crop)
fate-dnn-own-crop:                FILTER = crop=iw-4:ih-2:2:1
fate-dnn-torch-crop:              FILTER = $(call NET, crop)

FATE_SUITE += fate-dnn-torch-up2-shuffle
fate-dnn-torch-up2-shuffle:       FILTER = $(call NET, up2_shuffle)
fate-dnn-torch-up2-shuffle:       REF    = $(DNN_FATE)-up2

# the order of the channels is the network's, whatever the frame's is
FATE_SUITE += $(call DNN_BOTH, channels)
fate-dnn-own-channels:            CMD    = framecrc -lavfi "$(SOURCE),colorchannelmixer=gr=1:gg=0:br=1:bb=0" \
                                                    -lavfi "$(SOURCE),colorchannelmixer=rr=0:rb=1:br=1:bb=0" \
                                                    -lavfi "$(SOURCE),lutrgb=g=0:b=0" -lavfi "$(DNN_BGR),lutrgb=g=0:b=0"
fate-dnn-torch-channels:          CMD    = framecrc -lavfi "$(SOURCE),$(call NET, spread)" \
                                                    -lavfi "$(SOURCE),$(call NET, reverse)" \
                                                    -lavfi "$(SOURCE),$(call NET, first)" -lavfi "$(DNN_BGR),$(call NET, first)"

FATE_SUITE += $(call DNN_BOTH, conv1 conv3)
fate-dnn-own-conv1 \
fate-dnn-own-conv3:               FILTER = crop=iw-1:ih:0:0,pad=iw+1:ih:1:0
fate-dnn-torch-conv1:             FILTER = $(call NET, conv1)
fate-dnn-torch-conv3:             FILTER = $(call NET, conv3)
$(call DNN_BOTH, conv1):          SOURCE = testsrc2=s=33x17:r=5:d=2,format=gray

# the values leave the range on both sides
FATE_SUITE += $(call DNN_BOTH, sharpen)
fate-dnn-own-sharpen:             FILTER = convolution=0|-1|0|-1|5|-1|0|-1|0,crop=iw-2:ih-2:1:1
fate-dnn-torch-sharpen:           FILTER = $(call NET, sharpen)
$(call DNN_BOTH, sharpen):        SOURCE = testsrc2=s=64x48:r=5:d=2,format=gray

# NaN is black, infinities are white and black
FATE_SUITE += $(call DNN_BOTH, special)
fate-dnn-own-special:             FILTER = drawbox=w=3:h=ih:c=black:t=fill,drawbox=x=1:w=1:h=ih:c=white:t=fill
fate-dnn-torch-special:           FILTER = $(call NET, special)

# more sorts of scheduling than FFmpeg's
DNN_SUITE_ROLLS = roll-sync-nireq2 roll-workers3
FATE_SUITE += $(DNN_SUITE_ROLLS:%=fate-dnn-torch-%)
$(DNN_SUITE_ROLLS:%=fate-dnn-torch-%): SOURCE = testsrc2=s=64x48:r=5:d=4,format=gbrp,geq=r=if(X+Y\,r(X\,Y)\,4*N):g=g(X\,Y):b=b(X\,Y)
$(DNN_SUITE_ROLLS:%=fate-dnn-torch-%): REF = $(DNN_FATE)-roll
fate-dnn-torch-roll-sync-nireq2:  FILTER = scale,format=rgb24,$(call NET, roll, async=0:nireq=2)
fate-dnn-torch-roll-workers3:     FILTER = scale,format=rgb24,$(call NET, roll, nireq=8:workers=3)

# Every pixel format, with an odd size, lines that are longer than the picture
# and data that starts in the middle of one. A run has all formats, a stream
# for each, for a start of ffmpeg costs more than the frames.
DNN_ALL_RGB  = rgb24 bgr24 rgba bgra argb abgr rgb48 bgr48 gbrp gbrp9 gbrp10 gbrp12 gbrp14 gbrp16 \
              gbrap gbrap10 gbrap12 gbrap16
DNN_ALL_LUMA = gray gray9 gray10 gray12 gray14 gray16 yuv410p yuv411p yuv440p yuv440p10 yuv440p12 \
              $(foreach S,420 422 444,yuv$(S)p $(foreach D,9 10 12 14 16,yuv$(S)p$(D))) \
              $(foreach S,420 422 444,yuva$(S)p yuva$(S)p10 yuva$(S)p16) yuva422p12 yuva444p12
# There is no negate for these, but for a format with the same samples.
DNN_OTHER   = ya8:gray ya16:gray16 nv12:yuv420p nv21:yuv420p nv16:yuv422p nv24:yuv444p \
              p010:yuv420p10 p012:yuv420p12 p016:yuv420p16 p210:yuv422p10 p216:yuv422p16 \
              p410:yuv444p10 p416:yuv444p16
DNN_SHUFFLE = scale=flags=accurate_rnd+bitexact,format=$(1)
# Nor for grayf32, which keeps what 8 bits do not hold: a quarter, and that
# times four, is what it was.
DNN_FLOAT   = scale,format=grayf32,$(call NET, quarter),$(call NET, quadruple),$(call NET, negate),scale,format=gray
DNN_FIRST   = $(word 1,$(subst :, ,$(1)))
DNN_SECOND  = $(word 2,$(subst :, ,$(1)))

FATE_SUITE += $(call DNN_BOTH, all-formats)
fate-dnn-own-all-formats:         CMD    = framecrc \
    $(foreach F,$(DNN_ALL_RGB),-lavfi "$(call DNN_ODD,$(F),1),negate=components=r+g+b") \
    $(foreach F,$(DNN_ALL_LUMA),-lavfi "$(call DNN_ODD,$(F),1),negate=components=y") \
    $(foreach F,$(DNN_OTHER),-lavfi "$(call DNN_ODD,$(call DNN_SECOND,$(F)),1),negate=components=y,$(call DNN_SHUFFLE,$(call DNN_FIRST,$(F)))") \
    -lavfi "$(call DNN_ODD,rgb48,1),negate,$(call DNN_SHUFFLE,rgba64)" -lavfi "$(call DNN_ODD,bgr48,1),negate,$(call DNN_SHUFFLE,bgra64)" \
    -lavfi "$(call DNN_ODD,gray),negate"
fate-dnn-torch-all-formats:       CMD    = framecrc \
    $(foreach F,$(DNN_ALL_RGB) $(DNN_ALL_LUMA),-lavfi "$(call DNN_ODD,$(F),1),$(call NET, negate)") \
    $(foreach F,$(DNN_OTHER),-lavfi "$(call DNN_ODD,$(call DNN_SECOND,$(F)),1),$(call DNN_SHUFFLE,$(call DNN_FIRST,$(F))),$(call NET, negate)") \
    -lavfi "$(call DNN_ODD,rgb48,1),$(call DNN_SHUFFLE,rgba64),$(call NET, negate)" -lavfi "$(call DNN_ODD,bgr48,1),$(call DNN_SHUFFLE,bgra64),$(call NET, negate)" \
    -lavfi "$(call DNN_ODD,gray),$(DNN_FLOAT)"

# what a frame took, in its metadata
FATE_SUITE += $(call DNN_BOTH, latency)
fate-dnn-own-latency:             FILTER = null
fate-dnn-torch-latency:           FILTER = $(call NET, identity, latency=1),metadata=select:key=lavfi.dnn.latency:function=expr:expr=gt(VALUE1\,0)*lt(VALUE1\,600)

# lines that run upwards
FATE_SUITE += $(call DNN_BOTH, upwards)
$(call DNN_BOTH, upwards):        SOURCE = $(call DNN_ODD,rgb24),vflip
fate-dnn-own-upwards:             FILTER = hflip
fate-dnn-torch-upwards:           FILTER = $(call NET, hflip)

# the input is left as it was for whoever else has it
FATE_SUITE += $(call DNN_BOTH, shared)
fate-dnn-own-shared:              FILTER = split[a][b];[a]negate[c];[b][c]hstack
fate-dnn-torch-shared:            FILTER = split[a][b];[a]$(call NET, negate)[c];[b][c]hstack

# more than one network at a time, after and beside each other
FATE_SUITE += $(call DNN_BOTH, many)
fate-dnn-own-many:                FILTER = split[a][b];[a]hflip,vflip[c];[b]vflip[d];[c][d]hstack
fate-dnn-torch-many:              FILTER = split[a][b];[a]$(call NET, hflip),$(call NET, vflip, async=0)[c];[b]$(call NET, vflip, nireq=8)[d];[c][d]hstack

# Frames and their time.

FATE_SUITE += $(call DNN_BOTH, gaps) fate-dnn-torch-gaps-sync
$(call DNN_BOTH, gaps) \
fate-dnn-torch-gaps-sync:         SOURCE = testsrc2=s=64x48:r=5:d=4,format=rgb24,select=not(eq(mod(n\,3)\,1)),setpts=PTS+N*N+if(gt(N\,6)\,1000)
fate-dnn-own-gaps:                FILTER = null
fate-dnn-torch-gaps:              FILTER = $(call NET, identity, nireq=4)
fate-dnn-torch-gaps-sync:         FILTER = $(call NET, identity, async=0)
fate-dnn-torch-gaps-sync:         REF    = $(DNN_REF)-gaps

# what belongs to a frame stays with it
FATE_SUITE += $(call DNN_BOTH, metadata)
$(call DNN_BOTH, metadata):       CMD    = ffmpeg $(DNN_GRAPH) -f null -
$(call DNN_BOTH, metadata):       SOURCE = testsrc2=s=64x48:r=5:d=2,format=yuv420p,signalstats
fate-dnn-own-metadata:            FILTER = null
fate-dnn-torch-metadata:          FILTER = $(call NET, slow, nireq=4)
$(call DNN_BOTH, metadata):       SINK   = metadata=print:key=lavfi.signalstats.YAVG:file=-

# fewer frames than requests, and none
FATE_SUITE += $(call DNN_BOTH, few one none) fate-dnn-torch-none-sync
$(call DNN_BOTH, few):            SOURCE = testsrc2=s=64x48:r=5:d=2,format=rgb24,trim=end_frame=3
$(call DNN_BOTH, one):            SOURCE = testsrc2=s=64x48:r=5:d=2,format=rgb24,trim=end_frame=1
$(call DNN_BOTH, none) \
fate-dnn-torch-none-sync:         SOURCE = testsrc2=s=64x48:r=5:d=2,format=rgb24,trim=end_frame=0
$(addprefix fate-dnn-own-, few one none): FILTER = null
fate-dnn-torch-few \
fate-dnn-torch-one \
fate-dnn-torch-none:              FILTER = $(call NET, identity, nireq=8)
fate-dnn-torch-none-sync:         FILTER = $(call NET, identity, async=0)
fate-dnn-torch-none-sync:         REF    = $(DNN_REF)-none

# to start and end in any state, in two threads at a time
FATE_SUITE += fate-dnn-torch-lives
fate-dnn-torch-lives:             CMD    = run $(DNN_LIVES) $(TARGET_PATH)/tests/data/dnn 60
fate-dnn-torch-lives:             REF    = $(DNN_REF)-lives

# to fail in any way
FATE_SUITE += fate-dnn-torch-faults
fate-dnn-torch-faults:            CMD    = run $(DNN_FAULTS) $(TARGET_PATH)/tests/data/dnn/faulty.pt 97

# Another size in mid-stream, whereupon ffmpeg makes a new graph. It drops what
# the filters of the old one still hold, hence sync.
DNN_RESIZE = testsrc2=s=64x48:r=5:d=2,format=rgb24,scale=w=if(lte(n\,5)\,64\,33):h=if(lte(n\,5)\,48\,57):eval=frame:flags=neighbor+accurate_rnd+bitexact
FATE_SUITE += $(call DNN_BOTH, resize)
$(call DNN_BOTH, resize):         CMD    = framecrc -f lavfi -i "$(DNN_RESIZE)" -vf "$(FILTER)" -noautoscale
fate-dnn-own-resize:              FILTER = negate
fate-dnn-torch-resize:            FILTER = $(call NET, negate, async=0)

# the same within a graph, for a window of frames
FATE_SUITE += fate-dnn-torch-resize-graph-window
fate-dnn-torch-resize-graph-window: SOURCE = $(DNN_RESIZE)
fate-dnn-torch-resize-graph-window: SINK = scale=48:48:flags=neighbor+accurate_rnd+bitexact
fate-dnn-torch-resize-graph-window: FILTER = $(call NET, middle_of_three, frames=3:stack=time)
fate-dnn-torch-resize-graph-window: REF  = $(DNN_FATE)-resize-graph

# What fails: ffmpeg ends with an error and says why, after the frames before it.
# The size of the output that is not as before
FATE_SUITE += fate-dnn-torch-fail6-size
fate-dnn-torch-fail6-size:        FILTER = $(call NET, growing, nireq=4)
fate-dnn-torch-fail6-size:        REASON = 128x48
# a filter behind it that synchronizes its inputs
FATE_SUITE += fate-dnn-torch-fail6-scale
fate-dnn-torch-fail6-scale:       FILTER = $(call NET, fail_white, nireq=4)
fate-dnn-torch-fail6-scale:       SINK   = scale=64:48
# an input that another one goes on without: all of its frames, and a line at once
FATE_SUITE += fate-dnn-torch-fail6-input
fate-dnn-torch-fail6-input:       CMD    = $(DNN_SH) expect_fail "$(REASON)" framecrc -auto_conversion_filters -lavfi "testsrc2=s=64x48:r=5:d=2,format=rgb24[a];$(SOURCE),$(call NET, fail_white)[b];[a][b]blend=all_mode=average" -fps_mode passthrough
fate-dnn-torch-fail6-input:       REASON = input 1 (bottom) ended with an error: Generic error
fate-dnn-torch-fail6-input:       REF    = $(SUITE)/ref/dnn-fail6-input
# there is no memory for it; the sanitizers take more than that for themselves
FATE_SUITE += $(if $(findstring sanitize,$(LDFLAGS)),,fate-dnn-torch-fail6-limit)
fate-dnn-torch-fail6-limit:       CMD    = $(DNN_SH) expect_fail "$(REASON)" limited 8000000 framecrc $(DNN_GRAPH)
fate-dnn-torch-fail6-limit:       FILTER = $(call NET, hungry, nireq=4)
fate-dnn-torch-fail6-limit:       REASON = memory

# a device has no more memory, for whatever batch
FATE_SUITE += fate-dnn-torch-fail6-memory
fate-dnn-torch-fail6-memory:      FILTER = $(call NET, memory_white, batch_size=4:workers=2)
fate-dnn-torch-fail6-memory:      REASON = frame 6 (pts 5) failed: .*CUDA out of memory

# or just not for batches of eight, nor of four: they are halved
FATE_SUITE += $(call DNN_BOTH, memory)
fate-dnn-own-memory:              FILTER = null
fate-dnn-torch-memory:            FILTER = $(call NET, memory, batch_size=8)
$(call DNN_BOTH, memory):         REF    = $(DNN_FATE)-identity

# or not while other workers run theirs
FATE_SUITE += $(call DNN_BOTH, memory-again)
fate-dnn-own-memory-again:        FILTER = null
fate-dnn-torch-memory-again:      FILTER = $(call NET, memory_again)
$(call DNN_BOTH, memory-again):   REF    = $(DNN_FATE)-identity

# nothing comes out of these
FAIL_TESTS = missing directory nothing loop archive checkpoint state-dict pickle special \
             exported package device-index device-two name configs threads nireq always size \
             pad tile tile-pad scale mean channels-out rank2 rank5 empty batch2 int \
             list none number two-inputs no-forward
FATE_SUITE += $(FAIL_TESTS:%=fate-dnn-torch-fail-%)

fate-dnn-torch-fail-missing:      FILTER = $(call NET, there_is_none)
fate-dnn-torch-fail-missing:      REASON = there_is_none.pt: no such file
fate-dnn-torch-fail-directory:    FILTER = dnn_processing=dnn_backend=torch:model=$(TARGET_PATH)/tests/data/dnn
fate-dnn-torch-fail-directory:    REASON = data/dnn: it is a directory
fate-dnn-torch-fail-nothing:      FILTER = $(call NET, nothing)
fate-dnn-torch-fail-nothing:      REASON = nothing.pt: .
fate-dnn-torch-fail-loop:         FILTER = $(call NET, loop)
fate-dnn-torch-fail-loop:         REASON = loop.pt: .*symbolic links
fate-dnn-torch-fail-checkpoint:   FILTER = $(call NET, checkpoint)
fate-dnn-torch-fail-checkpoint:   REASON = checkpoint.pt: .*tools/dnn_torch_export.py
fate-dnn-torch-fail-exported:     FILTER = $(subst .pt,.pt2,$(call NET, exported))
fate-dnn-torch-fail-exported:     REASON = exported.pt2: .*not compiled
# what runs a package lacks in one LibTorch, and in another this is none
fate-dnn-torch-fail-package:      FILTER = $(subst .pt,.pt2,$(call NET, package))
fate-dnn-torch-fail-package:      REASON = package.pt2: .*compiled.*PyTorch 2.7\|package.pt2: .*LibTorch 2.7
fate-dnn-torch-fail-archive:      FILTER = $(call NET, archive)
fate-dnn-torch-fail-archive:      REASON = archive.pt: .
fate-dnn-torch-fail-state-dict:   FILTER = $(call NET, state_dict)
fate-dnn-torch-fail-state-dict:   REASON = state_dict.pt: it is what torch.save() wrote
fate-dnn-torch-fail-pickle:       FILTER = $(call NET, pickle)
fate-dnn-torch-fail-pickle:       REASON = pickle.pt: it is what torch.save() wrote
fate-dnn-torch-fail-special:      FILTER = dnn_processing=dnn_backend=torch:model=/dev/null
fate-dnn-torch-fail-special:      REASON = /dev/null: it is not a regular file
fate-dnn-torch-fail-name:         FILTER = $(call NET, identity, precision=fp8)
fate-dnn-torch-fail-name:         REASON = precision.* value .fp8.; known are fp32, fp16, bf16
fate-dnn-torch-fail-configs:      FILTER = $(call NET, identity, backend_configs=async=0&precison=bf16)
fate-dnn-torch-fail-configs:      REASON = backend_configs: the backend has no option precison
fate-dnn-torch-fail-threads:      FILTER = $(call NET, identity, threads=100000)
fate-dnn-torch-fail-threads:      REASON = threads=100000 is more than
fate-dnn-torch-fail-nireq:        FILTER = $(call NET, identity, nireq=100000)
fate-dnn-torch-fail-nireq:        REASON = nireq=100000 is more than
fate-dnn-torch-fail-device-index: FILTER = $(call NET, identity, device=cuda\\\\:99)
fate-dnn-torch-fail-device-index: REASON = identity.pt: there is no device cuda:99: this LibTorch, [0-9.]*, .*finds cpu
fate-dnn-torch-fail-device-two:   FILTER = $(call NET, identity, device=cuda\\\\:1:device_id=2)
fate-dnn-torch-fail-device-two:   REASON = device=cuda:1 and device_id=2 are two different devices
fate-dnn-torch-fail-always:       FILTER = $(call NET, fail)
fate-dnn-torch-fail-always:       REASON = this model always fails
fate-dnn-torch-fail-size:         FILTER = $(call NET, fixed)
fate-dnn-torch-fail-size:         SOURCE = testsrc2=s=32x48:r=5:d=2,format=rgb24
fate-dnn-torch-fail-size:         REASON = 32x48.*only 64x48 will do
fate-dnn-torch-fail-pad:          FILTER = $(call NET, multiple8)
fate-dnn-torch-fail-pad:          SOURCE = $(call DNN_ODD,rgb24)
fate-dnn-torch-fail-pad:          REASON = no multiple of 8; .*add pad=8
fate-dnn-torch-fail-tile:         FILTER = $(call NET, tile16, tile=16x16:overlap=8)
fate-dnn-torch-fail-tile:         REASON = nothing left between overlap=8 on both sides
fate-dnn-torch-fail-tile-pad:     FILTER = $(call NET, multiple8, tile=20x20:overlap=2:pad=8)
fate-dnn-torch-fail-tile-pad:     REASON = 20 pixels is no multiple of pad=8
fate-dnn-torch-fail-scale:        FILTER = $(call NET, identity, scale=0)
fate-dnn-torch-fail-scale:        REASON = scale must not be 0
fate-dnn-torch-fail-mean:         FILTER = $(call NET, identity, mean=1|2)
fate-dnn-torch-fail-mean:         REASON = mean has 2 values, the network gets 3 channels
fate-dnn-torch-fail-channels-out: FILTER = $(call NET, channels2)
fate-dnn-torch-fail-channels-out: REASON = returns 2 channels, .* have 3: it has to return as many
fate-dnn-torch-fail-rank2:        FILTER = $(call NET, rank2)
fate-dnn-torch-fail-rank2:        REASON = returned a tensor of shape .48, 64.
fate-dnn-torch-fail-rank5:        FILTER = $(call NET, rank5)
fate-dnn-torch-fail-rank5:        REASON = returned a tensor of shape .1, 1, 3, 48, 64.
fate-dnn-torch-fail-empty:        FILTER = $(call NET, empty)
fate-dnn-torch-fail-empty:        REASON = empty.pt: .*64x0
fate-dnn-torch-fail-batch2:       FILTER = $(call NET, batch2)
fate-dnn-torch-fail-batch2:       REASON = returned a tensor of shape .2, 3, 48, 64.
fate-dnn-torch-fail-int:          FILTER = $(call NET, int)
fate-dnn-torch-fail-int:          REASON = returned Int values
fate-dnn-torch-fail-list:         FILTER = $(call NET, list)
fate-dnn-torch-fail-list:         REASON = returned 2 tensors instead of one
fate-dnn-torch-fail-none:         FILTER = $(call NET, none)
fate-dnn-torch-fail-none:         REASON = returned None where a tensor is expected
fate-dnn-torch-fail-number:       FILTER = $(call NET, number)
fate-dnn-torch-fail-number:       REASON = returned Int where a tensor is expected
fate-dnn-torch-fail-two-inputs:   FILTER = $(call NET, two_inputs)
fate-dnn-torch-fail-two-inputs:   REASON = two_inputs.pt: .*forward
fate-dnn-torch-fail-no-forward:   FILTER = $(call NET, no_forward)
fate-dnn-torch-fail-no-forward:   REASON = no_forward.pt: .*forward

# Detection and classification.

# boxes four times as high and twice as wide, not by as much exactly
DNN_BOXES4 = color=black:s=128x128:r=5:d=1.2,format=rgb24,$(call DNN_BOX,16:16:40:48:red:t=fill,80:40:34:36:0x00cc00:t=fill,10:80:48:44:0x000099:t=fill)
# more sorts of output
DNN_MORE_HEADS = ssd_list.pt ssd_dict.pt yolov8_rows.pt:model_type=yolov8 yolov8_nested.pt:model_type=yolov8:nb_classes=3
FATE_SUITE += $(call DNN_BOTH, heads)
fate-dnn-own-heads:               CMD    = framecrc $(foreach H,$(DNN_MORE_HEADS),-lavfi "$(DNN_BOXES),$(call DNN_BOX,8:4:20:12:white:t=1,40:10:17:9:white:t=1,5:20:24:11:white:t=1)")
fate-dnn-torch-heads:             CMD    = framecrc $(foreach H,$(DNN_MORE_HEADS),-lavfi "$(DNN_BOXES),dnn_detect=dnn_backend=torch:model=$(TARGET_PATH)/tests/data/dnn/$(H),drawbox=box_source=side_data_detection_bboxes:c=white:t=1")

# their labels and scores, with every sort of scheduling
DNN_SUITE_SHOW = detect-positional detect-tuple detect-list detect-dict detect-yolov5 detect-sync detect-sync-batch4 \
                detect-nireq1 detect-workers3 detect-batch16 detect-alone
FATE_SUITE += $(DNN_SUITE_SHOW:%=fate-dnn-torch-%)
$(DNN_SUITE_SHOW:%=fate-dnn-torch-%): REF = $(DNN_FATE)-detect-boxes
# the order of the options is that of released versions
fate-dnn-torch-detect-positional:   FILTER = dnn_detect=torch:0.5:$(TARGET_PATH)/tests/data/dnn/labels.txt:ssd:0:0:0:1:model=$(TARGET_PATH)/tests/data/dnn/ssd.pt
fate-dnn-torch-detect-tuple:        FILTER = $(call DETECT, ssd_tuple)
fate-dnn-torch-detect-list:         FILTER = $(call DETECT, ssd_list)
fate-dnn-torch-detect-dict:         FILTER = $(call DETECT, ssd_dict)
fate-dnn-torch-detect-yolov5:       FILTER = $(call DETECT, yolov5, model_type=yolov5)
fate-dnn-torch-detect-sync:         FILTER = $(call DETECT, ssd, async=0)
fate-dnn-torch-detect-sync-batch4:  FILTER = $(call DETECT, ssd_tuple, async=0:batch_size=4)
fate-dnn-torch-detect-nireq1:       FILTER = $(call DETECT, ssd, nireq=1:workers=1)
fate-dnn-torch-detect-workers3:     FILTER = $(call DETECT, yolov8, nireq=8:workers=3:model_type=yolov8)
fate-dnn-torch-detect-batch16:      FILTER = $(call DETECT, yolov8, batch_size=16:model_type=yolov8)
# a network that takes no batches gets one frame after the other
fate-dnn-torch-detect-alone:        FILTER = $(call DETECT, batch_only, batch_size=4)

# other frames than the network takes
DNN_SCALED_FORMATS = yuv420p nv12 yuva444p10 p010 gbrap12 rgba64 argb gbrpf32
DNN_SUITE_SCALED = detect-scaled detect-scaled-tuple detect-scaled-yolov8 $(DNN_SCALED_FORMATS:%=detect-scaled-%)
FATE_SUITE += $(DNN_SUITE_SCALED:%=fate-dnn-torch-%)
$(DNN_SUITE_SCALED:%=fate-dnn-torch-%): REF = $(DNN_REF)-detect-scaled
$(DNN_SUITE_SCALED:%=fate-dnn-torch-%): SOURCE = $(DNN_BOXES4)
fate-dnn-torch-detect-scaled:         FILTER = $(call DETECT, ssd, input_size=64x32)
fate-dnn-torch-detect-scaled-tuple:   FILTER = $(call DETECT, ssd_tuple, input_size=64x32:batch_size=4)
fate-dnn-torch-detect-scaled-yolov8:  FILTER = $(call DETECT, yolov8, input_size=64x32:model_type=yolov8)
$(DNN_SCALED_FORMATS:%=fate-dnn-torch-detect-scaled-%): \
    FILTER = scale,format=$(@:fate-dnn-torch-detect-scaled-%=%),$(call DETECT, ssd, input_size=64x32)

# a network for gray; several outputs and overlaps; scores before the sigmoid;
# thresholds; boxes that leave the frame; nothing to be found; odd labels
FATE_SUITE += $(addprefix fate-dnn-torch-detect-, \
    gray yolov3 yolov4 threshold iou-less iou-more outside nan ssd-nan next empty labels)
$(addprefix fate-dnn-torch-detect-, gray yolov3 yolov4 threshold iou-less iou-more outside nan ssd-nan next empty labels): REF = $(@:fate-dnn-torch-%=$(DNN_REF)-%)
fate-dnn-torch-detect-gray:         FILTER = scale,format=gray,$(call DETECT, ssd_gray, confidence=0.1)
fate-dnn-torch-detect-yolov3:       FILTER = $(call DETECT, yolov3, model_type=yolov3:nb_classes=3:anchors=8&8&16&16)
fate-dnn-torch-detect-yolov4:       FILTER = $(call DETECT, yolov4, model_type=yolov4:nb_classes=3:anchors=8&8)
fate-dnn-torch-detect-threshold:    FILTER = $(call DETECT, yolov8, model_type=yolov8:confidence=0.7)
fate-dnn-torch-detect-iou-less:     FILTER = $(call DETECT, yolov8_row, model_type=yolov8:iou=0.3:confidence=0.4)
fate-dnn-torch-detect-iou-more:     FILTER = $(call DETECT, yolov8_row, model_type=yolov8:iou=0.45:confidence=0.3)
fate-dnn-torch-detect-outside:      FILTER = $(call DETECT, yolov8_out, model_type=yolov8:nb_classes=3)
fate-dnn-torch-detect-nan:          FILTER = $(call DETECT, yolov8_nan, model_type=yolov8)
fate-dnn-torch-detect-ssd-nan:      FILTER = $(call DETECT, ssd_nan)
# boxes of a frame that failed do not come with the next one, in which nothing is found
fate-dnn-torch-detect-next:         FILTER = $(call DETECT, yolov3_fail, model_type=yolov3:nb_classes=3:anchors=8&8&16&16:on_error=pass)
fate-dnn-torch-detect-next:         SOURCE = color=black:s=64x32:r=5:d=0.6,format=rgb24,drawbox=8:4:20:12:0xff0099:t=fill:enable=eq(n\,1)
fate-dnn-torch-detect-empty:        FILTER = $(call DETECT, ssd_empty)
fate-dnn-torch-detect-labels:       FILTER = $(call DETECT, ssd_odd)

FATE_SUITE += $(call DNN_BOTH, detect-stop)
fate-dnn-own-detect-stop:         CMD    = $(DNN_SH) cut_short 6 framecrc $(DNN_GRAPH)
fate-dnn-torch-detect-stop:       CMD    = $(DNN_SH) stop_early 6 framecrc $(DNN_GRAPH)
$(call DNN_BOTH, detect-stop):    SOURCE = $(DNN_BOXES)
$(call DNN_BOTH, detect-stop):    SINK   =
$(call DNN_BOTH, detect-stop):    REF    = $(DNN_REF)-detect-stop
fate-dnn-own-detect-stop:         FILTER = null
fate-dnn-torch-detect-stop:       FILTER = $(call DETECT, ssd, nireq=4)

# Classification of the boxes.
DNN_SUITE_CLASSES = classify-map classify-sync classify-batch2
FATE_SUITE += $(DNN_SUITE_CLASSES:%=fate-dnn-torch-%)
$(DNN_SUITE_CLASSES:%=fate-dnn-torch-%): REF = $(DNN_FATE)-classify-boxes
fate-dnn-torch-classify-map:        FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour_map, batch_size=3)
fate-dnn-torch-classify-sync:       FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour, async=0)
fate-dnn-torch-classify-batch2:     FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour, batch_size=2:workers=3)

# how many boxes were in a batch: of all frames, of one sort, and when the
# frames after them have none; a box that leaves the frame; a threshold; and
# frames that share their boxes with others, which are not classified
FATE_SUITE += $(addprefix fate-dnn-torch-classify-, count target rare outside threshold shared timeout)
$(addprefix fate-dnn-torch-classify-, count target rare outside threshold shared): REF = $(@:fate-dnn-torch-%=$(DNN_REF)-%)
fate-dnn-torch-classify-count:      FILTER = $(call DETECT, ssd),$(call CLASSIFY, count, batch_size=4)
# batches of boxes depend on the frames, and never on time
fate-dnn-torch-classify-timeout:    FILTER = $(call DETECT, ssd),$(call CLASSIFY, count, batch_size=4:batch_timeout=0)
fate-dnn-torch-classify-timeout:    REF    = $(DNN_REF)-classify-count
fate-dnn-torch-classify-target:     FILTER = $(call DETECT, ssd),$(call CLASSIFY, count, batch_size=4:target=GREEN)
fate-dnn-torch-classify-rare:       FILTER = $(call DETECT, ssd),$(call CLASSIFY, count, batch_size=4)
fate-dnn-torch-classify-rare:       SOURCE = color=black:s=64x32:r=5:d=2,format=rgb24,drawbox=8:4:20:12:red:t=fill:enable=eq(n\,1)+eq(n\,3)+gt(n\,7)
fate-dnn-torch-classify-outside:    FILTER = $(call DETECT, yolov8_out, model_type=yolov8:nb_classes=3),$(call CLASSIFY, count, batch_size=3)
fate-dnn-torch-classify-threshold:  FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour, confidence=0.7)
fate-dnn-torch-classify-shared:     FILTER = $(call DETECT, ssd),split[a][b];[a]$(call CLASSIFY, colour),scale,format=gbrp[c];[b]scale,format=gbrp[d];[d][c]blend

# failures of both, after the frames before them
FATE_SUITE += $(addprefix fate-dnn-torch-detectfail-, sync batch classify-batch)
fate-dnn-torch-detectfail-sync:   FILTER = $(call DETECT, ssd_fail, async=0)
fate-dnn-torch-detectfail-batch:  FILTER = $(call DETECT, ssd_fail, batch_size=4:workers=2)
fate-dnn-torch-detectfail-classify-batch: FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour_fail, batch_size=8:workers=2)

# outputs and options that do not go together
DNN_FAIL_DETECT = shape kind less rows classes anchors anchors-none trial size type type-none cells cells-none labels labels-none
FATE_SUITE += $(DNN_FAIL_DETECT:%=fate-dnn-torch-fail-detect-%)
FATE_SUITE += $(addprefix fate-dnn-torch-fail-classify-, size two trial picture)
$(addprefix fate-dnn-torch-fail-classify-, size two trial picture) \
$(DNN_FAIL_DETECT:%=fate-dnn-torch-fail-detect-%): SOURCE = $(DNN_BOXES)
fate-dnn-torch-fail-detect-shape:   FILTER = $(call DETECT, identity)
fate-dnn-torch-fail-detect-shape:   REASON = cannot use what the network returned, .1, 3, 32, 64.
fate-dnn-torch-fail-detect-kind:    FILTER = $(call DETECT, number)
fate-dnn-torch-fail-detect-kind:    REASON = returned Int where a tensor is expected
fate-dnn-torch-fail-detect-less:    FILTER = $(call DETECT, ssd_less)
fate-dnn-torch-fail-detect-less:    REASON = returned 3 boxes, but only 2 labels
fate-dnn-torch-fail-detect-rows:    FILTER = $(call DETECT, ssd, model_type=yolov8)
fate-dnn-torch-fail-detect-rows:    REASON = model_type=yolov8 cannot read the tensor of 1x3x7 .*: set model_type=ssd
fate-dnn-torch-fail-detect-classes: FILTER = $(call DETECT, yolov8, model_type=yolov8:nb_classes=80)
fate-dnn-torch-fail-detect-classes: REASON = 1x7x16, too few values for a box of nb_classes=80: set nb_classes to no more than 3
fate-dnn-torch-fail-detect-anchors: FILTER = $(call DETECT, yolov3, model_type=yolov3:nb_classes=3:anchors=8&8)
fate-dnn-torch-fail-detect-anchors: REASON = output 2 .* 4 numbers with those of the outputs before it, not 2
fate-dnn-torch-fail-detect-anchors-none: FILTER = $(call DETECT, yolov3, model_type=yolov3:nb_classes=3)
fate-dnn-torch-fail-detect-anchors-none: REASON = model_type=yolov3 needs anchors, .* and nb_classes
fate-dnn-torch-fail-detect-type:    FILTER = $(call DETECT, yolov8)
fate-dnn-torch-fail-detect-type:    REASON = model_type=ssd, the default, .* 1x7x16 .*: set model_type=yolov8
fate-dnn-torch-fail-detect-type-none: FILTER = $(call DETECT, yolov8, model_type=9)
fate-dnn-torch-fail-detect-type-none: REASON = model_type.* out of range
# the product of all is 2 to the power of 32
fate-dnn-torch-fail-detect-cells:   FILTER = $(call DETECT, yolo, model_type=yolo:nb_classes=65531:anchors=1&1:cell_w=256:cell_h=256)
fate-dnn-torch-fail-detect-cells:   REASON = returned 256 values, which are not boxes of 5 + nb_classes=65531
fate-dnn-torch-fail-detect-cells-none: FILTER = $(call DETECT, yolo, model_type=yolo:nb_classes=3:anchors=1&1)
fate-dnn-torch-fail-detect-cells-none: REASON = needs cell_w and cell_h
fate-dnn-torch-fail-detect-labels:  FILTER = $(subst labels.txt,,$(call DETECT, ssd))
fate-dnn-torch-fail-detect-labels:  REASON = cannot read the labels, .*: Is a directory
fate-dnn-torch-fail-detect-labels-none: FILTER = $(subst labels.txt,nothing.pt,$(call DETECT, ssd))
fate-dnn-torch-fail-detect-labels-none: REASON = nothing.pt has no labels
fate-dnn-torch-fail-detect-trial:   FILTER = $(call DETECT, fixed)
fate-dnn-torch-fail-detect-trial:   REASON = trial run on 64x32 failed: .*only 64x48 will do (input_size=WxH sets
fate-dnn-torch-fail-detect-size:    FILTER = $(call DETECT, fixed, input_size=32x32)
fate-dnn-torch-fail-detect-size:    REASON = trial run on 32x32 failed: .*only 64x48 will do$$
fate-dnn-torch-fail-classify-size:  FILTER = $(subst input_size=16x16:,,$(call CLASSIFY, colour))
fate-dnn-torch-fail-classify-size:  REASON = set input_size=WxH
fate-dnn-torch-fail-classify-two:   FILTER = $(call CLASSIFY, ssd_tuple)
fate-dnn-torch-fail-classify-two:   REASON = returned 2 tensors instead of one with a value for each class
fate-dnn-torch-fail-classify-picture: FILTER = $(call DETECT, yolov8_out, model_type=yolov8:nb_classes=3),$(call CLASSIFY, identity)
fate-dnn-torch-fail-classify-picture: REASON = returned a tensor of 3x16x16, no list of classes
fate-dnn-torch-fail-classify-trial: FILTER = $(call CLASSIFY, fail)
fate-dnn-torch-fail-classify-trial: REASON = trial run on 16x16 failed: .*this model always fails

$(FATE_SUITE): DNN_REF = $(SUITE)/ref/dnn
$(FATE_SUITE): DNN_SH  = . $(SRC_PATH)/tests/dnn/expect.sh && . $(SUITE)/expect.sh &&
$(filter fate-dnn-torch-fail% fate-dnn-torch-detectfail%,$(FATE_SUITE)): DNN_REF = $(DNN_FATE)
FATE_FFMPEG += $(FATE_SUITE)
OUTDIRS     += tests/suite

include Makefile

vpath tests/suite/%.c   $(SUITE)/../..
vpath tests/suite/%.cpp $(SUITE)/../..

# The networks: FFmpeg's and more. Beside them lies what is none: nothing at all, a
# link to itself, an archive without files, and the beginning of what torch.save()
# wrote in its first years. This file stands for all.
SUITE_NETWORKS = tests/suite/networks$(EXESUF)
SUITE_MODELS   = tests/data/dnn/suite

$(SUITE_NETWORKS): %$(EXESUF): %.o
	$(call LINK,$(LDFLAGS) $(LDEXEFLAGS) $(LD_O) $< $(EXTRALIBS-avfilter) $(EXTRALIBS-dnn_torch) $(EXTRALIBS) $(ELIBS) -lstdc++)
$(SUITE_MODELS): $(SUITE_NETWORKS) $(DNN_MODELS)
	$(M)$(TARGET_EXEC) $(TARGET_PATH)/$< $(TARGET_PATH)/tests/data/dnn
	$(Q): > tests/data/dnn/nothing.pt
	$(Q)ln -sf loop.pt tests/data/dnn/loop.pt
	$(Q)printf 'PK\005\006\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' > tests/data/dnn/archive.pt
	$(Q)printf '\200\002\212\012l\374\234F\371 j\250P\031.\200\002M\351\003.' > tests/data/dnn/pickle.pt
	$(Q)touch $@

# Filters that end at any moment, and networks that fail in any way; and two that no
# test here runs: broken files and options, and allocations that fail, which takes a
# linker with --wrap.
DNN_LIVES    = tests/suite/dnn_lives$(EXESUF)
DNN_FAULTS   = tests/suite/dnn_faults$(EXESUF)
DNN_FUZZ     = tests/suite/dnn_fuzz$(EXESUF)
DNN_ALLOC    = tests/suite/dnn_alloc$(EXESUF)
DNN_PROGRAMS = $(DNN_LIVES) $(DNN_FAULTS) $(DNN_FUZZ) $(DNN_ALLOC)
DNN_WRAPPED  = malloc calloc realloc posix_memalign pthread_create _Znwm _ZnwmRKSt9nothrow_t

$(addprefix tests/suite/, networks.o testgraph.o isolate.o) $(DNN_PROGRAMS:%$(EXESUF)=%.o): | tests/suite
$(DNN_FUZZ) $(DNN_ALLOC): tests/suite/isolate.o
$(DNN_ALLOC): LDFLAGS += $(DNN_WRAPPED:%=-Wl,--wrap=%)
$(DNN_PROGRAMS): %$(EXESUF): %.o tests/suite/testgraph.o $(FF_DEP_LIBS)
	$(call LINK,$(LDFLAGS) $(LDEXEFLAGS) $(LD_O) $(filter %.o,$^) $(FF_EXTRALIBS) $(ELIBS))

fate-dnn-torch-lives: $(DNN_LIVES)
fate-dnn-torch-faults: $(DNN_FAULTS)

-include $(wildcard tests/suite/*.d)

$(filter fate-dnn-torch-%,$(FATE_SUITE)): $(SUITE_MODELS) $(DNN_TORCH_MODULE)
fate-suite: $(FATE_SUITE) fate-dnn
.PHONY: fate-suite
