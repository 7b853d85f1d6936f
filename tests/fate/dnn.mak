# The DNN filters.
#
# What a network has to do to a picture is told by FFmpeg's own filters: a test
# called fate-dnn-own-NAME runs one of those, fate-dnn-torch-NAME a model that
# does the same, and both are held against one reference, tests/ref/fate/dnn-NAME.
# A network's result is never the measure of itself.

# The models are made at test time, see tests/dnn/torch_models.cpp.
TORCH_MODELS = tests/dnn/torch_models$(EXESUF)

OUTDIRS += tests/dnn tests/data/dnn

# filters that end at any moment, see tests/dnn/dnn_lives.c, and networks that
# fail in any way, see tests/dnn/dnn_faults.c
DNN_LIVES  = tests/dnn/dnn_lives$(EXESUF)
DNN_FAULTS = tests/dnn/dnn_faults$(EXESUF)
# programs that need fork() and a linker with --wrap, so no test here runs them:
# broken files and options, and failing allocations
DNN_FUZZ   = tests/dnn/dnn_fuzz$(EXESUF)
DNN_ALLOC  = tests/dnn/dnn_alloc$(EXESUF)
DNN_PROGRAMS = $(DNN_LIVES) $(DNN_FAULTS) $(DNN_FUZZ) $(DNN_ALLOC)
DNN_WRAPPED = malloc calloc realloc posix_memalign pthread_create _Znwm _ZnwmRKSt9nothrow_t

$(addprefix tests/dnn/, torch_models.o testgraph.o isolate.o) $(DNN_PROGRAMS:%$(EXESUF)=%.o): | tests/dnn
$(DNN_FUZZ) $(DNN_ALLOC): tests/dnn/isolate.o
$(DNN_ALLOC): LDFLAGS += $(DNN_WRAPPED:%=-Wl,--wrap=%)
$(DNN_PROGRAMS): %$(EXESUF): %.o tests/dnn/testgraph.o $(FF_DEP_LIBS)
	$(call LINK,$(LDFLAGS) $(LDEXEFLAGS) $(LD_O) $(filter %.o,$^) $(FF_EXTRALIBS) $(ELIBS))
$(TORCH_MODELS): %$(EXESUF): %.o
	$(call LINK,$(LDFLAGS) $(LDEXEFLAGS) $(LD_O) $< $(EXTRALIBS-avfilter) $(EXTRALIBS-dnn_torch) $(EXTRALIBS) $(ELIBS) -lstdc++)

# This file stands for all models. Beside them lies what is none: text,
# nothing at all, a link to itself, the beginning of a model, an archive without files, and the
# beginning of what torch.save() wrote in its first years.
DNN_MODELS = tests/data/dnn/models

$(DNN_MODELS): TAG = GEN
$(DNN_MODELS): $(TORCH_MODELS) | tests/data/dnn
	$(M)$(TARGET_EXEC) $(TARGET_PATH)/$< --all $(TARGET_PATH)/tests/data/dnn
	$(Q)echo "not a model" > tests/data/dnn/junk.pt
	$(Q): > tests/data/dnn/nothing.pt
	$(Q)ln -sf loop.pt tests/data/dnn/loop.pt
	$(Q)printf 'red\ngreen\nblue\n' > tests/data/dnn/labels.txt
	$(Q)dd if=tests/data/dnn/conv3.pt of=tests/data/dnn/truncated.pt bs=500 count=1 2>/dev/null
	$(Q)printf 'PK\005\006\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' > tests/data/dnn/archive.pt
	$(Q)printf '\200\002\212\012l\374\234F\371 j\250P\031.\200\002M\351\003.' > tests/data/dnn/pickle.pt
	$(Q)touch $@

