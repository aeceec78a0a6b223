//! Sessions, as bytes.

use super::*;
use std::string::String;

struct Client {
    store: Store,
    server: Server,
    journal: Journal,
    connection: Connection,
    now: u64,
}

impl Client {
    fn new(limit: usize) -> Client {
        Client {
            store: Store::new(limit),
            server: Server::default(),
            journal: Journal::off(),
            connection: Connection::default(),
            now: 1_000_000,
        }
    }

    /// Sends `bytes`, `step` at a time, and returns what comes back and how it goes on.
    fn send(&mut self, mut bytes: &[u8], step: usize) -> (Vec<u8>, Next) {
        let mut answer = Vec::new();
        loop {
            let next = self.connection.serve(
                &mut self.store,
                self.now,
                &mut self.server,
                &mut self.journal,
            );
            answer.extend_from_slice(self.connection.output());
            self.connection.sent();
            match next {
                Next::Close | Next::Wait => return (answer, next),
                Next::Serve => continue,
                Next::Receive if bytes.is_empty() => return (answer, next),
                Next::Receive => {}
            }
            let room = self.connection.room(&mut self.store);
            let count = room.len().min(step).min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.connection.received(count);
            bytes = &bytes[count..];
            if count == 0 {
                answer.extend_from_slice(self.connection.output());
                return (answer, Next::Close);
            }
        }
    }

    /// Sends lines and compares the answer, which has the ends of lines as `|`.
    #[track_caller]
    fn expect(&mut self, lines: &str, answer: &str) {
        let (bytes, _) = self.send(lines.as_bytes(), usize::MAX);
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "|");
        assert_eq!(text, answer, "{lines:?}");
    }
}

#[test]
fn texts() {
    let mut client = Client::new(1 << 20);
    client.expect("PING\nping hi\nECHO x\n", "+PONG|$2|hi|$1|x|");
    client.expect("SET k v\nGET k\nGET none\nSTRLEN k\n", "+OK|$1|v|$-1|:1|");
    client.expect(
        "SET k w NX\nSET n w XX\nSET k w XX GET\nGET k\n",
        "$-1|$-1|$1|v|$1|w|",
    );
    client.expect(
        "APPEND k xyz\nGETSET k q\nGETDEL k\nEXISTS k k\n",
        ":4|$4|wxyz|$1|q|:0|",
    );
    client.expect(
        "INCR n\nINCRBY n 41\nDECR n\nDECRBY n -2\nGET n\n",
        ":1|:42|:41|:43|$2|43|",
    );
    client.expect(
        "SET n 9223372036854775807\nINCR n\n",
        "+OK|-ERR increment or decrement would overflow|",
    );
    client.expect(
        "SET n x\nINCR n\n",
        "+OK|-ERR value is not an integer or out of range|",
    );
    client.expect("MSET a 1 b 2\nMGET a none b\nMSET a\nMSET a 1 b\n", "+OK|*3|$1|1|$-1|$1|2|-ERR wrong number of arguments for 'mset' command|-ERR wrong number of arguments for 'mset' command|");
    client.expect("DEL a b c\nDBSIZE\nFLUSHALL\nDBSIZE\n", ":2|:1|+OK|:0|");
    client.expect("SET k\nNONSENSE\nSET k v EX\nSET k v NX XX\n", "-ERR wrong number of arguments for 'set' command|-ERR unknown command 'NONSENSE'|-ERR syntax error|-ERR syntax error|");
}

#[test]
fn times() {
    let mut client = Client::new(1 << 20);
    client.expect(
        "SET k v EX 10\nTTL k\nPTTL k\nTTL none\n",
        "+OK|:10|:10000|:-2|",
    );
    client.expect(
        "SET n 1 PX 5000\nINCR n\nTTL n\nSET m 1\nTTL m\n",
        "+OK|:2|:5|+OK|:-1|",
    );
    client.expect(
        "EXPIRE m 1\nEXPIRE none 1\nPERSIST k\nTTL k\n",
        ":1|:0|:1|:-1|",
    );
    client.now += 1000;
    client.expect(
        "GET m\nDBSIZE\nEXPIRE n -1\nGET n\nDBSIZE\n",
        "$-1|:2|:1|$-1|:1|",
    );
    client.expect(
        "SET k v EX 0\nSETEX k 9223372036854775807 v\n",
        "-ERR invalid expire time|-ERR invalid expire time|",
    );
    client.expect(
        "SETEX k 5 v\nSET k w KEEPTTL\nTTL k\nSET k w\nTTL k\n",
        "+OK|+OK|:5|+OK|:-1|",
    );
}

