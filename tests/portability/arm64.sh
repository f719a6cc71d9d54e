#!/usr/bin/env bash
# Runs tests on an emulated 64-bit ARM processor, the architecture of Apple silicon: Debian's arm64 Python and the
# aarch64 wheels of PyPI under qemu, in a folder of their own. Nothing is installed for the system but qemu itself.
#
#   tests/portability/arm64.sh FOLDER [PYTEST ARGUMENTS]
#
# FOLDER keeps the downloads between runs (about 700 MB). Needs Debian or Ubuntu, and qemu-user-static.
set -eu

folder=$1
shift
root=$folder/root
site=$root/opt/site
mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$root" "$site"
folder=$(cd "$folder" && pwd)
root=$folder/root site=$folder/root/opt/site

if [ ! -e "$root/usr/bin/python3.11" ]; then
    apt="apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::Lists=$folder/lists
         -o Dir::State::status=/dev/null -o Dir::Cache::archives=$folder/archives -o APT::Sandbox::User=root"
    $apt update
    (cd "$folder/archives" && $apt download python3.11 python3.11-minimal libpython3.11-minimal libpython3.11-stdlib \
        libc6 libgcc-s1 libstdc++6 libgomp1 zlib1g libexpat1 libssl3 libffi8 libsqlite3-0 libbz2-1.0 liblzma5 \
        libuuid1 libncursesw6 libtinfo6 libreadline8 libcrypt1 libdb5.3 tzdata)
    for package in "$folder"/archives/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
fi
if [ ! -e "$site/pytest" ]; then
    python3 -m pip install --quiet --disable-pip-version-check --target "$site" --only-binary=:all: \
        --implementation cp --python-version 3.11 \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_26_aarch64 \
        --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
        numpy scipy scikit-learn numba statsmodels pandas joblib threadpoolctl tqdm pooch skops pytest
fi

# Without a home: caches of compiled code lie in the folder, as the host's would be of another processor.
exec qemu-aarch64-static -L "$root" \
    -E "PYTHONPATH=$site:$PWD" -E "NUMBA_CACHE_DIR=$folder/numba" -E "HOME=$folder" -E PYTHONDONTWRITEBYTECODE=1 \
    -E OMP_NUM_THREADS=1 -E OPENBLAS_NUM_THREADS=1 -E "PYTHONHOME=$root/usr" \
    "$root/usr/bin/python3.11" -m pytest -p no:cacheprovider "$@"
