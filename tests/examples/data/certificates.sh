# An authority and what it signs, made with openssl. Sourced; files land in the current folder.
cat >openssl.cnf <<'END'
[req]
distinguished_name = name
prompt = no
[name]
CN = Test
[ca]
default_ca = sign
[sign]
database = index.txt
new_certs_dir = .
rand_serial = yes
policy = any
default_md = sha256
unique_subject = no
[any]
commonName = supplied
END
export OPENSSL_CONF=$PWD/openssl.cnf
: >index.txt
log=openssl.log

# A new key: key FILE [rsa]
key() {
	case ${2:-} in
	rsa) openssl genrsa -out "$1" 2048 2>>$log ;;
	*) openssl ecparam -genkey -name prime256v1 -noout -out "$1" 2>>$log ;;
	esac
}

# The authority NAME: NAME.key, NAME.pem.
authority() {
	key "$1.key"
	openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 30 -out "$1.pem" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign 2>>$log ||
		fail "openssl made no authority: $(tail -n 3 $log)"
}

# A server's certificate, NAME.pem with NAME.key:
#   certificate NAME AUTHORITY ALTERNATIVE_NAME FROM UNTIL [rsa]      (times: YYYYMMDDHHMMSSZ)
certificate() {
	key "$1.key" "${6:-}"
	openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr" 2>>$log
	printf 'subjectAltName=%s\nbasicConstraints=critical,CA:FALSE\n' "$3" >"$1.ext"
	openssl ca -batch -notext -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" -out "$1.pem" \
		-startdate "$4" -enddate "$5" -extfile "$1.ext" 2>>$log ||
		fail "openssl signed nothing: $(tail -n 3 $log)"
}

# What a PEM file has between its first and last line, in one line.
base64_of() { grep -v -e --- "$1" | tr -d '\n'; }