#[test]
fn collections() {
    let mut client = Client::new(1 << 20);
    client.expect(
        "RPUSH l a b c\nLPUSH l z\nLRANGE l 0 -1\n",
        ":3|:4|*4|$1|z|$1|a|$1|b|$1|c|",
    );
    client.expect(
        "LRANGE l -2 10\nLRANGE l 3 1\nLRANGE none 0 1\n",
        "*2|$1|b|$1|c|*0|*0|",
    );
    client.expect(
        "LINDEX l 0\nLINDEX l -1\nLINDEX l -5\nLINDEX l 4\n",
        "$1|z|$1|c|$-1|$-1|",
    );
    client.expect(
        "LPOP l\nRPOP l\nLPOP l 5\nLPOP l\nLPOP l 2\nLLEN l\n",
        "$1|z|$1|c|*2|$1|a|$1|b|$-1|*-1|:0|",
    );
    client.expect(
        "LPUSH l a\nLPOP l 0\nLPOP l -1\n",
        ":1|*0|-ERR value is out of range, must be positive|",
    );
    client.expect(
        "SADD s b a b\nSCARD s\nSISMEMBER s a\nSMEMBERS s\n",
        ":2|:2|:1|*2|$1|a|$1|b|",
    );
    client.expect(
        "SPOP s\nSREM s a b\nEXISTS s\nSPOP s\nSPOP s 1\n",
        "$1|a|:1|:0|$-1|*0|",
    );
    client.expect(
        "HSET h a 1 b 2\nHSET h a 3\nHGET h a\nHGETALL h\n",
        ":2|:0|$1|3|*4|$1|a|$1|3|$1|b|$1|2|",
    );
    client.expect(
        "HDEL h a x\nHEXISTS h b\nHLEN h\nHSET h a\n",
        ":1|:1|:1|-ERR wrong number of arguments for 'hset' command|",
    );
    client.expect(
        "ZADD z 1 a 3 c 2 b\nZADD z 0.5 c\nZRANGE z 0 -1 WITHSCORES\n",
        ":3|:0|*6|$1|c|$3|0.5|$1|a|$1|1|$1|b|$1|2|",
    );
    client.expect(
        "ZPOPMIN z\nZPOPMAX z 9\nZPOPMIN z\nZSCORE z a\n",
        "*2|$1|c|$3|0.5|*4|$1|b|$1|2|$1|a|$1|1|*0|$-1|",
    );
    client.expect(
        "ZADD z nan a\nZADD z 1 a x b\nEXISTS z\n",
        "-ERR value is not a valid float|-ERR value is not a valid float|:0|",
    );
    client.expect("GET l\nLPUSH h 1\nTYPE l\nTYPE none\n", "-WRONGTYPE Operation against a key holding the wrong kind of value|-WRONGTYPE Operation against a key holding the wrong kind of value|+list|+none|");
}

#[test]
fn the_server() {
    let mut client = Client::new(1 << 20);
    client.expect(
        "CONFIG GET save\nCONFIG GET nonsense\nCOMMAND DOCS\nSELECT 0\n",
        "*2|$4|save|$0||*0|*0|+OK|",
    );
    client.expect(
        "SELECT 1\nHELLO 3\n",
        "-ERR DB index is out of range: there is only 0|-NOPROTO unsupported protocol version|",
    );
    let (info, _) = client.send(b"INFO\n", 9);
    assert!(String::from_utf8(info).unwrap().contains("used_memory:0"));
    assert_eq!(
        client.send(b"QUIT\nPING\n", 99),
        (b"+OK\r\n".to_vec(), Next::Close)
    );
}

#[test]
fn pipelines_are_answered_in_order_however_they_are_cut() {
    let mut request = Vec::new();
    let mut expected = Vec::new();
    for number in 0..5000 {
        request.extend(format!("*2\r\n$4\r\nECHO\r\n$5\r\n{number:05}\r\n").bytes());
        expected.extend(format!("$5\r\n{number:05}\r\n").bytes());
    }
    for step in [1, 7, 4096, usize::MAX] {
        assert_eq!(Client::new(0).send(&request, step).0, expected, "{step}");
    }
}

#[test]
fn large_requests_are_paid_for_and_paid_back() {
    let mut client = Client::new(4 << 20);
    let mut request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n".to_vec();
    request.resize(request.len() + 1_000_000, b'x');
    request.extend(b"\r\n");
    assert_eq!(client.send(&request, 1000).0, b"+OK\r\n");
    client.expect("DEL k\n", ":1|");
    assert_eq!(client.store.memory().used(), 0);
    assert_eq!(client.connection.input.capacity(), BUFFER);
    // Half of one is paid for as long as the client is there.
    client.send(&request[..500_000], 1000);
    assert!(client.store.memory().used() >= 1_000_000);
    client.connection.end(&mut client.store);
    assert_eq!(client.store.memory().used(), 0);
    // Where it cannot be paid for, nothing is allocated.
    let mut poor = Client::new(1 << 20);
    let (answer, next) = poor.send(&request, 1000);
    assert_eq!(answer, b"-OOM no memory for so large a request\r\n");
    assert_eq!(next, Next::Close);
    assert_eq!(poor.connection.input.capacity(), BUFFER);
}

#[test]
fn a_full_store_says_so_and_goes_on() {
    let mut client = Client::new(20_000);
    let oom = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    let mut last = Vec::new();
    for number in 0..200 {
        last = client
            .send(format!("SET key{number} value\n").as_bytes(), 99)
            .0;
    }
    assert_eq!(last, oom);
    assert_eq!(client.send(b"RPUSH l 1 2 3\n", 99).0, oom);
    assert_eq!(
        client.send(b"GET key1\nDEL key2\n", 99).0,
        b"$5\r\nvalue\r\n:1\r\n"
    );
    assert!(client.store.memory().used() <= 20_000);
}

#[test]
fn nonsense_ends_the_connection() {
    let mut client = Client::new(1 << 20);
    let (answer, next) = client.send(b"*1\r\n:\r\n", 99);
    assert_eq!(answer, b"-ERR Protocol error: expected '$', got ':'\r\n");
    assert_eq!(next, Next::Close);
}