-include $(wildcard tests/dnn/*.d)

testclean::
	$(RM) $(CLEANSUFFIXES:%=tests/dnn/%) $(TORCH_MODELS) $(TORCH_FRAMES) $(TORCH_IO) $(DNN_PROGRAMS)

# A test's graph is SOURCE,FILTER,SINK; the last may be missing.
DNN_REF   = $(SRC_PATH)/tests/ref/fate/dnn
DNN_GRAPH = -lavfi "$(SOURCE),$(FILTER)$(SINK:%=,%)" -fps_mode passthrough
# for what is more than the output of one run
DNN_SH    = . $(SRC_PATH)/tests/dnn/expect.sh &&
# $(call NET, model[, options])
NET       = dnn_processing=dnn_backend=torch:model=$(TARGET_PATH)/tests/data/dnn/$(strip $(1)).pt$(addprefix :,$(strip $(2)))

# $(call DNN_TORCH, other filters, other components): is there what it takes?
DNN_TORCH = $(call FILTERFRAMECRC, DNN_PROCESSING TESTSRC2 FORMAT $(1), LIBTORCH FILE_PROTOCOL $(2))
# $(call DNN_BOTH, names): the tests with FFmpeg's own filter and with a network
DNN_BOTH  = $(foreach N,$(1),fate-dnn-own-$(N) fate-dnn-torch-$(N))

fate-dnn-own-%:   CMD = framecrc $(DNN_GRAPH)
fate-dnn-torch-%: CMD = framecrc $(DNN_GRAPH)
fate-dnn-own-%:   REF = $(@:fate-dnn-own-%=$(DNN_REF)-%)
fate-dnn-torch-%: REF = $(@:fate-dnn-torch-%=$(DNN_REF)-%)

# ten small frames, a fifth of a second apart so that no two are the same
fate-dnn-own-%:   SOURCE = testsrc2=s=64x48:r=5:d=2,format=rgb24
fate-dnn-torch-%: SOURCE = testsrc2=s=64x48:r=5:d=2,format=rgb24

# Models with a counterpart among the filters.

FATE_DNN-$(call DNN_TORCH, NULL) += $(call DNN_BOTH, identity)
fate-dnn-own-identity:            FILTER = null
fate-dnn-torch-identity:          FILTER = $(call NET, identity)

# a model without parameters, and outputs that are laid out as NHWC, double,
# half; one that was saved while training and has to be told otherwise; and one
# that prints, which is not to get into the output; and what the CPU has no graphs for
FATE_DNN-$(call DNN_TORCH) += $(addprefix fate-dnn-torch-identity-, bare nhwc double half train prints graph)
fate-dnn-torch-identity-%:        REF    = $(DNN_REF)-identity
fate-dnn-torch-identity-bare:     FILTER = $(call NET, identity_bare)
fate-dnn-torch-identity-nhwc:     FILTER = $(call NET, identity_nhwc)
fate-dnn-torch-identity-double:   FILTER = $(call NET, identity_double)
fate-dnn-torch-identity-half:     FILTER = $(call NET, identity_half)
fate-dnn-torch-identity-train:    FILTER = $(call NET, train)
fate-dnn-torch-identity-prints:   FILTER = $(call NET, prints)
fate-dnn-torch-identity-graph:    FILTER = $(call NET, identity, cuda_graph=1)

# what LibTorch warns of is told once, by the filter
FATE_DNN-$(call DNN_TORCH) += fate-dnn-torch-warns
fate-dnn-torch-warns:             FILTER = $(call NET, warns)
fate-dnn-torch-warns:             CMD    = $(DNN_SH) count_lines "^\\[.*dnn_processing.*/warns.pt: LibTorch warns: unusual pictures$$" framecrc $(DNN_GRAPH)

# options of all backends and of this one, by their deprecated way
FATE_DNN-$(call DNN_TORCH) += fate-dnn-torch-identity-configs
fate-dnn-torch-identity-configs:  FILTER = $(call NET, identity, backend_configs=async=0&batch_size=3&scale=127.5|127.5|127.5&workers=1)
# the backend need not be named where there is no other
FATE_DNN-$(if $(filter yes,$(CONFIG_LIBTENSORFLOW) $(CONFIG_LIBOPENVINO)),,$(call DNN_TORCH)) += fate-dnn-torch-identity-default
fate-dnn-torch-identity-default:  FILTER = $(subst dnn_backend=torch:,,$(call NET, identity))

FATE_DNN-$(call DNN_TORCH, HFLIP) += $(call DNN_BOTH, hflip)
fate-dnn-own-hflip:               FILTER = hflip
fate-dnn-torch-hflip:             FILTER = $(call NET, hflip)

FATE_DNN-$(call DNN_TORCH, VFLIP) += $(call DNN_BOTH, vflip)
fate-dnn-own-vflip:               FILTER = vflip
fate-dnn-torch-vflip:             FILTER = $(call NET, vflip)

FATE_DNN-$(call DNN_TORCH, CROP) += $(call DNN_BOTH, crop)
fate-dnn-own-crop:                FILTER = crop=iw-4:ih-2:2:1
fate-dnn-torch-crop:              FILTER = $(call NET, crop)

FATE_DNN-$(call DNN_TORCH, TRANSPOSE) += $(call DNN_BOTH, transpose)
fate-dnn-own-transpose:           FILTER = transpose=cclock_flip
fate-dnn-torch-transpose:         FILTER = $(call NET, transpose)

FATE_DNN-$(call DNN_TORCH, SCALE) += $(call DNN_BOTH, up2) fate-dnn-torch-up2-shuffle
fate-dnn-own-up2:                 FILTER = $(DNN_UP2)
fate-dnn-torch-up2:               FILTER = $(call NET, up2)
fate-dnn-torch-up2-shuffle:       FILTER = $(call NET, up2_shuffle)
fate-dnn-torch-up2-shuffle:       REF    = $(DNN_REF)-up2

# the order of the channels is the network's, whatever the frame's is
DNN_BGR = $(subst rgb24,bgr24,$(SOURCE))
FATE_DNN-$(call DNN_TORCH, COLORCHANNELMIXER LUTRGB) += $(call DNN_BOTH, channels)
fate-dnn-own-channels:            CMD    = framecrc -lavfi "$(SOURCE),colorchannelmixer=gr=1:gg=0:br=1:bb=0" \
                                                    -lavfi "$(SOURCE),colorchannelmixer=rr=0:rb=1:br=1:bb=0" \
                                                    -lavfi "$(SOURCE),lutrgb=g=0:b=0" -lavfi "$(DNN_BGR),lutrgb=g=0:b=0"
fate-dnn-torch-channels:          CMD    = framecrc -lavfi "$(SOURCE),$(call NET, spread)" \
                                                    -lavfi "$(SOURCE),$(call NET, reverse)" \
                                                    -lavfi "$(SOURCE),$(call NET, first)" -lavfi "$(DNN_BGR),$(call NET, first)"

FATE_DNN-$(call DNN_TORCH, CROP PAD) += $(call DNN_BOTH, conv1 conv3)
fate-dnn-own-conv1 \
fate-dnn-own-conv3:               FILTER = crop=iw-1:ih:0:0,pad=iw+1:ih:1:0
fate-dnn-torch-conv1:             FILTER = $(call NET, conv1)
fate-dnn-torch-conv3:             FILTER = $(call NET, conv3)
$(call DNN_BOTH, conv1):          SOURCE = testsrc2=s=33x17:r=5:d=2,format=gray

# the values leave the range on both sides
FATE_DNN-$(call DNN_TORCH, CROP CONVOLUTION) += $(call DNN_BOTH, sharpen)
fate-dnn-own-sharpen:             FILTER = convolution=0|-1|0|-1|5|-1|0|-1|0,crop=iw-2:ih-2:1:1
fate-dnn-torch-sharpen:           FILTER = $(call NET, sharpen)
$(call DNN_BOTH, sharpen):        SOURCE = testsrc2=s=64x48:r=5:d=2,format=gray

# However a network is prepared and in whatever precision it runs: black and
# white are exact in all of them.
DNN_OPTIONS = optimize=none optimize=freeze optimize=inference memory_format=contiguous \
              memory_format=channels_last optimize=auto:memory_format=auto precision=bf16
DNN_BLACK_WHITE = $(SOURCE),lutrgb=r=gte(val\,128)*255:g=gte(val\,128)*255:b=gte(val\,128)*255
FATE_DNN-$(call DNN_TORCH, CROP LUTRGB PAD) += $(call DNN_BOTH, options)
fate-dnn-own-options:             CMD    = framecrc $(foreach O,$(DNN_OPTIONS),-lavfi "$(DNN_BLACK_WHITE),crop=iw-1:ih:0:0,pad=iw+1:ih:1:0")
fate-dnn-torch-options:           CMD    = framecrc $(foreach O,$(DNN_OPTIONS),-lavfi "$(DNN_BLACK_WHITE),$(call NET, conv3, $(O))")

# where activations can be computed within convolutions, they are by default
FATE_DNN-$(call DNN_TORCH, DRAWBOX CROP SETSAR) += $(call DNN_BOTH, activations)
fate-dnn-own-activations:         CMD    = framecrc $(foreach O,1 2,-lavfi "$(SOURCE),crop=64:24:0:0,drawbox=c=white:t=fill")
fate-dnn-torch-activations:       CMD    = framecrc $(foreach O,precision=fp32 precision=bf16,-lavfi "$(SOURCE),$(call NET, activations, $(O)),setsar=1")

# NaN is black, infinities are white and black
FATE_DNN-$(call DNN_TORCH, DRAWBOX) += $(call DNN_BOTH, special)
fate-dnn-own-special:             FILTER = drawbox=w=3:h=ih:c=black:t=fill,drawbox=x=1:w=1:h=ih:c=white:t=fill
fate-dnn-torch-special:           FILTER = $(call NET, special)

# A model that decides by the content how far it moves the picture, run with
# every sort of scheduling: the first pixel is the number of the frame times 4.
DNN_ROLLS = roll roll-sync roll-sync-nireq2 roll-nireq1 roll-nireq2 roll-nireq8 \
            roll-batch3 roll-sync-batch3 roll-workers3
FATE_DNN-$(call DNN_TORCH, SCALE GEQ SCROLL) += fate-dnn-own-roll $(DNN_ROLLS:%=fate-dnn-torch-%)
fate-dnn-own-roll \
$(DNN_ROLLS:%=fate-dnn-torch-%):  SOURCE = testsrc2=s=64x48:r=5:d=4,format=gbrp,geq=r=if(X+Y\,r(X\,Y)\,4*N):g=g(X\,Y):b=b(X\,Y)
$(DNN_ROLLS:%=fate-dnn-torch-%):  REF    = $(DNN_REF)-roll
fate-dnn-own-roll:                FILTER = scroll=h=1/16,scale,format=rgb24
fate-dnn-torch-roll:              FILTER = scale,format=rgb24,$(call NET, roll)
fate-dnn-torch-roll-sync:         FILTER = scale,format=rgb24,$(call NET, roll, async=0)
fate-dnn-torch-roll-sync-nireq2:  FILTER = scale,format=rgb24,$(call NET, roll, async=0:nireq=2)
fate-dnn-torch-roll-nireq1:       FILTER = scale,format=rgb24,$(call NET, roll, async=1:nireq=1)
fate-dnn-torch-roll-nireq2:       FILTER = scale,format=rgb24,$(call NET, roll, async=1:nireq=2)
fate-dnn-torch-roll-nireq8:       FILTER = scale,format=rgb24,$(call NET, roll, async=1:nireq=8)
fate-dnn-torch-roll-batch3:       FILTER = scale,format=rgb24,$(call NET, roll, batch_size=3:workers=2)
fate-dnn-torch-roll-sync-batch3:  FILTER = scale,format=rgb24,$(call NET, roll, async=0:batch_size=3)
fate-dnn-torch-roll-workers3:     FILTER = scale,format=rgb24,$(call NET, roll, nireq=8:workers=3)

# Every pixel format, with an odd size, lines that are longer than the picture
# and data that starts in the middle of one. A run has all formats, a stream
# for each, for a start of ffmpeg costs more than the frames.
DNN_ODD     = testsrc2=s=67x43:r=5:d=$(or $(2),2),format=$(1),crop=33:17:25:21
DNN_RGB     = rgb24 bgr24 rgba bgra argb abgr rgb48 bgr48 gbrp gbrp9 gbrp10 gbrp12 gbrp14 gbrp16 \
              gbrap gbrap10 gbrap12 gbrap16
DNN_LUMA    = gray gray9 gray10 gray12 gray14 gray16 yuv410p yuv411p yuv440p yuv440p10 yuv440p12 \
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

FATE_DNN-$(call DNN_TORCH, CROP NEGATE SCALE) += $(call DNN_BOTH, formats)
fate-dnn-own-formats:             CMD    = framecrc \
    $(foreach F,$(DNN_RGB),-lavfi "$(call DNN_ODD,$(F),1),negate=components=r+g+b") \
    $(foreach F,$(DNN_LUMA),-lavfi "$(call DNN_ODD,$(F),1),negate=components=y") \
    $(foreach F,$(DNN_OTHER),-lavfi "$(call DNN_ODD,$(call DNN_SECOND,$(F)),1),negate=components=y,$(call DNN_SHUFFLE,$(call DNN_FIRST,$(F)))") \
    -lavfi "$(call DNN_ODD,rgb48,1),negate,$(call DNN_SHUFFLE,rgba64)" -lavfi "$(call DNN_ODD,bgr48,1),negate,$(call DNN_SHUFFLE,bgra64)" \
    -lavfi "$(call DNN_ODD,gray),negate"
fate-dnn-torch-formats:           CMD    = framecrc \
    $(foreach F,$(DNN_RGB) $(DNN_LUMA),-lavfi "$(call DNN_ODD,$(F),1),$(call NET, negate)") \
    $(foreach F,$(DNN_OTHER),-lavfi "$(call DNN_ODD,$(call DNN_SECOND,$(F)),1),$(call DNN_SHUFFLE,$(call DNN_FIRST,$(F))),$(call NET, negate)") \
    -lavfi "$(call DNN_ODD,rgb48,1),$(call DNN_SHUFFLE,rgba64),$(call NET, negate)" -lavfi "$(call DNN_ODD,bgr48,1),$(call DNN_SHUFFLE,bgra64),$(call NET, negate)" \
    -lavfi "$(call DNN_ODD,gray),$(DNN_FLOAT)"

# What the network gets, and what its output means.
#
# color, layout, the range of values
FATE_DNN-$(call DNN_TORCH, LUTRGB LUTYUV NEGATE) += $(call DNN_BOTH, options-in)
fate-dnn-own-options-in:          CMD    = framecrc \
    -lavfi "$(SOURCE),lutrgb=r=0:g=0" -lavfi "$(DNN_BGR),lutrgb=r=0:g=0" -lavfi "$(SOURCE),lutrgb=g=0:b=0" \
    -lavfi "$(call DNN_ODD,yuv444p),lutyuv=u=0:v=0" -lavfi "$(call DNN_ODD,yuv444p),negate=components=y" \
    -lavfi "$(SOURCE),negate=components=r+g+b" -lavfi "$(SOURCE),null" \
    -lavfi "$(SOURCE),lutrgb=r=clip(val-10\,0\,255):g=clip(val-20\,0\,255):b=clip(val-30\,0\,255)" \
    -lavfi "$(SOURCE),lutrgb=r=clip(2*val-255\,0\,255):g=clip(2*val-255\,0\,255):b=clip(2*val-255\,0\,255)"
fate-dnn-torch-options-in:        CMD    = framecrc \
    -lavfi "$(SOURCE),$(call NET, first, color=bgr)" -lavfi "$(DNN_BGR),$(call NET, first, color=bgr)" \
    -lavfi "$(SOURCE),$(call NET, nhwc, layout=nhwc)" \
    -lavfi "$(call DNN_ODD,yuv444p),$(call NET, first, color=yuv)" -lavfi "$(call DNN_ODD,yuv444p),$(call NET, negate, color=gray)" \
    -lavfi "$(SOURCE),$(call NET, white255, scale=1)" -lavfi "$(SOURCE),$(call NET, range, scale=127.5:mean=127.5:range=signed)" \
    -lavfi "$(SOURCE),$(call NET, identity, scale=1|1|1:mean=10|20|30:range=byte)" \
    -lavfi "$(SOURCE),$(call NET, identity, scale=127.5:mean=127.5:range=unit)"

# frames are converted to a format that the network takes
FATE_DNN-$(call DNN_TORCH, CROP PAD SCALE) += $(call DNN_BOTH, negotiate)
$(call DNN_BOTH, negotiate):      CMD    = framecrc -auto_conversion_filters $(DNN_GRAPH)
$(call DNN_BOTH, negotiate):      SOURCE = testsrc2=s=64x48:r=5:d=2,format=gray
fate-dnn-own-negotiate:           FILTER = format=rgb24,crop=iw-1:ih:0:0,pad=iw+1:ih:1:0
fate-dnn-torch-negotiate:         FILTER = $(call NET, conv3),format=rgb24

# sizes that the network cannot take as they are, and parts of a frame: what
# moves in from the right and from below is black at the edge of the frame only
FATE_DNN-$(call DNN_TORCH, SCALE CROP PAD) += $(call DNN_BOTH, parts)
DNN_MOVE = crop=iw-1:ih-2:1:2,pad=iw+1:ih+2:0:0
fate-dnn-own-parts:               CMD    = framecrc \
    -lavfi "$(call DNN_ODD,rgb24),$(DNN_UP2)" -lavfi "$(call DNN_ODD,gray10),$(DNN_UP2)" \
    $(foreach N,1 2 3 4,-lavfi "$(call DNN_PARTS),$(DNN_MOVE),$(DNN_UP2)") \
    -lavfi "$(call DNN_ODD,yuv444p),$(DNN_UP2)"
fate-dnn-torch-parts:             CMD    = framecrc \
    -lavfi "$(call DNN_ODD,rgb24),$(call NET, multiple8, pad=8)" -lavfi "$(call DNN_ODD,gray10),$(call NET, multiple8, pad=16)" \
    -lavfi "$(call DNN_PARTS),$(call NET, tile16, tile=16x16:overlap=2)" \
    -lavfi "$(call DNN_PARTS),$(call NET, tile16, tile=16x16:overlap=5:async=0)" \
    -lavfi "$(call DNN_PARTS),$(call NET, tile16, tile=16x16:overlap=4:pad=4:batch_size=3)" \
    -lavfi "$(call DNN_PARTS),$(call NET, tile16, tile=16x16:overlap=3:memory_format=channels_last)" \
    -lavfi "$(call DNN_ODD,yuv444p),$(call NET, up2, tile=16x8:overlap=0:color=yuv)"
DNN_PARTS = testsrc2=s=80x64:r=5:d=2,format=rgb24,crop=44:28:25:21

# Networks that look at several frames: the first and the last are repeated.
FATE_DNN-$(call DNN_TORCH, LOOP REVERSE TRIM SETPTS) += $(call DNN_BOTH, windows)
DNN_BEFORE = loop=loop=1:size=1,trim=end_frame=10,setpts=N
DNN_AFTER  = trim=start_frame=1,reverse,loop=loop=1:size=1,trim=end_frame=10,reverse,setpts=N
fate-dnn-own-windows:             CMD    = framecrc \
    $(foreach O,1 2 3,-lavfi "$(SOURCE),$(DNN_BEFORE)" -lavfi "$(SOURCE),$(DNN_AFTER)") \
    -lavfi "$(SOURCE),setpts=N" -lavfi "$(SOURCE),trim=end_frame=1,setpts=N" -lavfi "$(call DNN_ODD,gray),$(DNN_BEFORE)"
fate-dnn-torch-windows:           CMD    = framecrc \
    $(foreach O,async=0 workers=3:nireq=8 batch_size=4:workers=2,\
        -lavfi "$(SOURCE),$(call NET, first_of_three, frames=3:$(O)),setpts=N" \
        -lavfi "$(SOURCE),$(call NET, last_of_three, frames=3:$(O)),setpts=N") \
    -lavfi "$(SOURCE),$(call NET, middle_of_three, frames=3:stack=time),setpts=N" \
    -lavfi "$(SOURCE),trim=end_frame=1,$(call NET, middle_of_three, frames=3:stack=time),setpts=N" \
    -lavfi "$(call DNN_ODD,gray),$(call NET, first_of_three, frames=3),setpts=N"

# what a frame took, in its metadata
FATE_DNN-$(call DNN_TORCH, NULL METADATA) += $(call DNN_BOTH, latency)
fate-dnn-own-latency:             FILTER = null
fate-dnn-torch-latency:           FILTER = $(call NET, identity, latency=1),metadata=select:key=lavfi.dnn.latency:function=expr:expr=gt(VALUE1\,0)*lt(VALUE1\,600)

# Another size out than in. The chroma planes are the filter's to scale, which
# it does without bitexact flags: uniform planes are the same on every CPU, and
# still show a plane that was forgotten, exchanged or of the wrong size.
DNN_UP2    = scale=2*iw:2*ih:flags=neighbor+accurate_rnd+bitexact
DNN_CHROMA = lutyuv=u=70:v=200
FATE_DNN-$(call DNN_TORCH, CROP SCALE LUTYUV) += $(call DNN_BOTH, up2-formats)
fate-dnn-own-up2-formats:         CMD    = framecrc \
    $(foreach F,rgb24 gray,-lavfi "$(call DNN_ODD,$(F)),$(DNN_UP2)") \
    $(foreach F,yuv420p yuv444p,-lavfi "$(call DNN_ODD,$(F)),$(DNN_CHROMA),$(DNN_UP2)") \
    -lavfi "$(call DNN_ODD,yuv420p),$(DNN_CHROMA),$(DNN_UP2),scale,format=nv12"
fate-dnn-torch-up2-formats:       CMD    = framecrc \
    $(foreach F,rgb24 gray,-lavfi "$(call DNN_ODD,$(F)),$(call NET, up2)") \
    $(foreach F,yuv420p yuv444p,-lavfi "$(call DNN_ODD,$(F)),$(DNN_CHROMA),$(call NET, up2)") \
    -lavfi "$(call DNN_ODD,yuv420p),$(DNN_CHROMA),scale,format=nv12,$(call NET, up2)"

# lines that run upwards
FATE_DNN-$(call DNN_TORCH, CROP HFLIP VFLIP) += $(call DNN_BOTH, upwards)
$(call DNN_BOTH, upwards):        SOURCE = $(call DNN_ODD,rgb24),vflip
fate-dnn-own-upwards:             FILTER = hflip
fate-dnn-torch-upwards:           FILTER = $(call NET, hflip)

# the input is left as it was for whoever else has it
FATE_DNN-$(call DNN_TORCH, NEGATE SPLIT HSTACK) += $(call DNN_BOTH, shared)
fate-dnn-own-shared:              FILTER = split[a][b];[a]negate[c];[b][c]hstack
fate-dnn-torch-shared:            FILTER = split[a][b];[a]$(call NET, negate)[c];[b][c]hstack

# more than one network at a time, after and beside each other
FATE_DNN-$(call DNN_TORCH, HFLIP VFLIP SPLIT HSTACK) += $(call DNN_BOTH, many)
fate-dnn-own-many:                FILTER = split[a][b];[a]hflip,vflip[c];[b]vflip[d];[c][d]hstack
fate-dnn-torch-many:              FILTER = split[a][b];[a]$(call NET, hflip),$(call NET, vflip, async=0)[c];[b]$(call NET, vflip, nireq=8)[d];[c][d]hstack

# Frames and their time.

FATE_DNN-$(call DNN_TORCH, NULL SELECT SETPTS) += $(call DNN_BOTH, gaps) fate-dnn-torch-gaps-sync
$(call DNN_BOTH, gaps) \
fate-dnn-torch-gaps-sync:         SOURCE = testsrc2=s=64x48:r=5:d=4,format=rgb24,select=not(eq(mod(n\,3)\,1)),setpts=PTS+N*N+if(gt(N\,6)\,1000)
fate-dnn-own-gaps:                FILTER = null
fate-dnn-torch-gaps:              FILTER = $(call NET, identity, nireq=4)
fate-dnn-torch-gaps-sync:         FILTER = $(call NET, identity, async=0)
fate-dnn-torch-gaps-sync:         REF    = $(DNN_REF)-gaps

# what belongs to a frame stays with it
FATE_DNN-$(call DNN_TORCH, NULL SIGNALSTATS METADATA, NULL_MUXER WRAPPED_AVFRAME_ENCODER) += $(call DNN_BOTH, metadata)
$(call DNN_BOTH, metadata):       CMD    = ffmpeg $(DNN_GRAPH) -f null -
$(call DNN_BOTH, metadata):       SOURCE = testsrc2=s=64x48:r=5:d=2,format=yuv420p,signalstats
fate-dnn-own-metadata:            FILTER = null
fate-dnn-torch-metadata:          FILTER = $(call NET, slow, nireq=4)
$(call DNN_BOTH, metadata):       SINK   = metadata=print:key=lavfi.signalstats.YAVG:file=-

# fewer frames than requests, and none
FATE_DNN-$(call DNN_TORCH, NULL TRIM) += $(call DNN_BOTH, few one none) fate-dnn-torch-none-sync
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

# to stop early, at each of the first ten frames, with work in flight
FATE_DNN-$(call DNN_TORCH, NULL) += $(call DNN_BOTH, stop)
fate-dnn-own-stop:                CMD    = $(DNN_SH) cut_short 10 framecrc $(DNN_GRAPH)
fate-dnn-torch-stop:              CMD    = $(DNN_SH) stop_early 10 framecrc $(DNN_GRAPH)
$(call DNN_BOTH, stop):           SOURCE = testsrc2=s=64x48:r=5:d=4,format=rgb24
fate-dnn-own-stop:                FILTER = null
fate-dnn-torch-stop:              FILTER = $(call NET, slow, nireq=4)

# to start and end in any state, in two threads at a time
FATE_DNN-$(call DNN_TORCH, DNN_DETECT DNN_CLASSIFY) += fate-dnn-torch-lives
fate-dnn-torch-lives: $(DNN_LIVES)
fate-dnn-torch-lives:             CMD    = run $(DNN_LIVES) $(TARGET_PATH)/tests/data/dnn 60
fate-dnn-torch-lives:             REF    = $(DNN_REF)-lives

# to fail in any way
FATE_DNN-$(call DNN_TORCH) += fate-dnn-torch-faults
fate-dnn-torch-faults: $(DNN_FAULTS)
fate-dnn-torch-faults:            CMD    = run $(DNN_FAULTS) $(TARGET_PATH)/tests/data/dnn/faulty.pt 97

# Another size in mid-stream, whereupon ffmpeg makes a new graph. It drops what
# the filters of the old one still hold, hence sync.
DNN_RESIZE = testsrc2=s=64x48:r=5:d=2,format=rgb24,scale=w=if(lte(n\,5)\,64\,33):h=if(lte(n\,5)\,48\,57):eval=frame:flags=neighbor+accurate_rnd+bitexact
FATE_DNN-$(call DNN_TORCH, SCALE NEGATE, LAVFI_INDEV WRAPPED_AVFRAME_DECODER) += $(call DNN_BOTH, resize)
$(call DNN_BOTH, resize):         CMD    = framecrc -f lavfi -i "$(DNN_RESIZE)" -vf "$(FILTER)" -noautoscale
fate-dnn-own-resize:              FILTER = negate
fate-dnn-torch-resize:            FILTER = $(call NET, negate, async=0)

# the same within a graph: the filter takes the new size itself
FATE_DNN-$(call DNN_TORCH, SCALE NEGATE) += $(call DNN_BOTH, resize-graph) fate-dnn-torch-resize-graph-window
$(call DNN_BOTH, resize-graph) \
fate-dnn-torch-resize-graph-window: SOURCE = $(DNN_RESIZE)
$(call DNN_BOTH, resize-graph) \
fate-dnn-torch-resize-graph-window: SINK = scale=48:48:flags=neighbor+accurate_rnd+bitexact
fate-dnn-own-resize-graph:        FILTER = null
fate-dnn-torch-resize-graph:      FILTER = $(call NET, identity, nireq=4:batch_size=4)
fate-dnn-torch-resize-graph-window: FILTER = $(call NET, middle_of_three, frames=3:stack=time)
fate-dnn-torch-resize-graph-window: REF  = $(DNN_REF)-resize-graph

# What fails: ffmpeg ends with an error and says why, after the frames before it.
FAIL_CMD = $(DNN_SH) expect_fail "$(REASON)" framecrc $(DNN_GRAPH)

FATE_DNN-$(call DNN_TORCH, DRAWBOX) += $(addprefix fate-dnn-torch-fail6-, sync async nireq8 batch4)
fate-dnn-torch-fail6-%:           CMD    = $(FAIL_CMD)
fate-dnn-torch-fail6-%:           REF    = $(DNN_REF)-fail6
fate-dnn-torch-fail6-%:           REASON = a white pixel in the corner
fate-dnn-torch-fail6-%:           SOURCE = testsrc2=s=64x48:r=5:d=2,format=rgb24,drawbox=w=1:h=1:t=fill:c=black,drawbox=w=1:h=1:t=fill:c=white:enable=eq(n\,5)
fate-dnn-torch-fail6-sync:        FILTER = $(call NET, fail_white, async=0)
fate-dnn-torch-fail6-async:       FILTER = $(call NET, fail_white, async=1)
fate-dnn-torch-fail6-nireq8:      FILTER = $(call NET, fail_white, nireq=8)
fate-dnn-torch-fail6-batch4:      FILTER = $(call NET, fail_white, batch_size=4:workers=2)
# the same when it is the size of the output that is not as before
fate-dnn-torch-fail6-size:        FILTER = $(call NET, growing, nireq=4)
fate-dnn-torch-fail6-size:        REASON = 128x48
FATE_DNN-$(call DNN_TORCH, DRAWBOX) += fate-dnn-torch-fail6-size
# and with a filter behind it that synchronizes its inputs
FATE_DNN-$(call DNN_TORCH, DRAWBOX SCALE) += fate-dnn-torch-fail6-scale
fate-dnn-torch-fail6-scale:       FILTER = $(call NET, fail_white, nireq=4)
fate-dnn-torch-fail6-scale:       SINK   = scale=64:48
# of an input that another one goes on without: all of its frames, and a line at once
FATE_DNN-$(call DNN_TORCH, DRAWBOX BLEND SCALE) += fate-dnn-torch-fail6-input
fate-dnn-torch-fail6-input:       CMD    = $(DNN_SH) expect_fail "$(REASON)" framecrc -auto_conversion_filters -lavfi "testsrc2=s=64x48:r=5:d=2,format=rgb24[a];$(SOURCE),$(call NET, fail_white)[b];[a][b]blend=all_mode=average" -fps_mode passthrough
fate-dnn-torch-fail6-input:       REASON = input 1 (bottom) ended with an error: Generic error
fate-dnn-torch-fail6-input:       REF    = $(DNN_REF)-fail6-input
# and when there is no memory for it; the sanitizers take more than that for themselves
ifeq (,$(findstring sanitize,$(LDFLAGS)))
FATE_DNN-$(call DNN_TORCH, DRAWBOX) += fate-dnn-torch-fail6-limit
endif
fate-dnn-torch-fail6-limit:       CMD    = $(DNN_SH) expect_fail "$(REASON)" limited 8000000 framecrc $(DNN_GRAPH)
fate-dnn-torch-fail6-limit:       FILTER = $(call NET, hungry, nireq=4)
fate-dnn-torch-fail6-limit:       REASON = memory

# a device has no more memory, for whatever batch
fate-dnn-torch-fail6-memory:      FILTER = $(call NET, memory_white, batch_size=4:workers=2)
fate-dnn-torch-fail6-memory:      REASON = frame 6 (pts 5) failed: .*CUDA out of memory
FATE_DNN-$(call DNN_TORCH, DRAWBOX) += fate-dnn-torch-fail6-memory

# or just not for batches of eight, nor of four: they are halved
FATE_DNN-$(call DNN_TORCH, NULL) += $(call DNN_BOTH, memory)
fate-dnn-own-memory:              FILTER = null
fate-dnn-torch-memory:            FILTER = $(call NET, memory, batch_size=8)
$(call DNN_BOTH, memory):         REF    = $(DNN_REF)-identity

# or not while other workers run theirs
FATE_DNN-$(call DNN_TORCH, NULL) += $(call DNN_BOTH, memory-again)
fate-dnn-own-memory-again:        FILTER = null
fate-dnn-torch-memory-again:      FILTER = $(call NET, memory_again)
$(call DNN_BOTH, memory-again):   REF    = $(DNN_REF)-identity

# nothing comes out of these
FAIL_TESTS = missing directory junk nothing loop truncated archive checkpoint state-dict pickle special \
             exported package device device-index device-two name configs threads nireq always size \
             channels-in pad tile tile-pad scale mean channels-out rank2 rank5 empty batch2 int tuple \
             list none number two-inputs no-forward
FATE_DNN-$(call DNN_TORCH) += $(FAIL_TESTS:%=fate-dnn-torch-fail-%)
fate-dnn-torch-fail-%:            CMD    = $(FAIL_CMD)
fate-dnn-torch-fail-%:            REF    = $(DNN_REF)-fail

fate-dnn-torch-fail-missing:      FILTER = $(call NET, there_is_none)
fate-dnn-torch-fail-missing:      REASON = there_is_none.pt: no such file
fate-dnn-torch-fail-directory:    FILTER = dnn_processing=dnn_backend=torch:model=$(TARGET_PATH)/tests/data/dnn
fate-dnn-torch-fail-directory:    REASON = data/dnn: it is a directory
fate-dnn-torch-fail-junk:         FILTER = $(call NET, junk)
fate-dnn-torch-fail-junk:         REASON = junk.pt: .
fate-dnn-torch-fail-nothing:      FILTER = $(call NET, nothing)
fate-dnn-torch-fail-nothing:      REASON = nothing.pt: .
fate-dnn-torch-fail-loop:         FILTER = $(call NET, loop)
fate-dnn-torch-fail-loop:         REASON = loop.pt: .*symbolic links
fate-dnn-torch-fail-truncated:    FILTER = $(call NET, truncated)
fate-dnn-torch-fail-truncated:    REASON = truncated.pt: LibTorch .* cannot read this zip archive.*: .*central directory
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
fate-dnn-torch-fail-device:       FILTER = $(call NET, identity, device=nosuch)
fate-dnn-torch-fail-device:       REASON = nosuch
fate-dnn-torch-fail-always:       FILTER = $(call NET, fail)
fate-dnn-torch-fail-always:       REASON = this model always fails
fate-dnn-torch-fail-size:         FILTER = $(call NET, fixed)
fate-dnn-torch-fail-size:         SOURCE = testsrc2=s=32x48:r=5:d=2,format=rgb24
fate-dnn-torch-fail-size:         REASON = 32x48.*only 64x48 will do
fate-dnn-torch-fail-channels-in:  FILTER = $(call NET, conv1, color=rgb)
fate-dnn-torch-fail-channels-in:  REASON = conv1.pt: the network takes 1 channel, .* 3: add format=gray before it or choose color=y
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
fate-dnn-torch-fail-tuple:        FILTER = $(call NET, tuple)
fate-dnn-torch-fail-tuple:        REASON = returned 2 tensors instead of one
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

# Detection. Filled boxes in the primary colours are drawn where they are to be
# found, see tests/dnn/torch_models.cpp: none, red, green, all, the last two, all.
DNN_BOXES  = color=black:s=64x32:r=5:d=1.2,format=rgb24,$(call DNN_BOX,8:4:20:12:red:t=fill,40:10:17:9:0x00cc00:t=fill,5:20:24:11:0x000099:t=fill)
# the same four times as high and twice as wide, not by as much exactly
DNN_BOXES4 = color=black:s=128x128:r=5:d=1.2,format=rgb24,$(call DNN_BOX,16:16:40:48:red:t=fill,80:40:34:36:0x00cc00:t=fill,10:80:48:44:0x000099:t=fill)
DNN_COMMA := ,
# $(call DNN_BOX, red box, green box, blue box)
DNN_BOX    = drawbox=$(1):enable=mod(n\,2)$(DNN_COMMA)drawbox=$(2):enable=gte(n\,2)$(DNN_COMMA)drawbox=$(3):enable=gte(n\,3)
# $(call DETECT, model[, options]), $(call CLASSIFY, model[, options])
DNN_LABELS = labels=$(TARGET_PATH)/tests/data/dnn/labels.txt
DETECT     = $(subst dnn_processing=,dnn_detect=$(DNN_LABELS):,$(NET))
CLASSIFY   = $(subst dnn_processing=,dnn_classify=$(DNN_LABELS):input_size=16x16:,$(NET))
# $(call DNN_DETECT, other filters, other components), $(call DNN_CLASSIFY, ...)
DNN_DETECT   = $(call DNN_TORCH, DNN_DETECT COLOR DRAWBOX $(1), $(2))
DNN_CLASSIFY = $(call DNN_DETECT, DNN_CLASSIFY SHOWINFO $(1), NULL_MUXER WRAPPED_AVFRAME_ENCODER $(2))

# all sorts of output, the boxes drawn by what was found and by what is known
DNN_HEADS = ssd.pt ssd_tuple.pt ssd_list.pt ssd_dict.pt \
            yolo.pt:model_type=yolo:nb_classes=3:anchors=1&1:cell_w=8:cell_h=4 \
            yolov3.pt:model_type=yolov3:nb_classes=3:anchors=8&8&16&16 yolov4.pt:model_type=yolov4:nb_classes=3:anchors=8&8 \
            yolov5.pt:model_type=yolov5 yolov8.pt:model_type=yolov8 yolov8_rows.pt:model_type=yolov8 \
            yolov8_nested.pt:model_type=yolov8:nb_classes=3 yolov10.pt:model_type=yolov10
FATE_DNN-$(call DNN_DETECT) += $(call DNN_BOTH, detect)
fate-dnn-own-detect:              CMD    = framecrc $(foreach H,$(DNN_HEADS),-lavfi "$(DNN_BOXES),$(call DNN_BOX,8:4:20:12:white:t=1,40:10:17:9:white:t=1,5:20:24:11:white:t=1)")
fate-dnn-torch-detect:            CMD    = framecrc $(foreach H,$(DNN_HEADS),-lavfi "$(DNN_BOXES),dnn_detect=dnn_backend=torch:model=$(TARGET_PATH)/tests/data/dnn/$(H),drawbox=box_source=side_data_detection_bboxes:c=white:t=1")

# their labels and scores, with every sort of scheduling
FATE_DNN_SHOW = detect-ssd detect-positional detect-tuple detect-list detect-dict detect-yolov5 detect-yolov8 detect-sync detect-sync-batch4 \
                detect-nireq1 detect-workers3 detect-batch4 detect-batch16 detect-alone
FATE_DNN-$(call DNN_DETECT, SHOWINFO, NULL_MUXER WRAPPED_AVFRAME_ENCODER) += $(FATE_DNN_SHOW:%=fate-dnn-torch-%)
fate-dnn-torch-detect-% \
fate-dnn-torch-classify-%:        CMD    = $(DNN_SH) show_boxes ffmpeg $(DNN_GRAPH) -f null -
fate-dnn-torch-detect-% \
fate-dnn-torch-classify-%:        SOURCE = $(DNN_BOXES)
fate-dnn-torch-detect-% \
fate-dnn-torch-classify-%:        SINK   = showinfo
$(FATE_DNN_SHOW:%=fate-dnn-torch-%): REF = $(DNN_REF)-detect-boxes
fate-dnn-torch-detect-ssd:          FILTER = $(call DETECT, ssd)
# the order of the options is that of released versions
fate-dnn-torch-detect-positional:   FILTER = dnn_detect=torch:0.5:$(TARGET_PATH)/tests/data/dnn/labels.txt:ssd:0:0:0:1:model=$(TARGET_PATH)/tests/data/dnn/ssd.pt
fate-dnn-torch-detect-tuple:        FILTER = $(call DETECT, ssd_tuple)
fate-dnn-torch-detect-list:         FILTER = $(call DETECT, ssd_list)
fate-dnn-torch-detect-dict:         FILTER = $(call DETECT, ssd_dict)
fate-dnn-torch-detect-yolov5:       FILTER = $(call DETECT, yolov5, model_type=yolov5)
fate-dnn-torch-detect-yolov8:       FILTER = $(call DETECT, yolov8, model_type=yolov8)
fate-dnn-torch-detect-sync:         FILTER = $(call DETECT, ssd, async=0)
fate-dnn-torch-detect-sync-batch4:  FILTER = $(call DETECT, ssd_tuple, async=0:batch_size=4)
fate-dnn-torch-detect-nireq1:       FILTER = $(call DETECT, ssd, nireq=1:workers=1)
fate-dnn-torch-detect-workers3:     FILTER = $(call DETECT, yolov8, nireq=8:workers=3:model_type=yolov8)
fate-dnn-torch-detect-batch4:       FILTER = $(call DETECT, ssd_tuple, batch_size=4:workers=2)
fate-dnn-torch-detect-batch16:      FILTER = $(call DETECT, yolov8, batch_size=16:model_type=yolov8)
# a network that takes no batches gets one frame after the other
fate-dnn-torch-detect-alone:        FILTER = $(call DETECT, batch_only, batch_size=4)

# other frames than the network takes
DNN_SCALED_FORMATS = yuv420p nv12 yuva444p10 p010 gbrap12 rgba64 argb gbrpf32
FATE_DNN_SCALED = detect-scaled detect-scaled-tuple detect-scaled-yolov8 $(DNN_SCALED_FORMATS:%=detect-scaled-%)
FATE_DNN-$(call DNN_DETECT, SHOWINFO SCALE, NULL_MUXER WRAPPED_AVFRAME_ENCODER) += $(FATE_DNN_SCALED:%=fate-dnn-torch-%)
$(FATE_DNN_SCALED:%=fate-dnn-torch-%): REF = $(DNN_REF)-detect-scaled
$(FATE_DNN_SCALED:%=fate-dnn-torch-%): SOURCE = $(DNN_BOXES4)
fate-dnn-torch-detect-scaled:         FILTER = $(call DETECT, ssd, input_size=64x32)
fate-dnn-torch-detect-scaled-tuple:   FILTER = $(call DETECT, ssd_tuple, input_size=64x32:batch_size=4)
fate-dnn-torch-detect-scaled-yolov8:  FILTER = $(call DETECT, yolov8, input_size=64x32:model_type=yolov8)
$(DNN_SCALED_FORMATS:%=fate-dnn-torch-detect-scaled-%): \
    FILTER = scale,format=$(@:fate-dnn-torch-detect-scaled-%=%),$(call DETECT, ssd, input_size=64x32)

# a network for gray; several outputs and overlaps; scores before the sigmoid;
# thresholds; boxes that leave the frame; nothing to be found; odd labels
FATE_DNN-$(call DNN_DETECT, SHOWINFO SCALE, NULL_MUXER WRAPPED_AVFRAME_ENCODER) += $(addprefix fate-dnn-torch-detect-, \
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

FATE_DNN-$(call DNN_DETECT, NULL) += $(call DNN_BOTH, detect-stop)
fate-dnn-own-detect-stop:         CMD    = $(DNN_SH) cut_short 6 framecrc $(DNN_GRAPH)
fate-dnn-torch-detect-stop:       CMD    = $(DNN_SH) stop_early 6 framecrc $(DNN_GRAPH)
$(call DNN_BOTH, detect-stop):    SOURCE = $(DNN_BOXES)
$(call DNN_BOTH, detect-stop):    SINK   =
$(call DNN_BOTH, detect-stop):    REF    = $(DNN_REF)-detect-stop
fate-dnn-own-detect-stop:         FILTER = null
fate-dnn-torch-detect-stop:       FILTER = $(call DETECT, ssd, nireq=4)

# Classification of the boxes.
FATE_DNN_CLASSES = classify-boxes classify-map classify-sync classify-batch2 classify-batch8
FATE_DNN-$(call DNN_CLASSIFY) += $(FATE_DNN_CLASSES:%=fate-dnn-torch-%)
$(FATE_DNN_CLASSES:%=fate-dnn-torch-%): REF = $(DNN_REF)-classify-boxes
fate-dnn-torch-classify-boxes:      FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour)
fate-dnn-torch-classify-map:        FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour_map, batch_size=3)
fate-dnn-torch-classify-sync:       FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour, async=0)
fate-dnn-torch-classify-batch2:     FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour, batch_size=2:workers=3)
fate-dnn-torch-classify-batch8:     FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour, batch_size=8:workers=2)

