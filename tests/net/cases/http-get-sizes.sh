# Pages of 1 byte, 64 KiB and 32 MiB arrive whole: both sides see the same checksum.
# images: http-get
# timeout: 180
mkdir site
printf x >site/1
head -c 65536 /dev/urandom >site/65536
head -c 33554432 /dev/urandom >site/33554432
serve_http site 8080
for bytes in 1 65536 33554432; do
	guest "get$bytes" http-get "args=--sha256 http://$address:8080/$bytes"
	sum=$(sha256sum <site/$bytes | cut -d' ' -f1)
	expect_exit "get$bytes" 0 120
	expect_console "get$bytes" "$bytes bytes, sha256 $sum"
done
