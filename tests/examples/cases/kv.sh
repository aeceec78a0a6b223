# redis-cli and redis-benchmark take the guest for Redis: every kind of value, pipelines, times to
# live, all tests of redis-benchmark; and clients that are many, slow, greedy or talk nonsense.
# images: kv
# programs: redis-cli@redis-tools redis-benchmark@redis-tools socat
# timeout: 300
# backend: any
. "$data/server.sh"
guest kv kv "args=--port 6379 --memory 16 --clients 60" memory=96
serves kv 6379
cli() { redis-cli -h "$address" -p 6379 "$@"; }
# The command $2… is answered with $1.
answers() {
	wanted=$1
	shift
	expect_equal "$(cli "$@" 2>&1)" "$wanted" "answer to $*"
}

answers PONG PING
answers OK SET greeting "hello there"
answers "hello there" GET greeting
answers "" GET nothing
answers OK SET k v EX 100 NX
answers "" SET k w NX
case $(cli TTL k) in 9? | 100) ;; *) fail "k lives for $(cli TTL k) s" ;; esac
answers 1 EXPIRE greeting -1
answers 0 EXISTS greeting
answers 41 INCRBY n 41
answers 42 INCR n
answers 3 RPUSH list a b c
answers "a
b
c" LRANGE list 0 -1
answers 2 SADD set x y
answers 2 HSET hash one 1 two 2
answers 2 HGET hash two
answers 2 ZADD zset 2 b 1 a
answers "a
1" ZPOPMIN zset
answers OK MSET m1 1 m2 2
answers "1
2" MGET m1 m2
cli GET list | grep -q WRONGTYPE || fail "a list was taken for a text"
cli NONSENSE | grep -q "unknown command" || fail "NONSENSE is a command"
cli INFO | grep -q "^used_memory:[1-9]" || fail "INFO has no memory"
# A value of a megabyte, there and back.
head -c 1000000 /dev/urandom | base64 -w 0 >large
cli -x SET large <large >reply
expect_equal "$(cat reply)" OK
expect_equal "$(cli GET large | tr -d '\n' | sha256sum)" "$(sha256sum <large)" "the value"
# 20000 commands in one pipeline, as redis-cli's bulk load sends them.
i=0
while [ $i -lt 20000 ]; do
	printf 'SET p:%d %d\r\n' $i $i
	i=$((i + 1))
done >load
cli --pipe <load >pipe.log 2>&1 || fail "the pipeline failed: $(cat pipe.log)"
grep -q "errors: 0, replies: 20000" pipe.log || fail "$(cat pipe.log)"
answers 12345 GET p:12345
answers OK FLUSHALL
answers 0 DBSIZE

# redis-benchmark, all it does by default, with 20 clients; then pipelines of 16.
redis-benchmark -h "$address" -p 6379 -n 400 -c 20 --csv >benchmark 2>benchmark.err ||
	fail "redis-benchmark failed: $(cat benchmark.err)"
cat benchmark
for test in PING_INLINE PING_MBULK SET GET INCR LPUSH RPUSH LPOP RPOP SADD HSET SPOP ZADD ZPOPMIN \
	LRANGE_100 LRANGE_600 MSET; do
	grep -q "^\"$test" benchmark || fail "redis-benchmark did not do $test: $(cat benchmark.err)"
done
if grep -i -e error -e warning benchmark benchmark.err; then fail "redis-benchmark saw errors"; fi
redis-benchmark -h "$address" -p 6379 -n 8000 -c 20 -P 16 -t set,get,incr --csv
answers 8400 GET counter:__rand_int__

# Nonsense, half requests, and one client too many, while the others are served.
printf '*1\r\n:5\r\n' | talk 6379 | grep -q "Protocol error" || fail "no protocol error"
head -c 100000 /dev/urandom | talk 6379 >/dev/null
printf '*2\r\n$3\r\nGET\r\n$16000000\r\nabc' | talk 6379 >/dev/null
for _ in $(seq 60); do
	sleep 100 | socat - "TCP:$address:6379" >/dev/null 2>&1 &
done
tries=0
until cli PING 2>&1 | grep -q "max number of clients"; do
	tries=$((tries + 1))
	[ $tries -lt 50 ] || fail "60 clients, and one more is served"
	sleep 0.2
done
kill $(jobs -p) 2>/dev/null || true
tries=0
until [ "$(cli PING 2>&1)" = PONG ]; do
	tries=$((tries + 1))
	[ $tries -lt 50 ] || fail "the clients are gone, and nobody is served"
	sleep 0.2
done
# More than there is memory for: an error, and what is there stays.
answers OK FLUSHALL
answers OK SET keep this
i=0
until cli -x SET "fill:$i" <large | grep -q OOM; do
	i=$((i + 1))
	[ $i -lt 40 ] || fail "16 MiB hold 40 values of more than a megabyte"
done
answers this GET keep
answers OK FLUSHALL
still_serves kv cli SET after all
