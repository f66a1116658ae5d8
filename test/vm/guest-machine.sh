#!/bin/sh
# Second half of the start: PID 1 in the guest's own root. It makes the machine look like the ones students have,
# which systemd has set up, runs the tests, and turns the machine off.

ours=/run/crab-can-vm
busybox=$ours/busybox
results=$ours/results
# shellcheck disable=SC1091  # written by initramfs.ts: REPOSITORY, ARCHITECTURE, TIME_LIMIT_SECONDS, run_tests
. $ours/settings

# A hang must end by itself too when nobody is left outside to end it. What still runs then tells where it hangs.
(
  $busybox sleep "$TIME_LIMIT_SECONDS"
  {
    echo "guest: the time limit of $TIME_LIMIT_SECONDS s is over; still running:"
    $busybox ps -o pid,ppid,stat,args | $busybox grep -v '\[.*\]$'
  } >>$results/output.log
  echo timeout >$results/status
  $busybox poweroff -f
) &

# --- Mounts -----------------------------------------------------------------------------------------------------------
$busybox mkdir -p /dev/pts /dev/shm /dev/mqueue
$busybox mount -t devpts -o gid=5,mode=620,ptmxmode=000,nosuid,noexec devpts /dev/pts
$busybox mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
$busybox mount -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue
# udev makes these links; without them `bash <(...)` and many scripts fail.
$busybox ln -sf /proc/self/fd /dev/fd
$busybox ln -sf /proc/self/fd/0 /dev/stdin
$busybox ln -sf /proc/self/fd/1 /dev/stdout
$busybox ln -sf /proc/self/fd/2 /dev/stderr
$busybox mount -o remount,nosuid,nodev,noexec /proc
$busybox mount -o remount,nosuid,nodev,noexec /sys

# --- cgroup v2, as systemd lays it out -------------------------------------------------------------------------------
cgroups=/sys/fs/cgroup
$busybox mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 $cgroups
enable_controllers() { # CGROUP
  # One write each: a list with a single controller that cannot be enabled enables none.
  for controller in $($busybox cat "$1/cgroup.controllers"); do
    echo "+$controller" >"$1/cgroup.subtree_control" || echo "guest: $controller is not enabled in $1"
  done
}
enable_controllers $cgroups
# Processes live in leaves only: PID 1 in init.scope, a login in a session scope. A runtime that takes the cgroup it
# was started in for its own then meets the kernel's "no internal processes" rule here as it does there.
session=$cgroups/user.slice/user-0.slice/session-1.scope
$busybox mkdir -p $cgroups/init.scope $session
echo $$ >$cgroups/init.scope/cgroup.procs
enable_controllers $cgroups/user.slice
enable_controllers $cgroups/user.slice/user-0.slice

# Mounts spread to new mount namespaces unless these say otherwise: the kernel starts private, systemd makes it shared.
$busybox mount --make-rshared /

# --- Names, users, network, limits -----------------------------------------------------------------------------------
$busybox hostname crab-vm
echo crab-vm >/etc/hostname
printf '127.0.0.1\tlocalhost\n127.0.1.1\tcrab-vm\n::1\tlocalhost\n' >/etc/hosts
$busybox grep -q '^student:' /etc/passwd || {
  echo 'student:x:1500:1500:Student:/home/student:/bin/sh' >>/etc/passwd
  echo 'student:x:1500:' >>/etc/group
  $busybox mkdir -p /home/student
  $busybox chown 1500:1500 /home/student
}
$busybox ip link set lo up
ulimit -Hn 524288
ulimit -Sn 1024

# --- The tests --------------------------------------------------------------------------------------------------------
echo "guest: Linux $($busybox uname -r) $($busybox uname -m), controllers: $($busybox cat $cgroups/cgroup.controllers)" \
  >>$results/output.log
(
  # In a subshell $$ is still PID 1; 0 stands for the process that writes.
  echo 0 >$session/cgroup.procs
  export HOME=/root USER=root LOGNAME=root SHELL=/bin/sh TERM=dumb LANG=C.UTF-8
  export PATH="$REPOSITORY/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  # /tmp is nodev and nosuid, as on new distributions; some tests show what devices and set-user-ID bits would do.
  export TMPDIR=/var/tmp
  export CRAB_CAN_VM=1 CRAB_CAN_VM_ARCH="$ARCHITECTURE"
  cd "$REPOSITORY" || exit 1
  run_tests
) </dev/null >>$results/output.log 2>&1
echo "exit $?" >$results/status

$busybox sync
$busybox poweroff -f
