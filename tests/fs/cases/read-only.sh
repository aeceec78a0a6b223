# A volume that dom0 mounted read-only, and one that the guest did: what may be read may be read, all else
# fails as on Linux, and nothing is changed.
# images: fs-test
# programs: fs-test
# volume: data own
# backend: any
# timeout: 90
. "$data/common.sh"
for tag in data own; do
	mkdir "$volumes/$tag/folder"
	echo content >"$volumes/$tag/file"
	fs-test manifest "$volumes/$tag" >"$tag.before"
done
mount -o remount,ro "$volumes/data"
fs-test read-only "$volumes/data" >host
guest one fs-test volumes=data "args=mount=data:/data read-only /data"
guest two fs-test volumes=own "args=mount=own:/data:ro read-only /data"
for name in one two; do
	expect_exit $name 0 60
	said $name >$name.said
	expect_same host $name.said "what may not be done"
done
grep -c ReadOnlyFilesystem host
for tag in data own; do
	fs-test manifest "$volumes/$tag" >"$tag.after"
	expect_same "$tag.before" "$tag.after" "what was not to be changed"
done
