# The LibTorch backend as a module that libavfilter loads when it is used; see
# dnn_torch_loader.c. Read by libavfilter/dnn/Makefile.

# What libavfilter does not export it has copies of; none of that has state.
DNN_TORCH_OBJS := $(addprefix $(SUBDIR), $(DNN-TORCH-OBJS-yes)    \
                                         dnn/dnn_torch_module.o   \
                                         dnn/dnn_torch_options.o  \
                                         dnn/dnn_backend_common.o \
                                         dnn/dnn_worker_pool.o    \
                                         dnn/queue.o              \
                                         dnn/safe_queue.o)
# libavfilter has the number in its name where it is installed, so has this.
DNN_TORCH_MODULE           := $(SUBDIR)libavfilter$(BUILDSUF)-dnn-torch$(SLIBSUF)
DNN_TORCH_MODULE_INSTALLED  = $(SHLIBDIR)/ffmpeg/$(notdir $(DNN_TORCH_MODULE)).$(libavfilter_VERSION_MAJOR)

$(DNN_TORCH_OBJS): CPPFLAGS += -DHAVE_AV_CONFIG_H
$(DNN_TORCH_OBJS): | $(SUBDIR)dnn/
$(SUBDIR)dnn/dnn_torch_loader.o $(SUBDIR)dnn/dnn_torch_module.o: libavutil/ffversion.h

# after libavfilter, because that comes after all it needs itself
$(DNN_TORCH_MODULE): $(DNN_TORCH_OBJS) $(SUBDIR)$(SLIBNAME)
	$(call LINK,$(call avfilterLINK_SO_ARGS) $(LD_O) $(filter %.o,$^) $(EXTRALIBS-dnn_torch) $(call avfilterLINK_EXTRA))

all-yes: $(DNN_TORCH_MODULE)

install-libs-yes: install-dnn-torch-module
install-dnn-torch-module: $(DNN_TORCH_MODULE)
	$(Q)mkdir -p "$(SHLIBDIR)/ffmpeg"
	$(INSTALL) -m 755 $< "$(DNN_TORCH_MODULE_INSTALLED)"
	$(STRIP) "$(DNN_TORCH_MODULE_INSTALLED)"

uninstall-libs::
	$(RM) "$(DNN_TORCH_MODULE_INSTALLED)"
	-rmdir "$(SHLIBDIR)/ffmpeg"

.PHONY: install-dnn-torch-module

-include $(wildcard $(DNN_TORCH_OBJS:.o=.d))
