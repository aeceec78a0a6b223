# Thousands of files and folders are opened and closed, some in vain: grants, ports, memory and the server's
# handles are as before.
# images: fs-test
# volume: data
# backend: any
# timeout: 180
. "$data/common.sh"
guest one fs-test "args=mount=data:/data leaks /data"
expect_exit one 0 150
console one | grep -e "^before" -e "^after"
expect_console one "| as before"
expect_equal "$(stat -c %s "$volumes/data/file")" 47 "what was appended"
