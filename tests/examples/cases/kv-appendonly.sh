# kv keeps its keys in a file on a volume, in Redis' form: whatever redis-cli was told is there in
# the next guest, though `xl destroy` came in the middle of writes, or of the file being written
# anew; a file that is cut off, wrong, or on a full disk; and a real redis-server loads it.
# images: kv
# programs: redis-cli@redis-tools redis-benchmark@redis-tools redis-check-rdb@redis-tools redis-check-aof@redis-tools socat
# volume: keys small:8m
# timeout: 600
# backend: any
. "$data/server.sh"
log=$volumes/keys/kv.aof
cli() { redis-cli -h "$address" -p 6379 "$@"; }
# The command $2… is answered with $1.
answers() {
	wanted=$1
	shift
	expect_equal "$(cli "$@" 2>&1)" "$wanted" "answer to $*"
}
# A new guest with the volume of that name: kv_guest NAME VOLUME [OPTION]...
kv_guest() {
	name=$1 volume=$2
	shift 2
	guest "$name" kv "args=mount=$volume:/data -- --memory 24 --appendonly /data/kv.aof $*" \
		"volumes=$volume" memory=96
}
# A client that adds to its list one number after the other, and writes down what is answered: the
# length of the list. It ends with its connection. Some wait for each answer, others for none.
writer() {
	case $1 in
	1 | 2)
		rm -f "to.$1" "from.$1"
		mkfifo "to.$1" "from.$1"
		socat - "TCP:$address:6379" <"to.$1" >"from.$1" 2>/dev/null &
		exec 8>"to.$1" 9<"from.$1"
		number=0
		while
			number=$((number + 1))
			echo "RPUSH list:$1 $number" >&8 && read -r answer <&9
		do
			echo "$answer" >>"answered.$1"
		done
		;;
	*) seq 40000 | sed "s/^/RPUSH list:$1 /" | socat -t 5 - "TCP:$address:6379" >"answered.$1" 2>/dev/null ;;
	esac
}
# What writer $1 was answered last.
answered() { tr -d '\r:' <"answered.$1" | grep -E '^[0-9]+$' | tail -n 1; }
# INFO's field $1.
info() { cli INFO | tr -d '\r' | sed -n "s/^$1://p"; }

# What the writers were answered is there, in order; and of those who waited for each answer, at most
# one more.
all_there() {
	for client in 1 2 3 4; do
		there=$(cli LLEN list:$client)
		known=$(answered $client)
		[ "$there" -ge "${known:-0}" ] || fail "$1, client $client: $there of $known that were answered"
		case $client in
		1 | 2)
			[ "$there" -le $((known + 1)) ] || fail "$1, client $client: $there, and $known were answered"
			;;
		esac
		expect_equal "$(cli LRANGE list:$client 0 -1 | md5sum)" "$(seq "$there" | md5sum)" "list $client"
	done
}

# Rounds of: clients write, `xl destroy`, a new guest. In the second one the file is being written
# anew when it comes.
for round in 1 2 3; do
	case $round in 3) fsync=everysec ;; *) fsync=always ;; esac
	kv_guest "kv$round" keys --appendfsync $fsync
	serves "kv$round" 6379
	if [ $round -gt 1 ]; then
		all_there "round $round"
		answers "$((round - 1))" GET round
		expect_equal "$(cli GET "soon")" "" "a key whose time is over"
		case $(cli TTL later) in 9???? | 100000) ;; *) fail "later lives for $(cli TTL later) s" ;; esac
		answers 5 LLEN fixed
	else
		answers 5 RPUSH fixed a b c d e
		answers OK SET later x EX 100000
	fi
	answers "$round" INCR round
	answers OK SET soon x PX 500
	for client in 1 2 3 4; do
		cli DEL list:$client >/dev/null
		: >answered.$client
		writer $client &
		writers="${writers:-} $!"
	done
	tries=0
	until [ "$(answered 2)" ] && [ "$(answered 2)" -ge $((round * 40)) ]; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || fail "nothing is written: $(tail -n 1 answered.*)"
		sleep 0.2
	done
	if [ $round = 2 ]; then cli BGREWRITEAOF >/dev/null; fi
	xl destroy "$(domid "kv$round")"
	wait $writers 2>/dev/null || true
	writers=
	for client in 1 2 3 4; do echo "round $round, client $client: $(answered $client) answered"; done
	[ "$(answered 1)" ] || fail "client 1 has written nothing"
done

# One more guest, for the rest. One fsync is for the answers of many.
kv_guest kv keys --appendfsync always
serves kv 6379
answers 3 GET round
all_there "after all rounds"
before=$(info aof_fsyncs)
redis-benchmark -h "$address" -p 6379 -n 2000 -c 20 -r 100 --csv -t set,lpush,hset >benchmark 2>benchmark.err ||
	fail "redis-benchmark failed: $(cat benchmark.err)"
