"""A small machine that has /dev/uinput, for hosts whose kernel has none: QEMU, a Debian kernel, this host's own files.

Emulated in software, so it needs no rights but those to install packages once. Kernel and initial file system are made
on first use and kept in the user's cache; `tests.real.machine` boots them.
"""

import gzip
import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from ngrt.inference.cache import cache_folder

PACKAGES = {
    "/usr/bin/qemu-system-x86_64": "qemu-system-x86",
    "/bin/busybox": "busybox-static",
    "/usr/lib/x86_64-linux-gnu/libevdev.so.2": "libevdev2",
}
"""What is needed on the host, and the Debian packages that bring it."""

KERNEL = "linux-image-amd64"

MODULES = ("virtio_pci", "9pnet_virtio", "9p", "evdev", "joydev", "uinput")
"""A bus to the host, its files, and input devices; what they need is added."""

INIT = """#!/busybox sh
b=/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for module in $($b cat /order); do $b insmod /$module || echo "no module $module"; done
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 files /host || $b poweroff -f
for kind in proc sysfs; do $b mount -t $kind $kind /host/${kind%fs}; done
$b mount --bind /dev /host/dev
$b mkdir -p /dev/shm; $b mount -t tmpfs -o mode=1777 shm /host/dev/shm
exec </dev/ttyS1 >/dev/ttyS1
$b stty raw -echo
echo ready
while read job end; do
  $b chroot /host /bin/sh $job 2>&1 </dev/null
  $b printf '\\n%s %s\\n' $end $?
done
$b poweroff -f
"""
"""Runs as root whatever it is sent the names of, one after the other, and says after each ``end`` and its status."""


@dataclass(frozen=True)
class Guest:
    """A machine ready to boot: ``kernel`` and its first file system ``files``."""

    kernel: Path
    files: Path


def made_guest() -> Guest:
    """Return the guest, made now if it has not been; skip the test, saying why, where its packages cannot be had."""
    if platform.machine() != "x86_64" or shutil.which("apt-get") is None:
        pytest.skip("the guest with a real /dev/uinput is made of Debian's packages for x86-64")
    folder = cache_folder() / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "guest.lock"):  # several runs of the tests may want it at once
        _install([package for file, package in PACKAGES.items() if not Path(file).exists()])
        guest = Guest(folder / "guest-kernel", folder / "guest-files.gz")
        if not (guest.kernel.exists() and guest.files.exists() and _init(guest.files) == INIT):
            _make(guest, folder)
    return guest


def _install(packages: Sequence[str]) -> None:
    if not packages:
        return
    if not _is_root():
        pytest.skip(f"not installed; sudo apt-get install {' '.join(packages)}")
    install = ["install", "-y", "--no-install-recommends", *packages]
    if _apt(*install).returncode and (_apt("update").returncode or _apt(*install).returncode):
        pytest.skip(f"packages cannot be had: {' '.join(packages)}")


def _is_root() -> bool:
    if sys.platform == "win32":
        return False
    else:
        return os.geteuid() == 0


def _apt(*arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "-o", "APT::Sandbox::User=root", "-qq", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def _make(guest: Guest, folder: Path) -> None:
    """Download the kernel, unpack it beside, and write kernel and files."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        _download_kernel(work)
        [package] = work.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package, work / "unpacked"], check=True)
        [kernel] = (work / "unpacked/boot").glob("vmlinuz-*")
        modules = {file.name.split(".")[0]: file for file in (work / "unpacked").rglob("*.ko*")}
        loaded: dict[str, bytes] = {}
        for module in MODULES:
            _load(module, modules, loaded)
        start = {
            "init": INIT.encode(),
            "busybox": Path("/bin/busybox").read_bytes(),
            "order": "\n".join(loaded).encode(),
        }
        (work / "files.gz").write_bytes(gzip.compress(b"".join(_archive(start | loaded)), 1))
        os.replace(kernel, guest.kernel)
        os.replace(work / "files.gz", guest.files)


def _download_kernel(work: Path) -> None:
    for prepare in (lambda: None, lambda: _apt("update")):
        prepare()
        depends = subprocess.run(["apt-cache", "depends", KERNEL], capture_output=True, text=True).stdout
        if (found := re.search(r"Depends: (linux-image-\d\S+)", depends)) and not _apt(
            "download", found[1], folder=work
        ).returncode:
            return
    pytest.skip(f"the package {KERNEL} cannot be had")


def _load(name: str, modules: Mapping[str, Path], loaded: dict[str, bytes]) -> None:
    """Add a kernel module's contents to ``loaded``, after those of the modules that it says it needs."""
    if name in loaded or name not in modules:  # else it is built in
        return
    file = modules[name]
    content = lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()
    needs = re.search(rb"\0depends=([^\0]*)\0", content)
    for other in needs[1].decode().split(",") if needs else ():
        _load(other, modules, loaded)
    loaded[name] = content


def _archive(contents: dict[str, bytes]) -> Iterator[bytes]:
    """Yield a cpio archive (newc) of executable files and of the folders that `INIT` mounts on."""
    for name in ("proc", "sys", "dev", "host"):
        yield _entry(name, 0o040755, b"")
    for name, content in contents.items():
        yield _entry(name, 0o100755, content)
    yield _entry("TRAILER!!!", 0, b"")


def _entry(name: str, mode: int, content: bytes) -> bytes:
    # number, mode, owner, group, links, time, size, device and its parts, length of the name, checksum
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return _padded(head) + _padded(content)


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 4)


def _init(files: Path) -> str:
    """Return the start script of files made before."""
    unpacked = gzip.decompress(files.read_bytes())
    start = unpacked.index(b"#!/busybox")
    return unpacked[start : start + len(INIT.encode())].decode(errors="replace")
