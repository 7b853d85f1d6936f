# The DNN filters.
#
# What a network has to do to a picture is told by FFmpeg's own filters: a test
# called fate-dnn-own-NAME runs one of those, fate-dnn-torch-NAME a model that
# does the same, and both are held against one reference, tests/ref/fate/dnn-NAME.
# A network's result is never the measure of itself.

# The models are made at test time, see tests/dnn/torch_models.cpp.
TORCH_MODELS = tests/dnn/torch_models$(EXESUF)

OUTDIRS += tests/dnn tests/data/dnn

tests/dnn/torch_models.o: | tests/dnn
$(TORCH_MODELS): %$(EXESUF): %.o
	$(call LINK,$(LDFLAGS) $(LDEXEFLAGS) $(LD_O) $< $(EXTRALIBS-avfilter) $(EXTRALIBS-dnn_torch) $(EXTRALIBS) $(ELIBS) -lstdc++)

# This file stands for all models, and what is none.
DNN_MODELS = tests/data/dnn/models

$(DNN_MODELS): TAG = GEN
$(DNN_MODELS): $(TORCH_MODELS) | tests/data/dnn
	$(M)$(TARGET_EXEC) $(TARGET_PATH)/$< --all $(TARGET_PATH)/tests/data/dnn
	$(Q)echo "not a model" > tests/data/dnn/junk.pt
	$(Q)dd if=tests/data/dnn/conv3.pt of=tests/data/dnn/truncated.pt bs=500 count=1 2>/dev/null
	$(Q)printf 'red\ngreen\nblue\n' > tests/data/dnn/labels.txt
	$(Q)touch $@