# how many boxes were in a batch: of all frames, of one sort, and when the
# frames after them have none; a box that leaves the frame; a threshold; and
# frames that share their boxes with others, which are not classified
FATE_DNN-$(call DNN_CLASSIFY, SPLIT SCALE BLEND) += $(addprefix fate-dnn-torch-classify-, count target rare outside threshold shared timeout)
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
FATE_DNN-$(call DNN_DETECT) += $(addprefix fate-dnn-torch-detectfail-, async sync batch)
FATE_DNN-$(call DNN_DETECT, DNN_CLASSIFY) += $(addprefix fate-dnn-torch-detectfail-, classify classify-batch)
fate-dnn-torch-detectfail-%:      CMD    = $(FAIL_CMD)
fate-dnn-torch-detectfail-%:      REF    = $(DNN_REF)-detectfail
fate-dnn-torch-detectfail-%:      SOURCE = $(DNN_BOXES)
fate-dnn-torch-detectfail-%:      REASON = frame 4 (pts 3) failed: .*something blue
fate-dnn-torch-detectfail-async:  FILTER = $(call DETECT, ssd_fail, nireq=8)
fate-dnn-torch-detectfail-sync:   FILTER = $(call DETECT, ssd_fail, async=0)
fate-dnn-torch-detectfail-batch:  FILTER = $(call DETECT, ssd_fail, batch_size=4:workers=2)
fate-dnn-torch-detectfail-classify:       FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour_fail)
fate-dnn-torch-detectfail-classify-batch: FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour_fail, batch_size=8:workers=2)

