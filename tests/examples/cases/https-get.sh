# A page over TLS 1.3 from openssl's server, if its certificate holds what it promises; and when it
# does not: which promise, an exit code of its own, and nothing said to that server.
# images: https-get
# programs: openssl
# timeout: 240
# backend: any
. "$data/certificates.sh"
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

year=$(date +%Y)
always="20200101000000Z 20990101000000Z"
authority ca
authority stranger
# shellcheck disable=SC2086 # two words
{
	certificate good ca DNS:shop.example $always
	certificate numbered ca "IP:$address" $always
	certificate rsa ca DNS:shop.example $always rsa
	certificate foreign stranger DNS:shop.example $always
	certificate forged good DNS:shop.example $always # signed by a server, which is no authority
}
certificate expired ca DNS:shop.example 20200101000000Z "$((year - 1))0101000000Z"
certificate early ca DNS:shop.example "$((year + 1))0101000000Z" 20990101000000Z
openssl req -x509 -new -key good.key -subj /CN=shop.example -days 30 -out self.pem \
	-addext subjectAltName=DNS:shop.example 2>>$log
cp good.key self.key

mkdir site
head -c 1000000 /dev/urandom >site/page
sum=$(sha256sum <site/page | cut -d' ' -f1)

# Serves the folder site with the certificate $1 on port $2. With $5 = -HTTP the files are whole
# answers.
serve() {
	(cd site && exec openssl s_server -accept "$2" "${5:--WWW}" -cert "../$1.pem" -key "../${3:-$1}.key" \
		$4 >"../$1.log" 2>&1) &
	wait_for_port "$2"
}
# The guest $1 fetches from port $2 of the server that it calls $3.
fetch() {
	guest "$1" https-get "args=--sha256 --ca $(base64_of ca.pem) --connect $address:$2 https://$3/page"
}
# That ends with the code $2, saying $3.
refuses() {
	expect_exit "$1" "$2" 30
	expect_console "$1" "https-get: $3"
	expect_no_console "$1" "bytes, sha256"
}

serve good 4431 good -tls1_3
fetch good 4431 shop.example
expect_exit good 0 60
expect_console good "1000000 bytes, sha256 $sum"
serve numbered 4432 numbered "-ciphersuites TLS_CHACHA20_POLY1305_SHA256"
fetch numbered 4432 "$address"
expect_exit numbered 0 60
expect_console numbered "1000000 bytes, sha256 $sum"
serve rsa 4433 rsa "-ciphersuites TLS_AES_256_GCM_SHA384 -curves P-256"
fetch rsa 4433 shop.example
expect_exit rsa 0 60
expect_console rsa "1000000 bytes, sha256 $sum"

refused="the server's certificate"
fetch other 4431 bank.example
refuses other 3 "$refused is not for \"bank.example\", but for DnsName(\"shop.example\")"
serve expired 4434 expired ""
fetch expired 4434 shop.example
refuses expired 3 "$refused has expired: it was valid until $(date -d "$((year - 1))-01-01 00:00" +%s)"
serve early 4435 early ""
fetch early 4435 shop.example
refuses early 3 "$refused is not valid yet"
serve self 4436 self ""
fetch self 4436 shop.example
refuses self 3 "$refused is signed by nobody who is trusted"
serve foreign 4437 foreign ""
fetch foreign 4437 shop.example
refuses foreign 3 "$refused is signed by nobody who is trusted"
serve forged 4438 forged "-cert_chain ../good.pem"
fetch forged 4438 shop.example
refuses forged 3 "$refused breaks a rule of chains"
# Whom the guest did not trust got no request, and was told why.
for name in expired early self foreign forged; do
	if grep -q FILE: "$name.log"; then fail "the guest asked $name for a page"; fi
	grep -q "alert" "$name.log" || fail "the guest did not tell $name why: $(cat "$name.log")"
done
grep -q FILE: good.log || fail "openssl does not log what it is asked for; the test above means nothing"

printf 'HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n' >site/gone
printf 'HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nshort' >site/short
serve good 4441 good "" -HTTP
guest gone https-get "args=--ca $(base64_of ca.pem) --connect $address:4441 https://shop.example/gone"
refuses gone 1 "HTTP/1.0 404 Not Found"
guest short https-get "args=--ca $(base64_of ca.pem) --connect $address:4441 https://shop.example/short"
refuses short 1 "the page has 5 bytes, the server announced 100"

serve good 4439 good -tls1_2
fetch old 4439 shop.example
refuses old 1 "the server does not speak TLS 1.3"
serve_echo 4440
fetch echo 4440 shop.example
refuses echo 1 ""
guest nobody https-get "args=https://$address:1/"
refuses nobody 1 "connection refused"
guest wrong https-get "args=--ca MIIB https://$address/"
refuses wrong 2 "--ca is not"
