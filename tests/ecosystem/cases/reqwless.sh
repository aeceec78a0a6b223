# reqwless, unchanged: GET of a large page, POST to a script that sends it back, an answer that
# refuses, nobody there.
# images: http-client
# backend: any
# timeout: 120
mkdir -p site/cgi-bin
seq 20000 >site/index.html
cat >site/cgi-bin/echo <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
head -c "$CONTENT_LENGTH"
END
chmod +x site/cgi-bin/echo
serve_http site

guest get http-client "args=http://$address/"
guest post http-client "args=http://$address/cgi-bin/echo 'what is sent'"
guest missing http-client "args=http://$address/missing"
guest nobody http-client "args=http://$address:9/"
expect_exit get 0
expect_console get "200, $(wc -c <site/index.html) bytes"
console get | tr -d '\r' | sed -n '/^1$/,/^20000$/p' >got
cmp site/index.html got || fail "the page arrives otherwise"
expect_exit post 0
expect_console post "200, 12 bytes"
expect_console post "what is sent"
expect_exit missing 1
expect_console missing "404, "
expect_exit nobody 1
expect_console nobody "ConnectionRefused"
