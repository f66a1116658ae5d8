#!/busybox sh
# The first program of the emulated machine, run by the kernel from the initramfs as PID 1.
# It puts a root file system together from folders of the real machine and moves into it. Nothing here can harm the
# real machine: what is shared is shared read-only, and all writing lands in memory, in an overlay's upper layer.
#
# "9p" is the protocol by which qemu shares folders; each share has a tag:
#   root     the root file system (the real machine's own, or one made from Debian packages)
#   repo     the repository, mounted at the path it has on the real machine
#   bun      only when the architectures differ: a Bun that runs here, to be laid over the repository
#   results  the one writable share: what the tests print, and their report

busybox=/busybox
# shellcheck disable=SC1091  # written by initramfs.ts: REPOSITORY, BUN_SHARED, ROOT_SHARED_OPTIONS, ...
. /settings

give_up() {
  echo "guest-init: $1"
  $busybox sync
  $busybox poweroff -f
}

share() { # TAG DIRECTORY OPTIONS
  $busybox mkdir -p "$2"
  $busybox mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,access=any,$3" "$1" "$2" ||
    give_up "cannot mount the share $1"
}

$busybox mkdir -p /proc /sys /dev /new
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs devtmpfs /dev

while read -r module; do
  $busybox insmod "/modules/$module" || echo "guest-init: cannot load $module"
done </modules/order

# cache=loose: the guest may keep what it has read. Without it every Bun start reads 100 MB through 9p again.
share root /shares/root ro,cache=loose
share repo /shares/repo ro,cache=loose
repository_layers=/shares/repo
if [ -n "$BUN_SHARED" ]; then
  share bun /shares/bun ro,cache=loose
  repository_layers=/shares/bun:/shares/repo
fi

$busybox mkdir -p /layers
$busybox mount -t tmpfs -o mode=755,size=75% layers /layers
$busybox mkdir -p /layers/root /layers/root-work /layers/repo /layers/repo-work

# The share shows what the real machine has mounted on these folders, its /proc for one. A whiteout (device 0,0) in
# the upper layer hides a folder of the lower one; a folder made in its place is then empty for good.
hidden="proc sys dev run tmp"
for name in $hidden; do $busybox mknod "/layers/root/$name" c 0 0; done
$busybox mount -t overlay -o lowerdir=/shares/root,upperdir=/layers/root,workdir=/layers/root-work overlay /new ||
  give_up "cannot overlay the root file system"
for name in $hidden; do $busybox mkdir "/new/$name"; done

$busybox mount --move /proc /new/proc
$busybox mount --move /sys /new/sys
$busybox mount --move /dev /new/dev
$busybox mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /new/run
$busybox mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /new/tmp

# After /tmp, so that a repository below /tmp is not hidden by it.
$busybox mkdir -p "/new$REPOSITORY"
$busybox mount -t overlay -o "lowerdir=$repository_layers,upperdir=/layers/repo,workdir=/layers/repo-work" \
  overlay "/new$REPOSITORY" || give_up "cannot overlay the repository"

# cache=none: each write is in the real machine's file at once, even if the guest dies in the next instant.
share results /new/run/crab-can-vm/results rw,cache=none
$busybox cp /busybox /settings /guest-machine.sh /new/run/crab-can-vm/

exec $busybox switch_root /new /run/crab-can-vm/busybox sh /run/crab-can-vm/guest-machine.sh
give_up "cannot move into the new root"