cat benchmark
syncs=$(($(info aof_fsyncs) - before))
echo "6000 commands of 20 clients: $syncs fsyncs"
[ $syncs -gt 0 ] && [ $syncs -lt 3000 ] || fail "$syncs fsyncs for 6000 commands of 20 clients"
# Written anew it is shorter, and says the same; so does a real redis-server.
cli --no-raw KEYS '*' | sort >keys
size=$(info aof_current_size)
answers "Background append only file rewriting started" BGREWRITEAOF
tries=0
until [ "$(info aof_rewrites)" = 1 ]; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || fail "the log is not written anew: $(console kv)"
	sleep 0.2
done
[ "$(info aof_current_size)" -lt "$size" ] || fail "the log has not become shorter"
expect_equal "$(stat -c %s "$log")" "$(info aof_current_size)" "the length of the log"
expect_equal "$(ls "$volumes/keys")" kv.aof "the files"
answers 7 INCRBY n 7
redis-check-aof "$log" >check.log 2>&1 || fail "redis-check-aof: $(cat check.log)"
mkdir redis
cp "$log" redis/
# One program with several names.
ln -s "$(command -v redis-check-rdb)" redis-server
./redis-server --port 6400 --bind 127.0.0.1 --dir "$PWD/redis" --save "" --appendonly yes \
	--appendfilename kv.aof --aof-load-truncated no >redis.log 2>&1 &
tries=0
until [ "$(redis-cli -p 6400 PING 2>/dev/null)" = PONG ]; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || fail "redis-server does not load the log: $(cat redis.log)"
	sleep 0.2
done
expect_equal "$(redis-cli -p 6400 --no-raw KEYS '*' | sort | sed 's/.*) //' | sort | md5sum)" \
	"$(cli --no-raw KEYS '*' | sed 's/.*) //' | sort | md5sum)" "the keys in Redis ($(tail -n 3 redis.log))"
for key in fixed list:1 list:4 mylist; do
	expect_equal "$(redis-cli -p 6400 LRANGE $key 0 -1 | md5sum)" "$(cli LRANGE $key 0 -1 | md5sum)" "$key in Redis"
done
expect_equal "$(redis-cli -p 6400 GET n)" 7
case $(redis-cli -p 6400 TTL later) in 9????) ;; *) fail "later in Redis: $(redis-cli -p 6400 TTL later)" ;; esac
xl destroy "$(domid kv)"

# Cut off at the end: the rest is there, and the file is whole again.
size=$(stat -c %s "$log")
printf '*3\r\n$3\r\nSET\r\n$1\r\nn\r\n$4\r\n12' >>"$log"
kv_guest cut keys
serves cut 6379
expect_console cut "ends within a command: 26 bytes from byte $size on are cut off"
expect_equal "$(stat -c %s "$log")" "$size" "the length of the log"
answers 7 GET n
xl destroy "$(domid cut)"
# Wrong in any other way: an error that names the place, and the file is left alone.
printf 'nonsense\r\n' >>"$log"
kv_guest wrong keys
expect_failure wrong 60
expect_console wrong "at byte $size: expected '*', found 'n'"
expect_equal "$(stat -c %s "$log")" $((size + 10)) "the length of the log"
# A disk that is full: reads go on, changes are refused, nothing that was answered is lost; and when
# there is room again, changes go on.
head -c 6291456 /dev/zero >"$volumes/small/filler"
kv_guest full small --appendfsync always
serves full 6379
answers OK SET keep this
head -c 100000 /dev/zero | tr '\0' x >value
stored=0
while cli -x SET "fill:$stored" <value >reply && [ "$(cat reply)" = OK ]; do
	stored=$((stored + 1))
	[ $stored -lt 40 ] || fail "2 MiB hold 40 values of 100 kB"
done
grep -q "^MISCONF Errors writing to the AOF file" reply || fail "a full disk is told as $(cat reply)"
[ $stored -gt 15 ] || fail "2 MiB hold only $stored values"
answers this GET keep
cli SET keep that | grep -q MISCONF || fail "a change is accepted while the disk is full"
answers this GET keep
expect_equal "$(info aof_last_write_status)" err
# Another guest finds what was answered.
cp "$volumes/small/kv.aof" full.aof
redis-check-aof full.aof >check.log 2>&1 || fail "redis-check-aof: $(cat check.log)"
expect_equal "$(grep -a -c '^fill:' full.aof)" $stored "values in the log"
rm "$volumes/small/filler"
tries=0
until [ "$(cli SET keep new)" = OK ]; do
	tries=$((tries + 1))
	[ $tries -lt 50 ] || fail "there is room, and changes are refused"
	sleep 0.2
done
expect_console full "the log can be written again"
xl destroy "$(domid full)"
kv_guest after small
serves after 6379
answers new GET keep
answers 100000 STRLEN "fill:$((stored - 1))"
xl destroy "$(domid after)"
