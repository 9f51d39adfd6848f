# Runs a command natively and under Pagoda; fails where standard output or the exit code differ.
"$@" >/tmp/native.out 2>/tmp/native.err
echo "exit $?" >>/tmp/native.out
pagoda run "$@" >/tmp/guest.out 2>/tmp/guest.err
echo "exit $?" >>/tmp/guest.out
cmp /tmp/native.out /tmp/guest.out && exit 0
echo "--- native:"
head -n 20 /tmp/native.out /tmp/native.err
echo "--- guest:"
head -n 40 /tmp/guest.out /tmp/guest.err
exit 1