# outputs and options that do not go together
DNN_FAIL_DETECT = shape kind less rows classes anchors anchors-none trial size type type-none cells cells-none labels labels-none
FATE_DNN-$(call DNN_DETECT) += $(DNN_FAIL_DETECT:%=fate-dnn-torch-fail-detect-%)
FATE_DNN-$(call DNN_DETECT, DNN_CLASSIFY) += $(addprefix fate-dnn-torch-fail-classify-, size two trial picture)
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

FATE_DNN_TORCH = $(FATE_DNN-yes)
FATE_FFMPEG   += $(FATE_DNN_TORCH)

$(filter fate-dnn-torch-%,$(FATE_DNN_TORCH)): $(DNN_MODELS) $(DNN_TORCH_MODULE)
# a backend that is a module is the one built here, not the one installed
ifdef DNN_TORCH_MODULE
fate-dnn-torch-%: export FFMPEG_DNN_TORCH_MODULE = $(TARGET_PATH)/$(DNN_TORCH_MODULE)
endif

# Parts of the backends, without a filter around them.

# the threads
ifeq ($(HAVE_THREADS),yes)
FATE_DNN_PARTS-$(CONFIG_DNN) += fate-dnn-worker-pool
endif
fate-dnn-worker-pool: libavfilter/tests/dnn_worker_pool$(EXESUF)
fate-dnn-worker-pool: CMD = run libavfilter/tests/dnn_worker_pool$(EXESUF)
fate-dnn-worker-pool: CMP = null

