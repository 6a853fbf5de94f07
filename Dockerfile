# Images with mnist and the libraries it needs, without compilers, for a user without rights (docs/containers.md):
#
#   docker build --target cpu --tag mnist:cpu .                 Debian 12
#   docker build --target gpu --tag mnist:gpu .                 CUDA 13 on Ubuntu 24.04; needs driver 580 or newer
#   docker build --target pixi --tag mnist:pixi .               conda-forge's libraries, pinned by pixi.lock
#   docker build --target pixi --build-arg ENVIRONMENT=gpu --tag mnist:pixi-gpu .     the same with CUDA 12.9
#
# and with each, for the labels and `mnist info`:
#
#   --build-arg REVISION=$(git rev-parse --short=12 HEAD) --build-arg SOURCE=https://...
#
# No image has an ENTRYPOINT: a batch system starts its own script in one (docs/htcondor.md).
ARG DEBIAN=docker.io/library/debian:12-slim
ARG CUDA=13.0.0
ARG PIXI=ghcr.io/prefix-dev/pixi:noble
ARG UBUNTU=docker.io/library/ubuntu:24.04


FROM ${DEBIAN} AS build
WORKDIR /src
# What changes seldom comes first: packages and LibTorch are not fetched again for every change of the sources.
COPY scripts/common.sh scripts/install_libtorch scripts/install_packages scripts/
COPY scripts/libtorch scripts/libtorch
RUN scripts/install_packages && scripts/install_libtorch
COPY . .
ARG REVISION=
RUN MNIST_GIT_REVISION="$REVISION" scripts/cluster/pack image /opt/mnist


FROM ${DEBIAN} AS cpu
# Debian keeps one version of a package, the newest, so none can be pinned. Fonts come with cairo.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends libcairo2 libevent-core-2.1-7 libevent-extra-2.1-7 \
      libevent-pthreads-2.1-7 libfmt9 libjpeg62-turbo libpng16-16 libspdlog1.10 libssl3 libstdc++6 zlib1g && \
    apt-get clean && \
    rm -rf /var/lib/apt/lists/* /var/log/* && \
    useradd --no-log-init --uid 1000 --create-home mnist && \
    install --directory --owner=mnist --group=mnist /workspace
COPY --from=build /opt/mnist /opt/mnist
COPY LICENSE /opt/mnist/
ENV PATH=/opt/mnist/bin:$PATH MNIST_DATA_DIR=/data
WORKDIR /workspace
USER 1000:1000
HEALTHCHECK --interval=5m --timeout=30s CMD ["mnist", "info"]
CMD ["mnist", "info"]
ARG REVISION=
ARG SOURCE=
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="mnist" \
      org.opencontainers.image.description="Trains and runs small image classifiers on LibTorch, on the CPU" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"


FROM docker.io/nvidia/cuda:${CUDA}-devel-ubuntu24.04 AS gpu-build
WORKDIR /src
COPY scripts/common.sh scripts/install_libtorch scripts/install_packages scripts/
COPY scripts/libtorch scripts/libtorch
RUN scripts/install_packages && scripts/install_libtorch --cuda
COPY . .
ARG REVISION=
RUN MNIST_GIT_REVISION="$REVISION" scripts/cluster/pack image --cuda /opt/mnist


# `base` and not `runtime`, which has cuBLAS and others a second time: LibTorch brings its own.
FROM docker.io/nvidia/cuda:${CUDA}-base-ubuntu24.04 AS gpu
# Ubuntu's images have a user with this number.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends libcairo2 libevent-core-2.1-7t64 libevent-extra-2.1-7t64 \
      libevent-pthreads-2.1-7t64 libfmt9 libjpeg-turbo8 libpng16-16t64 libspdlog1.12 libssl3t64 libstdc++6 zlib1g && \
    apt-get clean && \
    rm -rf /var/lib/apt/lists/* /var/log/* && \
    userdel --remove ubuntu && \
    useradd --no-log-init --uid 1000 --create-home mnist && \
    install --directory --owner=mnist --group=mnist /workspace
COPY --from=gpu-build /opt/mnist /opt/mnist
COPY LICENSE /opt/mnist/
ENV PATH=/opt/mnist/bin:$PATH MNIST_DATA_DIR=/data NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /workspace
USER 1000:1000
HEALTHCHECK --interval=5m --timeout=30s CMD ["mnist", "info"]
CMD ["mnist", "info"]
ARG REVISION=
ARG SOURCE=
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="mnist" \
      org.opencontainers.image.description="Trains and runs small image classifiers on LibTorch, on NVIDIA GPUs" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"


FROM ${PIXI} AS pixi-build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ARG ENVIRONMENT=cpu
# As if there were a GPU: the machine that builds the image need not have one.
ENV CONDA_OVERRIDE_CUDA=12.9
WORKDIR /src
COPY pixi.toml pixi.lock ./
RUN pixi install --locked --environment "$ENVIRONMENT"
COPY . .
ARG REVISION=
ENV MNIST_GIT_REVISION=$REVISION
# All libraries of the environment, some of which are loaded by name, and nothing else: no compiler, no headers.
# hadolint ignore=SC2016
RUN pixi run --locked --environment "$ENVIRONMENT" cmake --preset release -B build/image -DMNIST_BUILD_TESTS=OFF \
      '-DCMAKE_INSTALL_RPATH=$ORIGIN/../lib' -DCMAKE_INSTALL_RPATH_USE_LINK_PATH=OFF && \
    pixi run --locked --environment "$ENVIRONMENT" cmake --build build/image --target mnist && \
    pixi run --locked --environment "$ENVIRONMENT" cmake --install build/image --prefix /opt/mnist --strip && \
    mkdir -p /opt/mnist/lib && \
    cp --archive ".pixi/envs/$ENVIRONMENT"/lib/*.so* /opt/mnist/lib/ && \
    if [ -d ".pixi/envs/$ENVIRONMENT/targets" ]; then \
      mkdir -p /opt/mnist/targets/x86_64-linux/lib && \
      cp --archive ".pixi/envs/$ENVIRONMENT"/targets/x86_64-linux/lib/*.so* /opt/mnist/targets/x86_64-linux/lib/; \
    fi


FROM ${UBUNTU} AS pixi
# For the text in pictures. Ubuntu's images have a user with this number.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends fontconfig-config fonts-dejavu-core && \
    apt-get clean && \
    rm -rf /var/lib/apt/lists/* /var/log/* && \
    userdel --remove ubuntu && \
    useradd --no-log-init --uid 1000 --create-home mnist && \
    install --directory --owner=mnist --group=mnist /workspace
COPY --from=pixi-build /opt/mnist /opt/mnist
COPY LICENSE /opt/mnist/
ENV PATH=/opt/mnist/bin:$PATH MNIST_DATA_DIR=/data FONTCONFIG_PATH=/etc/fonts \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /workspace
USER 1000:1000
HEALTHCHECK --interval=5m --timeout=30s CMD ["mnist", "info"]
CMD ["mnist", "info"]
ARG REVISION=
ARG SOURCE=
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="mnist" \
      org.opencontainers.image.description="Trains and runs small image classifiers on conda-forge's LibTorch" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"


# Without --target.
FROM cpu AS default
