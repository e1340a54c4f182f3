# udasa in a container, from its wheel. Without a GPU, and with one:
#   docker build -t udasa .
#   docker build -t udasa:cuda --build-arg TORCH=cuda --build-arg 'EXTRAS=[qlora]' .
#   docker run --rm -v "$PWD:/work" -v udasa-cache:/cache udasa check mine.toml
#   docker run --rm --gpus all -v "$PWD:/work" -v udasa-cache:/cache udasa:cuda run mine.toml
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY udasa_core udasa_core
COPY udasa_eval udasa_eval
COPY plugins plugins
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:${PYTHON}-slim
# cpu: torch's own index, which has a build without CUDA. cuda: the package index's build, with CUDA's libraries.
ARG TORCH=cpu
# Extras of pyproject.toml, in brackets: [qlora] for 4 bits, [qlora,lm-eval] for two.
ARG EXTRAS=
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheel /tmp/wheel
RUN case "$TORCH" in \
      cpu) export PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu ;; \
      cuda) ;; \
      *) echo "TORCH is cpu or cuda, not $TORCH" >&2; exit 1 ;; \
    esac \
 && python -m pip install --no-cache-dir -c /tmp/constraints.txt "$(echo /tmp/wheel/udasa-*.whl)$EXTRAS" \
 && rm -r /tmp/wheel /tmp/constraints.txt \
 && useradd --create-home --uid 1000 udasa \
 && install -d -o udasa -g udasa /work /cache
# Fetched models and data go to a volume, or each container would fetch them anew.
ENV XDG_CACHE_HOME=/cache HF_HOME=/cache/huggingface
USER udasa
WORKDIR /work
ENTRYPOINT ["udasa"]
CMD ["--help"]
