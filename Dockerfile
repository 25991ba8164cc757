# The pod's image: podkeep's agent as a thin layer on a base that has the training's CUDA and torch.
#
#   image/build                                                    the default base
#   BASE_IMAGE=nvidia/cuda:12.8.1-runtime-ubuntu24.04 image/build  any Debian or Ubuntu base, your own too
#
# The default is the tag that RunPod's API examples use, so that its hosts are likely to have it. It is a tag because
# Docker Hub could not be read when this was written; pin yours by digest: BASE_IMAGE=name@sha256:….
# Two optional secrets reach the steps that download, and no layer: `pip` (a pip.conf) and `apt` (an apt.conf).
ARG BASE_IMAGE=runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404

# 1. System packages, which change least. They are root's whoever the base's user is: sshd and RunPod need it.
FROM ${BASE_IMAGE} AS system
SHELL ["/bin/sh", "-c"]
USER root
COPY image/packages.txt image/find-python /opt/podkeep/share/podkeep/
RUN --mount=type=secret,id=apt,target=/etc/apt/apt.conf.d/zz-podkeep-build \
    set -eu; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -qq; \
    for part in doc info locale man; do echo "path-exclude=/usr/share/$part/*"; done >/etc/dpkg/dpkg.cfg.d/podkeep-build; \
    echo "path-include=/usr/share/doc/*/copyright" >>/etc/dpkg/dpkg.cfg.d/podkeep-build; \
    sed 's/#.*//' /opt/podkeep/share/podkeep/packages.txt | xargs apt-get install -y -qq --no-install-recommends; \
    /opt/podkeep/share/podkeep/find-python --install; \
    rm /etc/dpkg/dpkg.cfg.d/podkeep-build; \
    apt-get clean; \
    rm -rf /etc/ssh/ssh_host_* /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old \
        /var/log/apt /var/log/dpkg.log /var/log/alternatives.log

# 2. The agent's own environment, every file by its hash. The pip that makes it stays behind, in this stage. What a base
# tells every pip and Python (NVIDIA's pin versions by PIP_CONSTRAINT) is for its own packages, not for ours.
FROM system AS packages
COPY image/agent.lock image/wheel.lock /tmp/
RUN --mount=type=secret,id=pip,target=/run/secrets/pip.conf \
    set -eu; unset PIP_CONSTRAINT PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PYTHONPATH PYTHONHOME; \
    export PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1; \
    python=$(/opt/podkeep/share/podkeep/find-python); \
    "$python" -m venv --without-pip /opt/podkeep; \
    "$python" -m venv /opt/installer; \
    by_hash="install -q --no-deps --require-hashes --only-binary :all:"; \
    /opt/installer/bin/pip --python /opt/podkeep/bin/python $by_hash -r /tmp/agent.lock; \
    /opt/installer/bin/pip $by_hash -r /tmp/wheel.lock

# 3. Our package, laid out apart from the others: a change of it is one small layer.
FROM packages AS package
COPY . /src
RUN set -eu; unset PIP_CONSTRAINT PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PYTHONPATH PYTHONHOME; \
    export PIP_NO_INDEX=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1; \
    /opt/installer/bin/pip wheel -q --no-deps --no-build-isolation --wheel-dir /tmp/wheel /src; \
    /opt/installer/bin/pip --python /opt/podkeep/bin/python install -q --no-deps --ignore-installed --prefix /tmp/ours /tmp/wheel/*.whl; \
    chmod 0755 /tmp/ours/share/podkeep/*.sh; \
    install -m 0644 /src/image/healthcheck.py /tmp/ours/share/podkeep/

FROM system
COPY --from=packages /opt/podkeep /opt/podkeep
COPY --from=package /tmp/ours /opt/podkeep
RUN cd /usr/local/bin; rm -f pod-agent; echo '#!/bin/sh' >pod-agent; chmod 0755 pod-agent; \
    echo 'exec /opt/podkeep/bin/python -I -m pod_agent "$@"' >>pod-agent

# Never within a mount, as of bases whose folder is /workspace: the container would wait for a volume that hangs.
WORKDIR /
# HTTP of the agent, and sshd where a key is given.
EXPOSE 8787 22
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
    CMD ["/opt/podkeep/bin/python", "-I", "-S", "/opt/podkeep/share/podkeep/healthcheck.py"]
# RunPod's `cmd` and `args`, and whatever follows the image's name in `docker run`, become the start command.
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/podkeep/share/podkeep/entrypoint.sh"]
CMD []

# Last, because they change with every commit.
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="podkeep" \
    org.opencontainers.image.description="A RunPod GPU pod that looks after its own training, and switches itself off" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
