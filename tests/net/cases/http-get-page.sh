# http-get prints the page as it is. It fails, and says why, when there is no such page, when
# the page is cut short, and when it is called in a wrong way.
# images: http-get
mkdir site
for line in 1 2 3 4 5; do echo "line $line of the page"; done >site/index.html
serve_http site
guest page http-get "args=http://$address/"
expect_exit page 0
console page | tr -d '\r' | sed -n '/^line 1 of/,$p' | head -n 5 >got
cmp site/index.html got || fail "the page arrives otherwise"

guest missing http-get "args=http://$address/missing"
expect_exit missing 1
expect_console missing "http-get: http://$address/missing: HTTP/1.1 404 Not Found"

# The server reads the request, or its end would be a reset; and it waits before it closes:
# Linux backends lose resets, and ends that come with data.
cat >short <<'END'
while read -r line && [ ${#line} -gt 1 ]; do :; done
printf 'HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nhello'
sleep 1
END
busybox nc -ll -p 8081 -e sh "$PWD/short" &
wait_for_port 8081
guest short http-get "args=http://$address:8081/"
expect_exit short 1
expect_console short "the page has 5 bytes, the server announced 10"

guest nothing http-get
expect_exit nothing 2
expect_console nothing "usage: http-get"
guest noturl http-get "args=gopher://$address/"
expect_exit noturl 1
expect_console noturl "not of the form http://"
