# Two guests and dom0 in one folder: what one does the others see at once. Appended lines are not lost or
# mixed, a file that is made exclusively is made by one of them, and a file that dom0 changes while a guest
# has it open is what dom0 says, by its name and for the open file.
# images: fs-test
# programs: fs-test
# volume: data
# backend: any
# timeout: 180
. "$data/common.sh"
home=$volumes/data
echo "" >"$home/log"
guest one fs-test "args=mount=data:/data append /data/log one 100"
guest two fs-test "args=mount=data:/data append /data/log two 100"
for number in $(seq 100); do echo "dom0 $number" >>"$home/log"; done
expect_exit one 0 60
expect_exit two 0 60
expect_equal "$(grep -cx 'one [0-9]*' "$home/log")" 100 "lines of the first guest"
expect_equal "$(grep -cx 'two [0-9]*' "$home/log")" 100 "lines of the second"
expect_equal "$(grep -cx 'dom0 [0-9]*' "$home/log")" 100 "lines of dom0"
expect_equal "$(wc -l <"$home/log")" 301 "lines"
seq 0 99 >wanted
for guest in one two; do
	sed -n "s/^$guest //p" "$home/log" | cmp - wanted || fail "lines are out of order"
done
xl destroy one
xl destroy two

mkdir "$home/claims"
guest three fs-test "args=mount=data:/data claim /data/claims 60"
guest four fs-test "args=mount=data:/data claim /data/claims 60"
fs-test claim "$home/claims" 60 >host
expect_exit three 0 60
expect_exit four 0 60
expect_equal "$(ls "$home/claims" | wc -l)" 60 "claims"
made=$({ said three && said four && cat host; } | awk '{ made += $3 } END { print made }')
expect_equal "$made" 60 "claims that succeeded"
xl destroy three
xl destroy four

echo -n first >"$home/file"
guest five fs-test "args=mount=data:/data follow /data/file"
expect_console five '| by name: "first", 5 bytes'
expect_console five '| open: "first", 5 bytes'
echo -n "more than that" >"$home/file"
expect_console five '| by name: "more than that", 14 bytes'
expect_console five '| open: "more than that", 14 bytes'
: >"$home/file"
expect_console five '| open: "", 0 bytes'
# Another file of that name: the open one stays what it was.
echo -n replaced >"$home/new"
mv "$home/new" "$home/file"
expect_console five '| by name: "replaced", 8 bytes'
echo -n end >"$home/file"
expect_exit five 0
expect_no_console five '| open: "replaced"'
