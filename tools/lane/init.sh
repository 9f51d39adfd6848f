#!/bin/busybox sh
# First process of a lane: brings up just enough Linux, loads KVM as the lane wants it, runs the cases
# and reports on the second serial port. Lines that begin with "@@" and the boot's nonce are for the
# harness outside; a boot without the last of them has no result.
/bin/busybox --install -s /bin 2>/dev/null
export PATH=/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
ln -s /proc/self/fd /dev/fd
mount -t tmpfs tmp /dev/shm
ip link set lo up

. /lane/config
stty -F /dev/ttyS1 raw -echo
exec </dev/null >/dev/ttyS1 2>&1

for module in $LANE_MODULES; do
  case $module in
  kvm-amd) insmod "/lane/$module.ko" "npt=$LANE_NPT" ;;
  *) insmod "/lane/$module.ko" ;;
  esac
done

. /lane/harness.sh
cd "$LANE_BUILD" || exit 1
mark npt "$(cat /sys/module/kvm_amd/parameters/npt)"
mark booted "$(uptime_seconds)"
. /lane/cases.sh
dmesg | grep -E 'BUG:|Oops|Call Trace|soft lockup' | head -n 5 | while read -r line; do mark kernel "$line"; done
mark end "$(uptime_seconds)"
sync
reboot -f
