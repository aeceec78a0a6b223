# Values in xenstore that make no sense are errors that name the key and the value; when they
# are mended, the guest connects. The case plays the backend's part of the handshake by hand.
# images: net-probe
# timeout: 120
serve_echo 7
real=$(backend)
backend_stop
guest picky net-probe "args=connect-until-it-works $address:7"
expect_console picky "main after "
id=$(domid picky)
back=/local/domain/0/backend/pvcalls/$id/0
front=/local/domain/$id/device/pvcalls/0

# Offers three values; the guest complains about one of them in the words $4.
#
# It reads them one by one, in this order, again and again. So that it never finds all of them
# good, a wrong one must not be mended before one that is read later is wrong.
offer() {
	xenstore-write -- $back/versions "$1" $back/max-page-order "$2" $back/function-calls "$3" $back/state 2
	expect_console picky "$4"
}

# versions
offer 9 4 1 "InvalidData: PV Calls: xenstore key $back/versions is \"9\", expected a list with 1"
offer 0,2 4 1 "$back/versions is \"0,2\""
offer 1.0 4 1 "$back/versions is \"1.0\""
offer "" 4 1 "$back/versions is \"\""
offer "$(yes 1, | tr -d '\n' | head -c 1500)1" 4 1 "... (1501 bytes)\", expected a short list of versions"
# max-page-order
offer 1 0 1 "InvalidData: PV Calls: xenstore key $back/max-page-order is \"0\", expected a number from 1 to 9"
offer 1 10 1 "$back/max-page-order is \"10\", expected a number from 1 to 9"
offer 1 x 1 "$back/max-page-order is \"x\""
offer 1 -1 1 "$back/max-page-order is \"-1\""
offer 1 4294967296 1 "$back/max-page-order is \"4294967296\""
# function-calls
offer 1 4 2 "InvalidData: PV Calls: xenstore key $back/function-calls is \"2\", expected 1"
offer 1 4 01 "$back/function-calls is \"01\""
xenstore-rm $back/function-calls
expect_console picky "InvalidData: PV Calls: xenstore key $back/function-calls is missing"

# What the toolstack writes.
xenstore-write $front/backend-id 70000
expect_console picky "xenstore key device/pvcalls/0/backend-id is \"70000\", expected a domain id"
xenstore-write $front/backend relative/path
expect_console picky "xenstore key device/pvcalls/0/backend is \"relative/path\", expected an absolute xenstore path"

# All is mended. The real backend only takes devices that are in the first state.
xenstore-write $back/state 1 $front/backend-id 0 $front/backend $back
backend_start "$real"
expect_exit picky 0
expect_console picky "connected at attempt"