# boxes of outputs
FATE_DNN_PARTS-$(CONFIG_DNN_DETECT_FILTER) += fate-dnn-detect
fate-dnn-detect: libavfilter/tests/dnn_detect$(EXESUF)
fate-dnn-detect: CMD = run libavfilter/tests/dnn_detect$(EXESUF)
fate-dnn-detect: CMP = null

# every format and every sort of tensor
TORCH_FRAMES      = tests/dnn/torch_frames$(EXESUF)
TORCH_FRAMES_OBJS = $(addprefix libavfilter/dnn/torch/, passthrough.o frame.o pixels.o)
tests/dnn/torch_frames.o: | tests/dnn
$(TORCH_FRAMES): %$(EXESUF): %.o $(TORCH_FRAMES_OBJS) $(FF_DEP_LIBS)
	$(call LINK,$(LDFLAGS) $(LDEXEFLAGS) $(LD_O) $(filter %.o,$^) $(EXTRALIBS-dnn_torch) $(FF_EXTRALIBS) $(ELIBS) -lstdc++)
FATE_DNN_PARTS-$(call ALLYES, DNN LIBTORCH) += fate-dnn-torch-frames
fate-dnn-torch-frames: $(TORCH_FRAMES)
fate-dnn-torch-frames:            CMD    = run $(TORCH_FRAMES)
fate-dnn-torch-frames:            CMP    = null

