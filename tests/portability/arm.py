"""An emulated ARM: Debian's Python and the wheels of PyPI for aarch64, run by qemu without installing anything.

The packages are unpacked into a folder, which qemu puts before the machine's own files; neither root nor a container
is needed. numba compiles for the processor that Apple's computers have, and qemu offers no wider vectors than it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.portability.places import Place, Unavailable, requirements

EMULATOR = "qemu-aarch64-static"
PYTHON = "3.11"  # of Debian 12, whose sources the machine must have
PACKAGES = (
    *(
        "libc6",
        "libgcc-s1",
        "libstdc++6",
        "libgomp1",
        "zlib1g",
        "libexpat1",
        "libssl3",
        "libffi8",
        "libbz2-1.0",
    ),
    *("liblzma5", "libsqlite3-0", "libuuid1", "libcrypt1", "tzdata"),
    *(f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", f"python{PYTHON}-minimal"),
)
PLATFORMS = (
    "manylinux_2_28_aarch64",
    "manylinux_2_27_aarch64",
    "manylinux_2_17_aarch64",
    "manylinux2014_aarch64",
)


def emulated_arm(folder: Path) -> Place:
    """Return Python for ARM, with the library's dependencies as wheels."""
    missing = [name for name in (EMULATOR, "apt-get", "dpkg-deb") if shutil.which(name) is None]
    if missing:
        raise Unavailable(
            f"not installed: {', '.join(missing)} ({EMULATOR} is in the package qemu-user-static)"
        )
    system, wheels = folder / "system", folder / "wheels"
    stamp, contents = folder / "installed.txt", "\n".join([*PACKAGES, *wheel_names()])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != contents:
        for old in (system, wheels):
            shutil.rmtree(old, ignore_errors=True)
        unpack_debian(system, folder / "packages")
        install_wheels(wheels)
        stamp.write_text(contents, encoding="utf-8")
    return Place(
        (EMULATOR, "-L", str(system), str(system / "usr" / "bin" / f"python{PYTHON}")),
        environment={
            "PYTHONPATH": str(wheels),
            "PYTHONNOUSERSITE": "1",
            "QEMU_CPU": "max,sve=off,sme=off",
            "NUMBA_CPU_NAME": "apple-m1",
            "NUMBA_CPU_FEATURES": "",
        },
        n_workers="0",  # a process that starts another would start it without the emulator
    )


def unpack_debian(system: Path, downloads: Path) -> None:
    """Fetch packages for ARM from the machine's sources, with lists of their own, and unpack them."""
    shutil.rmtree(downloads, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (downloads / name).mkdir(parents=True)
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "",
        "Dir::State::Lists": downloads / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": downloads / "cache",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *PACKAGES], cwd=downloads / "packages", check=True)
    system.mkdir(parents=True)
    for package in sorted((downloads / "packages").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", package, system], check=True)


def wheel_names() -> list[str]:
    return [f"{name}{versions}" for name, versions in requirements().items()]


def install_wheels(target: Path) -> None:
    """Install what the tests need as wheels for ARM."""
    platforms = [option for name in PLATFORMS for option in ("--platform", name)]
    versions = ["--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", target, *platforms, *versions]
    subprocess.run([*command, *wheel_names()], check=True)
