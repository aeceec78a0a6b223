# embedded-tls, unchanged, on async and blocking streams, against OpenSSL's server: a page comes, and
# certificates of another authority, for another name, and out of date are refused.
# images: tls-client
# backend: any
# programs: openssl
# timeout: 240
export OPENSSL_CONF=/dev/null
# An authority NAME, and a certificate of it: authority NAME; certificate NAME AUTHORITY HOST OPTIONS
authority() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
	openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 2 -sha256 -out "$1.pem" 2>/dev/null
}
certificate() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
	openssl req -new -key "$1.key" -subj "/CN=$3" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -set_serial 1 -sha256 $4 -out "$1.pem" 2>/dev/null
}
# serve CERTIFICATE PORT
serve() {
	openssl s_server -accept "$2" -cert "$1.pem" -key "$1.key" -tls1_3 -WWW -quiet </dev/null >"$1.log" 2>&1 &
	wait_for_port "$2"
}
authority ours
authority theirs
certificate good ours server.example "-days 2"
certificate foreign theirs server.example "-days 2"
certificate other ours other.example "-days 2"
certificate old ours server.example "-days -1"
seq 2000 >page
serve good 4433
serve foreign 4434
serve other 4435
serve old 4436
ca=$(openssl x509 -in ours.pem -outform DER | od -An -v -tx1 | tr -d ' \n')

tls_guest() {
	guest "$1" tls-client "args=ca=$ca $3 $address:$2 server.example /page"
}
# All at once: TLS is slow in an emulator.
tls_guest async 4433 ""
tls_guest blocking 4433 blocking=1
tls_guest foreign 4434 ""
tls_guest other 4435 ""
tls_guest old 4436 ""
for way in async blocking; do
	expect_exit "$way" 0 120
	console "$way" | tr -d '\r' | sed -n '/^1$/,/^2000$/p' >got
	cmp page got || fail "$way: the page arrives otherwise"
done
for wrong in foreign other old; do
	expect_exit "$wrong" 1 120
	expect_console "$wrong" "TLS: Invalid"
done