# the ways to other devices, done on the CPU
TORCH_IO       = tests/dnn/torch_io$(EXESUF)
TORCH_IO_OBJS  = $(addprefix libavfilter/dnn/torch/, passthrough.o cuda.o device.o frame.o allocator.o pixels.o \
                      io.o io_staged.o io_cuda.o) \
                    $(if $(CONFIG_LIBTORCH_CUDA), libavfilter/cuda/load_helper.o \
                      $(addprefix libavfilter/dnn/torch/cuda_, kernels.ptx.o launch.o))
tests/dnn/torch_io.o: | tests/dnn
$(TORCH_IO): %$(EXESUF): %.o $(TORCH_IO_OBJS) $(FF_DEP_LIBS)
	$(call LINK,$(LDFLAGS) $(LDEXEFLAGS) $(LD_O) $(filter %.o,$^) $(EXTRALIBS-dnn_torch) $(FF_EXTRALIBS) $(ELIBS) -lstdc++)
FATE_DNN_PARTS-$(call ALLYES, DNN LIBTORCH) += fate-dnn-torch-ports
fate-dnn-torch-ports: $(TORCH_IO)
fate-dnn-torch-ports:             CMD    = run $(TORCH_IO)
fate-dnn-torch-ports:             CMP    = null

FATE-$(CONFIG_AVFILTER) += $(FATE_DNN_PARTS-yes)

fate-dnn: $(if $(CONFIG_FFMPEG),$(FATE_DNN_TORCH)) $(FATE_DNN_PARTS-yes)
