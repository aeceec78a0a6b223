# rust-mqtt, unchanged, against Debian's mosquitto: exactly once, both ways; another client hears
# the message, too.
# images: mqtt
# backend: any
# programs: mosquitto mosquitto_sub@mosquitto-clients
# timeout: 120
printf 'listener 1883 0.0.0.0\nallow_anonymous true\nuser root\n' >conf
mosquitto -c conf >log 2>&1 &
wait_for_port 1883
mosquitto_sub -h "$address" -t greetings -q 2 -C 1 >heard &
listening=$!
sleep 1
guest mqtt mqtt "args=$address:1883 greetings 'good day'"
expect_exit mqtt 0
expect_console mqtt "subscribed to greetings"
expect_console mqtt "published"
expect_console mqtt "received on greetings: good day"
wait "$listening" || fail "the other client has not heard it"
[ "$(cat heard)" = "good day" ] || fail "the other client heard $(cat heard)"
