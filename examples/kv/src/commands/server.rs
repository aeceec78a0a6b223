//! Commands about the connection and the server.

use alloc::format;
use alloc::string::String;

use super::{Context, Effect, Failure, Result, is};
use crate::journal::Gate;
use crate::reply;
use crate::resp::Args;

pub(super) fn ping(context: &mut Context<'_>, args: Args<'_>) -> Result {
    match args.len() {
        1 => reply::simple(context.out, "PONG"),
        _ => reply::bulk(context.out, args.get(1)),
    }
    Ok(Effect::None)
}

pub(super) fn echo(context: &mut Context<'_>, args: Args<'_>) -> Result {
    reply::bulk(context.out, args.get(1));
    Ok(Effect::None)
}

pub(super) fn quit(context: &mut Context<'_>, _: Args<'_>) -> Result {
    reply::simple(context.out, "OK");
    Ok(Effect::Quit)
}

pub(super) fn select(context: &mut Context<'_>, args: Args<'_>) -> Result {
    match super::int(args.get(1))? {
        0 => reply::simple(context.out, "OK"),
        _ => {
            return Err(Failure::Text(
                "ERR DB index is out of range: there is only 0",
            ));
        }
    }
    Ok(Effect::None)
}

pub(super) fn info(context: &mut Context<'_>, _: Args<'_>) -> Result {
    let server = context.server;
    let (keys, deadlines) = (context.store.len(), context.store.deadlines());
    let journal = &*context.journal;
    let facts = journal.facts;
    let persistence = match journal.is_on() {
        false => String::from("# Persistence\r\naof_enabled:0\r\n\r\n"),
        true => format!(
            "# Persistence\r\naof_enabled:1\r\naof_rewrite_in_progress:{}\r\n\
             aof_last_write_status:{}\r\naof_current_size:{}\r\naof_base_size:{}\r\n\
             aof_rewrites:{}\r\naof_fsyncs:{}\r\n\r\n",
            u8::from(journal.wants_rewrite()),
            if matches!(journal.gate, Gate::Broken(_)) {
                "err"
            } else {
                "ok"
            },
            facts.length,
            facts.base,
            facts.rewrites,
            facts.syncs,
        ),
    };
    let memory = context.store.memory();
    let mut text = format!(
        "# Server\r\nserver_name:callisto-kv\r\nredis_mode:standalone\r\ntcp_port:{}\r\n\
         uptime_in_seconds:{}\r\n\r\n\
         # Clients\r\nconnected_clients:{}\r\nmaxclients:{}\r\n\r\n\
         # Memory\r\nused_memory:{}\r\nused_memory_peak:{}\r\nmaxmemory:{}\r\n\
         maxmemory_policy:noeviction\r\n\r\n\
         {}\
         # Stats\r\ntotal_connections_received:{}\r\ntotal_commands_processed:{}\r\n\r\n\
         # Keyspace\r\n",
        server.port,
        server.uptime_s,
        server.clients,
        server.most_clients,
        memory.used(),
        memory.most(),
        memory.limit(),
        persistence,
        server.connections,
        server.commands,
    );
    if keys > 0 {
        text += &format!("db0:keys={keys},expires={deadlines},avg_ttl=0\r\n");
    }
    reply::bulk(context.out, text.as_bytes());
    Ok(Effect::None)
}

/// `CONFIG GET`: what redis-benchmark asks for, and the limits. Nothing can be set.
pub(super) fn config(context: &mut Context<'_>, args: Args<'_>) -> Result {
    if !is(args.get(1), "GET") {
        return Err(Failure::Text("ERR only CONFIG GET is supported"));
    }
    if args.len() < 3 {
        return Err(Failure::Arguments);
    }
    let memory = format!("{}", context.store.memory().limit());
    let clients = format!("{}", context.server.most_clients);
    let (log, fsync) = (context.journal.is_on(), context.journal.facts.fsync);
    let known = [
        ("appendfsync", fsync),
        ("appendonly", if log { "yes" } else { "no" }),
        ("databases", "1"),
        ("maxclients", &clients),
        ("maxmemory", &memory),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
    ];
    let wanted = |name: &str| args.from(2).any(|arg| arg == b"*" || is(arg, name));
    let found = known.iter().filter(|(name, _)| wanted(name));
    reply::array(context.out, 2 * found.clone().count());
    for (name, value) in found {
        reply::bulk(context.out, name.as_bytes());
        reply::bulk(context.out, value.as_bytes());
    }
    Ok(Effect::None)
}

/// `BGREWRITEAOF`: the log is written anew, from what there is now.
pub(super) fn rewrite(context: &mut Context<'_>, _: Args<'_>) -> Result {
    if !context.journal.is_on() {
        return Err(Failure::Text(
            "ERR there is no log: start with --appendonly",
        ));
    }
    if context.journal.wants_rewrite() {
        return Err(Failure::Text(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    context.journal.set_rewrite(true);
    reply::simple(context.out, "Background append only file rewriting started");
    Ok(Effect::None)
}

/// `COMMAND`: redis-cli asks for the list to complete what is typed; it can do without.
pub(super) fn command(context: &mut Context<'_>, args: Args<'_>) -> Result {
    match args.get(1) {
        sub if is(sub, "COUNT") => reply::integer(context.out, 0),
        _ => reply::array(context.out, 0),
    }
    Ok(Effect::None)
}

/// `CLIENT`: names are taken and forgotten.
pub(super) fn client(context: &mut Context<'_>, args: Args<'_>) -> Result {
    match args.get(1) {
        sub if is(sub, "SETNAME") || is(sub, "SETINFO") => reply::simple(context.out, "OK"),
        sub if is(sub, "GETNAME") => reply::null(context.out),
        _ => return Err(Failure::Text("ERR unknown CLIENT subcommand")),
    }
    Ok(Effect::None)
}

/// `HELLO`: version 2 of the protocol and no other.
pub(super) fn hello(context: &mut Context<'_>, args: Args<'_>) -> Result {
    if args.len() > 1 && args.get(1) != b"2" {
        return Err(Failure::Text("NOPROTO unsupported protocol version"));
    }
    let facts = [
        ("server", "callisto-kv"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("mode", "standalone"),
    ];
    reply::array(context.out, 2 * facts.len() + 2);
    for (name, value) in facts {
        reply::bulk(context.out, name.as_bytes());
        reply::bulk(context.out, value.as_bytes());
    }
    reply::bulk(context.out, b"proto");
    reply::integer(context.out, 2);
    Ok(Effect::None)
}
