# curl downloads a hundred files and one of 64 MiB from a folder of dom0 that the guest mounts, and
# gets what dom0 has there: parts, lists, changes, many at once; and errors for what is not there,
# for paths and links that lead out, and when the files' server is gone.
# images: file-server
# programs: curl socat
# volume: files other
# timeout: 600
# backend: any
. "$data/server.sh"
root=$volumes/files
mkdir -p "$root/many" "$root/sub/deep"
i=0
while [ $i -lt 100 ]; do
	head -c $((i * i * 7)) /dev/urandom >"$root/many/file $i.bin"
	i=$((i + 1))
done
head -c 67108864 /dev/urandom >"$root/large"
head -c 4000000 "$root/large" >"$root/medium"
echo 'Hello from a file' >"$root/hello.txt"
printf '<h1>index</h1>' >"$root/sub/index.html"
: >"$root/empty"
echo secret >/secret
echo other >"$volumes/other/file"
ln -s ../../secret "$root/out"
ln -s /other/file "$root/across"
ln -s hello.txt "$root/link"
mkfifo "$root/fifo"
guest web file-server "args=mount=files:/data,other:/other -- /data --patience 30 --clients 60" memory=64
serves web 8080
url=http://$address:8080
# The status with which $* is answered.
status() { curl -s -o body -w '%{http_code}' -m 60 --path-as-is "$@" || true; }
# The field $1 of the head of $2.
field() { curl -s -I "$2" | tr -d '\r' | sed -n "s/^$1: //p"; }

# A hundred files, one connection after the other and one for all.
mkdir got
i=0
while [ $i -lt 100 ]; do
	echo "url = \"$url/many/file%20$i.bin\""
	echo "output = \"got/file $i.bin\""
	i=$((i + 1))
done >wanted
curl -s -f -K wanted || fail "curl failed with $?"
expect_equal "$(cd got && md5sum ./* | md5sum)" "$(cd "$root/many" && md5sum ./* | md5sum)" "checksum of 100 files"
rm -r got && mkdir got
curl -s -f --parallel --parallel-max 10 -K wanted || fail "curl failed with $?, ten at a time"
expect_equal "$(cd got && md5sum ./* | md5sum)" "$(cd "$root/many" && md5sum ./* | md5sum)" "checksum of 100 files, ten at a time"
# 64 MiB, as much as the guest has memory; and four smaller ones at once, with others between.
whole=$(md5sum <"$root/large")
curl -s -f -w 'large: %{speed_download} bytes/s\n' -o large "$url/large" || fail "curl failed with $?"
expect_equal "$(md5sum <large)" "$whole" "checksum of 64 MiB"
rm large
medium=$(md5sum <"$root/medium")
for number in 1 2 3 4; do
	curl -s -f "$url/medium" | md5sum >"sum.$number" &
	sums="${sums:-} $!"
done
expect_equal "$(curl -s -m 60 "$url/hello.txt")" "Hello from a file" "a file beside four large ones"
for sum in $sums; do wait "$sum"; done
for number in 1 2 3 4; do expect_equal "$(cat sum.$number)" "$medium" "checksum $number of 4 at once"; done
# Broken off, and gone on with.
curl -s -r 0-1999999 -o part "$url/medium"
expect_equal "$(curl -s -C - -o part -w '%{http_code}' "$url/medium")" 206
expect_equal "$(md5sum <part)" "$medium" "checksum of two parts"
expect_equal "$(curl -s -r 6-9 "$url/hello.txt")" from
expect_equal "$(curl -s -r -5 "$url/hello.txt")" "file"
expect_equal "$(status -r 100- "$url/hello.txt")" 416
expect_equal "$(field Content-Length "$url/large")" 67108864
expect_equal "$(field Content-Type "$url/hello.txt")" "text/plain; charset=utf-8"
expect_equal "$(field Last-Modified "$url/hello.txt")" "$(date -u -r "$root/hello.txt" '+%a, %d %b %Y %H:%M:%S GMT')"
expect_equal "$(curl -s "$url/link")" "Hello from a file"
expect_equal "$(status "$url/empty")" 200
expect_equal "$(wc -c <body)" 0

# Lists.
expect_equal "$(status "$url/")" 200
for name in 'href="/hello.txt">hello.txt<' 'href="/many/">many/<' 'href="/large">'; do
	grep -qF "$name" body || fail "no $name in the list: $(cat body)"
done
curl -s "$url/many/" >list
expect_equal "$(grep -c 'href="/many/file%20[0-9]*.bin">' list)" 100 "files in the list"
expect_equal "$(curl -s -L "$url/sub")" "<h1>index</h1>"
expect_equal "$(status "$url/sub")" 301
i=0
while [ $i -lt 1000 ]; do
	: >"$root/sub/deep/$i"
	i=$((i + 1))
done
expect_equal "$(curl -s "$url/sub/deep/" | grep -c '<li>')" 1001 "lines of a list of 1000 files"

# What is not there, leads out, or is not for sending.
expect_equal "$(status "$url/none")" 404
expect_equal "$(status "$url/hello.txt/none")" 404
expect_equal "$(status "$url/hello.txt/")" 404
for path in /../secret /%2e%2e/secret /sub/../../secret /..%2fsecret /out /across /fifo; do
	case $(status "$url$path") in
	403 | 404) ;;
	*) fail "$path is answered with $(status "$url$path")" ;;
	esac
	if grep -q -e secret -e other body; then fail "$path leads out"; fi
done
expect_equal "$(status "$url/%zz")" 400
expect_equal "$(status -d x "$url/hello.txt")" 405

# What dom0 changes is seen by the next request, and what is known is not sent again.
tag=$(field ETag "$url/hello.txt")
expect_equal "$(status -H "If-None-Match: $tag" "$url/hello.txt")" 304
expect_equal "$(status -z "$root/hello.txt" "$url/hello.txt")" 304
echo 'Changed in dom0!!' >"$root/hello.txt"
expect_equal "$(status -H "If-None-Match: $tag" "$url/hello.txt")" 200
expect_equal "$(cat body)" "Changed in dom0!!"
echo new >"$root/new"
expect_equal "$(curl -s "$url/new")" new
rm "$root/new"
expect_equal "$(status "$url/new")" 404

# More clients than there may be: an error, and then others.
for _ in $(seq 62); do sleep 100 | socat - "TCP:$address:8080" >/dev/null 2>&1 & done
tries=0
until [ "$(status -m 5 "$url/hello.txt")" = 503 ]; do
	tries=$((tries + 1))
	[ $tries -lt 50 ] || fail "60 clients, and one more is served"
	sleep 0.2
done
kill $(jobs -p) 2>/dev/null || true
tries=0
until [ "$(status -m 5 "$url/hello.txt")" = 200 ]; do
	tries=$((tries + 1))
	[ $tries -lt 50 ] || fail "the clients are gone, and nobody is served"
	sleep 0.2
done
expect_no_console web "file-server: /"

# The files' server is gone: 500, a line that says so, and the guest goes on.
server=$(ps -o pid,args | sed -n "s|^ *\([0-9]*\) .*[x]en-qemu-system.*-xen-domid $(domid web) .*|\1|p" | head -n 1)
[ -n "$server" ] || fail "no server of files: $(ps -o pid,args)"
kill -9 "$server"
expect_equal "$(status -m 200 "$url/hello.txt")" 500
expect_console web "file-server: /data"
expect_equal "$(status -m 200 "$url/")" 500
still_serves web curl -s -m 20 "$url/%zz"
# A folder that no volume has.
guest none file-server "args=mount=files:/data -- /data/none" memory=32
expect_failure none 60