-include $(wildcard tests/dnn/*.d)

testclean::
	$(RM) $(CLEANSUFFIXES:%=tests/dnn/%) $(TORCH_MODELS) $(TORCH_FRAMES) $(TORCH_IO)

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

# a network without parameters; one that ends in a view; another size
FATE_DNN-$(call DNN_TORCH, NULL) += fate-dnn-torch-identity-bare
fate-dnn-torch-identity-bare:     FILTER = $(call NET, identity_bare)
fate-dnn-torch-identity-bare:     REF    = $(DNN_REF)-identity

FATE_DNN-$(call DNN_TORCH, TRANSPOSE) += $(call DNN_BOTH, transpose)
fate-dnn-own-transpose:           FILTER = transpose=cclock_flip
fate-dnn-torch-transpose:         FILTER = $(call NET, transpose)

FATE_DNN-$(call DNN_TORCH, SCALE) += $(call DNN_BOTH, up2)
DNN_UP2 = scale=2*iw:2*ih:flags=neighbor+accurate_rnd+bitexact
fate-dnn-own-up2:                 FILTER = $(DNN_UP2)
fate-dnn-torch-up2:               FILTER = $(call NET, up2)

# Pixel formats of all kinds, with an odd size, lines that are longer than the
# picture and data that starts in the middle of one. A run has all, a stream for
# each, for a start of ffmpeg costs more than the frames.
DNN_ODD     = testsrc2=s=67x43:r=5:d=$(or $(2),2),format=$(1),crop=33:17:25:21
DNN_RGB     = rgb24 bgra rgb48 gbrp gbrp10 gbrap12
DNN_LUMA    = gray gray16 yuv420p yuv422p10 yuva444p
FATE_DNN-$(call DNN_TORCH, CROP NEGATE) += $(call DNN_BOTH, formats)
fate-dnn-own-formats:             CMD    = framecrc \
    $(foreach F,$(DNN_RGB),-lavfi "$(call DNN_ODD,$(F),1),negate=components=r+g+b") \
    $(foreach F,$(DNN_LUMA),-lavfi "$(call DNN_ODD,$(F),1),negate=components=y")
fate-dnn-torch-formats:           CMD    = framecrc $(foreach F,$(DNN_RGB) $(DNN_LUMA),-lavfi "$(call DNN_ODD,$(F),1),$(call NET, negate)")

# What the network gets, and what its output means.
DNN_BGR = $(subst rgb24,bgr24,$(SOURCE))
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

# Another size out than in. The chroma planes are the filter's to scale, which
# it does without bitexact flags: uniform planes are the same on every CPU, and
# still show a plane that was forgotten, exchanged or of the wrong size.
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

# A model that decides by the content how far it moves the picture, run with
# every sort of scheduling: the first pixel is the number of the frame times 4.
DNN_ROLLS = roll roll-sync roll-nireq1 roll-nireq2 roll-nireq8 roll-batch3 roll-sync-batch3
FATE_DNN-$(call DNN_TORCH, SCALE GEQ SCROLL) += fate-dnn-own-roll $(DNN_ROLLS:%=fate-dnn-torch-%)
fate-dnn-own-roll \
$(DNN_ROLLS:%=fate-dnn-torch-%):  SOURCE = testsrc2=s=64x48:r=5:d=4,format=gbrp,geq=r=if(X+Y\,r(X\,Y)\,4*N):g=g(X\,Y):b=b(X\,Y)
$(DNN_ROLLS:%=fate-dnn-torch-%):  REF    = $(DNN_REF)-roll
fate-dnn-own-roll:                FILTER = scroll=h=1/16,scale,format=rgb24
fate-dnn-torch-roll:              FILTER = scale,format=rgb24,$(call NET, roll)
fate-dnn-torch-roll-sync:         FILTER = scale,format=rgb24,$(call NET, roll, async=0)
fate-dnn-torch-roll-nireq1:       FILTER = scale,format=rgb24,$(call NET, roll, async=1:nireq=1)
fate-dnn-torch-roll-nireq2:       FILTER = scale,format=rgb24,$(call NET, roll, async=1:nireq=2)
fate-dnn-torch-roll-nireq8:       FILTER = scale,format=rgb24,$(call NET, roll, async=1:nireq=8)
fate-dnn-torch-roll-batch3:       FILTER = scale,format=rgb24,$(call NET, roll, batch_size=3:workers=2)
fate-dnn-torch-roll-sync-batch3:  FILTER = scale,format=rgb24,$(call NET, roll, async=0:batch_size=3)

# to stop early, at each of the first ten frames, with work in flight
FATE_DNN-$(call DNN_TORCH, NULL) += $(call DNN_BOTH, stop)
fate-dnn-own-stop:                CMD    = $(DNN_SH) cut_short 10 framecrc $(DNN_GRAPH)
fate-dnn-torch-stop:              CMD    = $(DNN_SH) stop_early 10 framecrc $(DNN_GRAPH)
$(call DNN_BOTH, stop):           SOURCE = testsrc2=s=64x48:r=5:d=4,format=rgb24
fate-dnn-own-stop:                FILTER = null
fate-dnn-torch-stop:              FILTER = $(call NET, slow, nireq=4)

# another size in mid-stream: the filter takes it itself
FATE_DNN-$(call DNN_TORCH, SCALE) += $(call DNN_BOTH, resize-graph)
$(call DNN_BOTH, resize-graph):   SOURCE = testsrc2=s=64x48:r=5:d=2,format=rgb24,scale=w=if(lte(n\,5)\,64\,33):h=if(lte(n\,5)\,48\,57):eval=frame:flags=neighbor+accurate_rnd+bitexact
$(call DNN_BOTH, resize-graph):   SINK   = scale=48:48:flags=neighbor+accurate_rnd+bitexact
fate-dnn-own-resize-graph:        FILTER = null
fate-dnn-torch-resize-graph:      FILTER = $(call NET, identity_bare, nireq=4)

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

# nothing comes out of these
FATE_DNN-$(call DNN_TORCH) += $(addprefix fate-dnn-torch-fail-, junk device channels-in truncated tuple)
fate-dnn-torch-fail-%:            CMD    = $(FAIL_CMD)
fate-dnn-torch-fail-%:            REF    = $(DNN_REF)-fail
fate-dnn-torch-fail-junk:         FILTER = $(call NET, junk)
fate-dnn-torch-fail-junk:         REASON = junk.pt: .
fate-dnn-torch-fail-device:       FILTER = $(call NET, up2, device=nosuch)
fate-dnn-torch-fail-device:       REASON = nosuch
fate-dnn-torch-fail-channels-in:  FILTER = $(call NET, conv1, color=rgb)
fate-dnn-torch-fail-channels-in:  REASON = conv1.pt: the network takes 1 channel, .* 3: add format=gray before it or choose color=y
fate-dnn-torch-fail-truncated:    FILTER = $(call NET, truncated)
fate-dnn-torch-fail-truncated:    REASON = truncated.pt: LibTorch .* cannot read this zip archive.*: .*central directory
fate-dnn-torch-fail-tuple:        FILTER = $(call NET, tuple)
fate-dnn-torch-fail-tuple:        REASON = returned 2 tensors instead of one

# Detection. Filled boxes in the primary colours are drawn where they are to be
# found, see tests/dnn/torch_models.cpp: none, red, green, all, the last two, all.
DNN_BOXES  = color=black:s=64x32:r=5:d=1.2,format=rgb24,$(call DNN_BOX,8:4:20:12:red:t=fill,40:10:17:9:0x00cc00:t=fill,5:20:24:11:0x000099:t=fill)
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
DNN_HEADS = ssd.pt ssd_tuple.pt yolo.pt:model_type=yolo:nb_classes=3:anchors=1&1:cell_w=8:cell_h=4 \
            yolov3.pt:model_type=yolov3:nb_classes=3:anchors=8&8&16&16 yolov4.pt:model_type=yolov4:nb_classes=3:anchors=8&8 \
            yolov5.pt:model_type=yolov5 yolov8.pt:model_type=yolov8 yolov10.pt:model_type=yolov10
FATE_DNN-$(call DNN_DETECT) += $(call DNN_BOTH, detect)
fate-dnn-own-detect:              CMD    = framecrc $(foreach H,$(DNN_HEADS),-lavfi "$(DNN_BOXES),$(call DNN_BOX,8:4:20:12:white:t=1,40:10:17:9:white:t=1,5:20:24:11:white:t=1)")
fate-dnn-torch-detect:            CMD    = framecrc $(foreach H,$(DNN_HEADS),-lavfi "$(DNN_BOXES),dnn_detect=dnn_backend=torch:model=$(TARGET_PATH)/tests/data/dnn/$(H),drawbox=box_source=side_data_detection_bboxes:c=white:t=1")

# their labels and scores
DNN_SHOW = detect-ssd detect-yolov8 detect-batch4
FATE_DNN-$(call DNN_DETECT, SHOWINFO, NULL_MUXER WRAPPED_AVFRAME_ENCODER) += $(DNN_SHOW:%=fate-dnn-torch-%)
fate-dnn-torch-detect-% \
fate-dnn-torch-classify-%:        CMD    = $(DNN_SH) show_boxes ffmpeg $(DNN_GRAPH) -f null -
fate-dnn-torch-detect-% \
fate-dnn-torch-classify-%:        SOURCE = $(DNN_BOXES)
fate-dnn-torch-detect-% \
fate-dnn-torch-classify-%:        SINK   = showinfo
$(DNN_SHOW:%=fate-dnn-torch-%):   REF    = $(DNN_REF)-detect-boxes
fate-dnn-torch-detect-ssd:        FILTER = $(call DETECT, ssd)
fate-dnn-torch-detect-yolov8:     FILTER = $(call DETECT, yolov8, model_type=yolov8)
fate-dnn-torch-detect-batch4:     FILTER = $(call DETECT, ssd_tuple, batch_size=4:workers=2)

# classification of the boxes
DNN_CLASSES = classify-boxes classify-batch8
FATE_DNN-$(call DNN_CLASSIFY) += $(DNN_CLASSES:%=fate-dnn-torch-%)
$(DNN_CLASSES:%=fate-dnn-torch-%): REF   = $(DNN_REF)-classify-boxes
fate-dnn-torch-classify-boxes:    FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour)
fate-dnn-torch-classify-batch8:   FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour, batch_size=8:workers=2)

# failures of both, after the frames before them
FATE_DNN-$(call DNN_DETECT) += fate-dnn-torch-detectfail-async
FATE_DNN-$(call DNN_DETECT, DNN_CLASSIFY) += fate-dnn-torch-detectfail-classify
fate-dnn-torch-detectfail-%:      CMD    = $(FAIL_CMD)
fate-dnn-torch-detectfail-%:      REF    = $(DNN_REF)-detectfail
fate-dnn-torch-detectfail-%:      SOURCE = $(DNN_BOXES)
fate-dnn-torch-detectfail-%:      REASON = frame 4 (pts 3) failed: .*something blue
fate-dnn-torch-detectfail-async:  FILTER = $(call DETECT, ssd_fail, nireq=8)
fate-dnn-torch-detectfail-classify: FILTER = $(call DETECT, ssd),$(call CLASSIFY, colour_fail)

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
