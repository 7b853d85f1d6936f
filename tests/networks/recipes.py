# SPDX-License-Identifier: LGPL-2.1-or-later
"""How each network is made of its repository's source, and how its README runs it: where
the class is, its arguments, the checkpoint, what its authors do with frames before and
after. The file repositories says with which commits this was tried."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Callable, Optional

import torch
from torch import nn

NETWORKS = {}


@dataclass
class Recipe:
    name: str
    what: str
    repository: str             # OWNER/NAME
    source: str                 # the file with the class
    make: Callable[[Any], nn.Module]
    checkpoint: Optional[str] = None
    wrap: Any = None            # (network, x) -> picture, or a scriptable module around the network
    script: bool = False        # else traced
    paths: tuple = ()           # folders in the repository to import from
    size: tuple = (160, 120)    # width, height
    channels: int = 3
    frames: int = 1             # consecutive frames as channels
    options: str = ""           # what a user of it tells ffmpeg
    scale: float = 255          # samples are divided by this
    mean: float = 0             # after this was taken off
    range: float = 1            # output that is white
    fit: bool = False           # output that is no picture: bring it to 0..1
    loads: bool = False         # make() loads a checkpoint, too
    known: bool = False         # a network that this project was tried with before

    @property
    def trained(self):
        return self.loads or self.checkpoint is not None


def add(name, *args, **kwargs):
    NETWORKS[name] = Recipe(name, *args, **kwargs)


class First(nn.Module):
    """the first of several outputs"""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)[0]


class Grey(nn.Module):
    """a matte as a picture"""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).expand(-1, 3, -1, -1)


class Residual(nn.Module):
    """a network that predicts the noise"""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return x - self.net(x)


class Recurrent(nn.Module):
    """RobustVideoMatting: the state of the frame before, and the alpha as a picture"""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.state = [torch.zeros(1, 1, 1, 1)] * 4
        self.started = False

    def forward(self, x):
        if self.started:
            result = self.net(x, self.state[0], self.state[1], self.state[2], self.state[3], 0.5)
        else:
            result = self.net(x, None, None, None, None, 0.5)
        self.state = [result[2], result[3], result[4], result[5]]
        self.started = True
        return result[0] * result[1] + (1 - result[1]) * torch.tensor([0.47, 1.0, 0.6], device=x.device).view(1, 3, 1, 1)


def ultra_face(module):
    module.config.define_img_size(320)
    net = module.create_Mb_Tiny_RFB_fd(2, is_test=True, device="cpu")
    net.config = SimpleNamespace(center_variance=net.config.center_variance, size_variance=net.config.size_variance)
    return net


def deep_deinterlacing(module):
    file = "vs_deepdeinterlace/DDD_files/model_config.yaml"
    net = module.DisneyModel(dict(module.DisneyModelConfig(file), config_path=file))
    net.config = SimpleNamespace(num_color_channels=3)      # the own one cannot be copied
    return net


def deinterlace(net, x):
    """rows of three frames, of which the odd ones are known; the network works on columns"""
    known = x[:, :, 1::2].transpose(2, 3)
    found = net(known)
    return torch.stack((found, known[:, 3:6]), 4).flatten(3).transpose(2, 3).clamp(0, 1)


def mask(net, x):
    """the probability of the second class, as grey"""
    return torch.softmax(net(x), 1)[:, 1:2].expand(-1, 3, -1, -1)


def three_classes(net, x):
    y = net(x)
    return (y[0] if isinstance(y, (tuple, list)) else y)[:, :3]


def noise_map(level):
    return lambda net, x: net(x, torch.full_like(x[:, :3], level))


# super-resolution
add("PAN x2", "super-resolution", "zhaohengyuan1/PAN", "codes/models/archs/PAN_arch.py",
    lambda m: m.PAN(3, 3, 40, 24, 16, scale=2), "experiments/pretrained_models/PANx2_DF2K.pth", paths=("codes",))
add("CARN-M x2", "super-resolution", "nmhkahn/CARN-pytorch", "carn/model/carn_m.py",
    lambda m: m.Net(scale=2, multi_scale=True, group=4), "checkpoint/carn_m.pth", lambda net, x: net(x, 2), paths=("carn",))
add("ECBSR x2", "super-resolution, luma", "xindongzhang/ECBSR", "models/ecbsr.py",
    lambda m: m.ECBSR(4, 16, 0, "prelu", 2, 1), paths=(".",), channels=1, size=(320, 180))
add("SPAN x2", "super-resolution", "hongyuanyu/SPAN", "basicsr/archs/span_arch.py", lambda m: m.SPAN(3, 3, 48, 2))
add("VapSR x2", "super-resolution, large-kernel attention", "zhoumumu/VapSR", "code/vapsr.py",
    lambda m: m.vapsr(3, 3, scale=2, num_feat=48, num_block=20, d_atten=64), "VapSR_X2.pth")
add("BSRN x2", "super-resolution, blueprint separable", "xiaom233/BSRN", "basicsr/archs/BSRN_arch.py",
    lambda m: m.BSRN(upscale=2), "experiments/pretrained_models/net_g_BSRN_x2.pth")
add("IMDN x2", "super-resolution", "Zheng222/IMDN", "model/architecture.py", lambda m: m.IMDN(upscale=2),
    "checkpoints/IMDN_x2.pth", paths=(".",), known=True)
add("IMDN-RTC x2", "super-resolution, real time", "Zheng222/IMDN", "model/architecture.py",
    lambda m: m.IMDN_RTC(upscale=2), "checkpoints/model_RTC.pth", script=True, paths=(".",), size=(320, 180))
add("RFDN x4", "super-resolution", "njulj/RFDN", "RFDN.py", lambda m: m.RFDN(), "trained_model/RFDN_AIM.pth",
    paths=(".",), scale=1, range=255, options=":scale=1:range=byte", known=True)
add("SAFMN++ light x4", "super-resolution", "sunny2109/SAFMN", "AIS2024-RTSR/light_safmnpp_arch.py",
    lambda m: m.SAFMN_VIS24(dim=32, n_blocks=2, ffn_scale=1.5), "AIS2024-RTSR/pretrained_model/light_safmnpp.pth")
add("SAFMN x4", "super-resolution", "sunny2109/SAFMN", "NTIRE2023_ESR/models/team15_SAFMN.py",
    lambda m: m.SAFMN(dim=36, n_blocks=8, ffn_scale=2.0), "NTIRE2023_ESR/model_zoo/team15_SAFMN.pth", known=True)
add("ShuffleMixer x4", "super-resolution, 7x7 depthwise", "sunny2109/ShuffleMixer", "basicsr/archs/shufflemixer_arch.py",
    lambda m: m.ShuffleMixer(n_feats=32))
add("EFDN x4", "super-resolution", "ofsoundof/NTIRE2022_ESR", "models/team01_efdn.py", lambda m: m.EFDN(),
    "model_zoo/team01_efdn.pth", paths=(".",))
add("FMEN x4", "super-resolution", "ofsoundof/NTIRE2022_ESR", "models/team03_fmen.py", lambda m: m.FMEN(),
    "model_zoo/team03_fmen.pth", paths=(".",), scale=1, range=255, options=":scale=1:range=byte")
add("RLFN x4", "super-resolution", "ofsoundof/NTIRE2022_ESR", "models/team04_rlfn.py", lambda m: m.RLFN_cut(in_nc=3, out_nc=3),
    "model_zoo/team04_rlfn.pth", paths=(".",), scale=1, range=255, options=":scale=1:range=byte")
add("LKFN x4", "super-resolution", "Amazingren/NTIRE2024_ESR", "models/team03_LKFN.py", lambda m: m.LKFN(),
    "model_zoo/team03_lkfn.pth", paths=(".",))
add("SMRN x4", "super-resolution", "Amazingren/NTIRE2024_ESR", "models/team10_SMRN.py", lambda m: m.SMRN(),
    "model_zoo/team10_SMRN.pth", paths=(".",))
add("EMaxGMan x4", "super-resolution", "Amazingren/NTIRE2024_ESR", "models/team15_EMaxGMan.py", lambda m: m.EMaxGMan(),
    "model_zoo/team15_EMaxGMan.pth", paths=(".",))
add("FSRCNN x2", "super-resolution, luma", "yjn870/FSRCNN-pytorch", "models.py", lambda m: m.FSRCNN(2), channels=1,
    script=True, size=(320, 180))
add("ESPCN x3", "super-resolution, luma", "leftthomas/ESPCN", "model.py", lambda m: m.Net(3), channels=1, script=True,
    size=(320, 180))
add("SRResNet x2", "super-resolution", "leftthomas/SRGAN", "model.py", lambda m: m.Generator(2))
add("Real-ESRGAN compact x4", "super-resolution", "xinntao/Real-ESRGAN", "realesrgan/archs/srvgg_arch.py",
    lambda m: m.SRVGGNetCompact(num_feat=32, num_conv=8), known=True)
add("ESRGAN RRDB x4", "super-resolution", "XPixelGroup/BasicSR", "basicsr/archs/rrdbnet_arch.py",
    lambda m: m.RRDBNet(3, 3, num_feat=32, num_block=2, num_grow_ch=16), size=(96, 72))
add("EDSR x2", "super-resolution", "XPixelGroup/BasicSR", "basicsr/archs/edsr_arch.py",
    lambda m: m.EDSR(3, 3, num_feat=32, num_block=8, upscale=2))
add("RCAN x2", "super-resolution, channel attention", "XPixelGroup/BasicSR", "basicsr/archs/rcan_arch.py",
    lambda m: m.RCAN(3, 3, num_feat=32, num_group=2, num_block=4, upscale=2))
add("SwinIR light x2", "super-resolution, window attention", "JingyunLiang/SwinIR", "models/network_swinir.py",
    lambda m: m.SwinIR(upscale=2, img_size=64, window_size=8, depths=[2, 2], embed_dim=60, num_heads=[6, 6], mlp_ratio=2,
                       upsampler="pixelshuffledirect"), size=(96, 72), known=True)
add("HAT x2", "super-resolution, overlapping attention", "XPixelGroup/HAT", "hat/archs/hat_arch.py",
    lambda m: m.HAT(upscale=2, window_size=8, depths=(2,), embed_dim=48, num_heads=(4,), mlp_ratio=2,
                    upsampler="pixelshuffle"), size=(96, 64))
add("DAT light x2", "super-resolution, dual attention", "zhengchen1999/DAT", "basicsr/archs/dat_arch.py",
    lambda m: m.DAT(upscale=2, embed_dim=60, depth=[2], num_heads=[6], split_size=[8, 16], expansion_factor=2,
                    upsampler="pixelshuffledirect"), size=(96, 64))
add("waifu2x UpConv7", "super-resolution of drawings", "nagadomi/nunif", "waifu2x/models/upconv_7.py",
    lambda m: m.UpConv7())
add("waifu2x UpCUNet", "super-resolution of drawings", "nagadomi/nunif", "waifu2x/models/cunet.py", lambda m: m.UpCUNet())
add("waifu2x CARN_V2", "super-resolution of drawings", "yu45020/Waifu2x", "Models.py",
    lambda m: m.CARN_V2(color_channels=3, mid_channels=32, conv=nn.Conv2d, single_conv_size=3, single_conv_group=1, scale=2,
                        activation=nn.LeakyReLU(0.1), SEBlock=True, repeat_blocks=2, atrous=(1, 1, 1)), paths=(".",))

# time
add("Deep Deinterlacing", "deinterlacing, 3 frames", "pifroggi/vs_deepdeinterlace", "vs_deepdeinterlace/DDD_files/DDD_arch.py",
    deep_deinterlacing, loads=True, wrap=deinterlace, frames=3, options=":frames=3:stack=channels")
add("RIFE m", "frame interpolation, from the frames beside it", "hzwer/ECCV2022-RIFE", "model/IFNet_m.py", lambda m: m.IFNet_m(),
    wrap=lambda net, x: net(torch.cat((x[:, :3], x[:, 6:]), 1))[2][2], paths=(".",), frames=3,
    options=":frames=3:stack=channels", size=(128, 96))

# noise, rain, haze, blur
add("DnCNN-S-25", "denoising, luma", "SaoYan/DnCNN-PyTorch", "models.py", lambda m: m.DnCNN(1, 17), "logs/DnCNN-S-25/net.pth",
    Residual, script=True, channels=1, size=(320, 180), known=True)
add("KAIR DnCNN", "denoising, luma", "cszn/KAIR", "models/network_dncnn.py", lambda m: m.DnCNN(1, 1, 64, 17, "R"),
    "model_zoo/dncnn_25.pth", paths=(".",), channels=1, size=(320, 180), known=True)
add("KAIR FFDNet", "denoising, a constant noise map", "cszn/KAIR", "models/network_ffdnet.py",
    lambda m: m.FFDNet(3, 3, 64, 8, "R"), wrap=lambda net, x: net(x, torch.full((1, 1, 1, 1), 15 / 255)), paths=(".",))
add("KAIR DRUNet", "denoising, U-Net", "cszn/KAIR", "models/network_unet.py",
    lambda m: m.UNetRes(4, 3, [16, 32, 64, 128], 2, "R", "strideconv", "convtranspose"),
    wrap=lambda net, x: net(torch.cat((x, torch.full_like(x[:, :1], 15 / 255)), 1)), paths=(".",))
add("ADNet colour", "denoising, attention-guided", "hellloxiaotian/ADNet", "color/models.py",
    lambda m: m.ADNet(3), "color/c25/model_70.pth")
add("DVDnet spatial", "video denoising", "m-tassano/dvdnet", "models.py", lambda m: m.DVDnet_spatial(),
    "model_spatial.pth", noise_map(25 / 255))
add("DVDnet temporal", "video denoising, 5 frames", "m-tassano/dvdnet", "models.py", lambda m: m.DVDnet_temporal(5),
    "model_temp.pth", noise_map(25 / 255), frames=5, options=":frames=5:stack=channels")
add("FastDVDnet", "video denoising, 5 frames", "m-tassano/fastdvdnet", "models.py", lambda m: m.FastDVDnet(),
    wrap=lambda net, x: net(x, torch.full_like(x[:, :1], 25 / 255)), frames=5, options=":frames=5", size=(128, 96), known=True)
add("PReNet", "deraining, recurrent", "csdwren/PReNet", "networks.py", lambda m: m.PReNet(6, False),
    "logs/Rain100H/PReNet6/net_latest.pth", First, paths=(".",))
add("PReNet GRU", "deraining, recurrent", "csdwren/PReNet", "networks.py", lambda m: m.PReNet_GRU(6, False),
    "logs/Ablation/PReNet6_GRU/net_latest.pth", First, paths=(".",))
add("AOD-Net", "dehazing", "MayankSingal/PyTorch-Image-Dehazing", "net.py", lambda m: m.dehaze_net(), "snapshots/dehazer.pth",
    script=True, size=(640, 360))
add("DehazeFormer-T", "dehazing, window attention", "IDKiro/DehazeFormer", "models/dehazeformer.py",
    lambda m: m.dehazeformer_t(), known=True, size=(128, 96))
add("Restormer", "restoration, channel attention", "swz30/Restormer", "basicsr/models/archs/restormer_arch.py",
    lambda m: m.Restormer(dim=16, num_blocks=[1, 1, 1, 1], num_refinement_blocks=1), known=True, size=(128, 96))
add("NAFNet", "deblurring", "megvii-research/NAFNet", "basicsr/models/archs/NAFNet_arch.py",
    lambda m: m.NAFNet(width=16, middle_blk_num=1, enc_blk_nums=[1, 1, 1], dec_blk_nums=[1, 1, 1]), known=True)
add("MIRNet-v2", "restoration, several sizes", "swz30/MIRNetv2", "basicsr/models/archs/mirnet_v2_arch.py",
    lambda m: m.MIRNet_v2(n_feat=32, n_RRG=1, n_MRB=1), size=(128, 96))
add("MPRNet", "denoising, three stages", "swz30/MPRNet", "Denoising/MPRNet.py",
    lambda m: m.MPRNet(n_feat=16, scale_unetfeats=8, scale_orsnetfeats=8, num_cab=2), wrap=lambda net, x: net(x)[0],
    size=(128, 96))
add("HINet", "restoration, half instance norm", "megvii-model/HINet", "basicsr/models/archs/hinet_arch.py",
    lambda m: m.HINet(wf=16, depth=4), wrap=lambda net, x: net(x)[1])
add("Uformer-T", "restoration, window attention", "ZhendongWang6/Uformer", "model.py",
    lambda m: m.Uformer(img_size=128, embed_dim=16, depths=[1] * 9, win_size=8, token_projection="linear", token_mlp="leff",
                        modulator=True), size=(128, 128))

# light, colour, style
add("IAT", "low light", "cuiziteng/Illumination-Adaptive-Transformer", "IAT_enhance/model/IAT_main.py",
    lambda m: m.IAT(), "IAT_enhance/best_Epoch_lol_v1.pth", lambda net, x: net(x)[2], paths=("IAT_enhance",))
add("RUAS", "low light", "KarelZhang/RUAS", "model.py", lambda m: m.Network(), "ckpt/lol.pt",
    lambda net, x: net(x)[0][-1], paths=(".",))
add("SCI", "low light", "vis-opt-group/SCI", "model.py", lambda m: m.Finetunemodel("weights/medium.pt"),
    loads=True, wrap=lambda net, x: net(x)[1], paths=(".",), size=(320, 180))
add("Zero-DCE++", "low light", "Li-Chongyi/Zero-DCE_extension", "Zero-DCE++/model.py",
    lambda m: m.enhance_net_nopool(12), "Zero-DCE++/snapshots_Zero_DCE++/Epoch99.pth", First, script=True, size=(480, 360))
add("CSRNet", "retouching, 1x1 convolutions", "hejingwenhejingwen/CSRNet", "codes/models/archs/CSRNet_arch.py",
    lambda m: m.CSRNet(), "experiments/pretrain_models/csrnet.pth", size=(320, 180))
add("HDRTVNet AGCM", "SDR to HDR, global colour", "chxy95/HDRTVNet", "codes/models/modules/Condition_arch.py",
    lambda m: m.ConditionNet(nf=64, classifier="color_condition", cond_c=6), wrap=lambda net, x: net((x, x)),
    paths=("codes",), size=(320, 180))
add("fast neural style ResNeXt", "style", "rrmina/fast-neural-style-pytorch", "experimental.py",
    lambda m: m.TransformerResNextNetwork(), "transforms/experimental/mosaic_TransformerResNextNetwork.pth", paths=(".",),
    scale=1, range=255, options=":color=bgr:scale=1:range=byte")
add("PyTorch example style", "style", "pytorch/examples", "fast_neural_style/neural_style/transformer_net.py",
    lambda m: m.TransformerNet())
add("ReCoNet", "style of videos", "EmptySamurai/pytorch-reconet", "model.py", lambda m: m.ReCoNet(frn=True), paths=(".",))

# masks, depth, detection
add("SINet", "portrait matte", "clovaai/ext_portrait_segmentation", "models/SINet.py", lambda m: m.Dnc_SINet(2, 2, 8, 1),
    "result/SINet/SINet.pth", mask, size=(320, 320))
add("ExtremeC3", "portrait matte", "clovaai/ext_portrait_segmentation", "models/extremeC3.py",
    lambda m: m.Stage2_ExtremeC3Net(1, 1, 5), "result/ExtremeC3/ExtremeC3.pth",
    lambda net, x: torch.sigmoid(net(x)).expand(-1, 3, -1, -1), size=(224, 224))
add("ENet", "segmentation, unpooling", "davidtvs/PyTorch-ENet", "models/enet.py", lambda m: m.ENet(12), wrap=three_classes,
    fit=True)
add("CGNet", "segmentation", "wutianyiRosun/CGNet", "model/CGNet.py", lambda m: m.Context_Guided_Network(19),
    wrap=three_classes, fit=True, script=False, paths=("model",), size=(320, 192))
add("DABNet", "segmentation", "Reagan1311/DABNet", "model/DABNet.py", lambda m: m.DABNet(19), wrap=three_classes, fit=True,
    size=(320, 192))
add("ESPNet", "segmentation", "sacmehta/ESPNet", "test/Model.py", lambda m: m.ESPNet(20, 2, 8),
    "pretrained/decoder/espnet_p_2_q_8.pth", three_classes, fit=True, size=(320, 192))
add("BiSeNetV2", "segmentation", "CoinCheung/BiSeNet", "lib/models/bisenetv2.py", lambda m: m.BiSeNetV2(19, "eval"),
    wrap=three_classes, fit=True, size=(320, 192))
add("Fast-SCNN", "segmentation", "Tramac/Fast-SCNN-pytorch", "models/fast_scnn.py", lambda m: m.FastSCNN(19),
    wrap=three_classes, fit=True, size=(320, 192))
add("U2-Net-P", "saliency", "xuebinqin/U-2-Net", "model/u2net.py", lambda m: m.U2NETP(3, 1),
    wrap=lambda net, x: net(x)[0].expand(-1, 3, -1, -1), known=True, size=(160, 128))
add("MODNet", "portrait matte", "ZHKKKe/MODNet", "torchscript/modnet_torchscript.py",
    lambda m: m.MODNet(backbone_pretrained=False), wrap=Grey, script=True, paths=(".",), size=(256, 192))
add("RobustVideoMatting", "matting, recurrent", "PeterL1n/RobustVideoMatting", "model/model.py",
    lambda m: m.MattingNetwork("mobilenetv3"), wrap=Recurrent, script=True, paths=(".",), size=(320, 192), known=True)
add("Lite-Mono", "depth", "noahzn/Lite-Mono", "networks/depth_encoder.py", lambda m: m.LiteMono(model="lite-mono-tiny"),
    wrap=lambda net, x: torch.nn.functional.interpolate(net(x)[0][:, :3], scale_factor=4.0, mode="bilinear"), fit=True,
    size=(320, 192))
add("UltraFace RFB", "faces", "Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB", "vision/ssd/mb_tiny_RFB_fd.py",
    ultra_face,
    "models/pretrained/version-RFB-320.pth",
    lambda net, x: torch.cat([y.flatten(1) for y in net(x)], 1).view(1, 1, -1, 6).expand(-1, 3, -1, -1), paths=(".",),
    size=(320, 240), scale=128, mean=127, options=":mean=127:scale=128:range=unit")
add("BlazeFace", "faces", "hollance/BlazeFace-PyTorch", "blazeface.py", lambda m: m.BlazeFace(), "blazeface.pth",
    lambda net, x: torch.sigmoid(torch.cat(net(x), 2) / 20)[:, None].expand(-1, 3, -1, -1), size=(128, 128), scale=127.5,
    mean=127.5, options=":mean=127.5:scale=127.5:range=unit")
add("RetinaFace mobile", "faces", "biubug6/Pytorch_Retinaface", "models/retinaface.py",
    lambda m: m.RetinaFace({"name": "mobilenet0.25", "pretrain": False, "return_layers": {"stage1": 1, "stage2": 2, "stage3": 3},
                            "in_channel": 32, "out_channel": 64}, "test"),
    wrap=lambda net, x: torch.cat(net(x), 2)[:, None].expand(-1, 3, -1, -1), fit=True, paths=(".",))
add("Yolo-FastestV2", "detection", "dog-qiuqiu/Yolo-FastestV2", "model/detector.py", lambda m: m.Detector(80, 3, True, True),
    "modelzoo/coco2017-0.241078ap-model.pth",
    lambda net, x: net(x)[0].reshape(1, 1, -1, 95).expand(-1, 3, -1, -1), paths=(".",), size=(352, 352))
add("FastestDet", "detection", "dog-qiuqiu/FastestDet", "module/detector.py", lambda m: m.Detector(80, True),
    "weights/weight_AP05:0.253207_280-epoch.pth", lambda net, x: net(x)[:, :3] * 0.4 + 0.3, paths=(".",), size=(352, 352))
