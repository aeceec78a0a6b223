# Ten thousand files in one folder: the guest lists them all, without keeping them in memory; a thousand
# files that it makes are there in dom0.
# images: fs-test
# programs: fs-test
# volume: data
# backend: any
# timeout: 180
. "$data/common.sh"
mkdir "$volumes/data/host" "$volumes/data/guest"
fs-test create "$volumes/data/host" 10000
guest lister fs-test memory=16 "args=mount=data:/data list /data/host"
guest maker fs-test "args=mount=data:/data create /data/guest 1000"
fs-test list "$volumes/data/host" >host
expect_exit lister 0 120
said lister >guest
expect_same host guest "the list"
expect_console lister "| 10000 names, sum "
taken=$(console lister | sed -n 's/^listing took \([0-9]*\) KiB.*/\1/p')
echo "listing took $taken KiB"
[ "$taken" -le 1024 ] || fail "listing took $taken KiB"
expect_exit maker 0 120
expect_equal "$(ls "$volumes/data/guest" | wc -l)" 1000 "files the guest made"
for number in 0 1 499 999; do
	name="file number $number of a folder with very many of them"
	expect_equal "$(cat "$volumes/data/guest/$name")" "content of $number" "$name"
done
mkdir "$volumes/data/std"
fs-test create "$volumes/data/std" 1000
diff -r "$volumes/data/std" "$volumes/data/guest" || fail "not the same files"
