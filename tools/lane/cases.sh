# What every lane runs, in order; see harness.sh for the words. The working directory is the build.
check host-kind sh -c "pagoda doctor --json --edits 0 | grep '\"kind\": \"$LANE_KIND\"'"
check doctor pagoda doctor --edits 2000
check demo pagoda run --stats guests/demo
same hello guests/hello one two
same busybox-pipe busybox sh -c 'busybox seq 1 2000 | busybox sort -rn | busybox head -n 3'
same busybox-script busybox sh -c 'for i in 1 2 3; do echo $((i * i)); done; exit 7'
suite vm_tests tests/vm_tests --gtest_color=no --gtest_filter="$LANE_GTEST_FILTER"
