//! Publishes to an MQTT server and hears it back: the crate rust-mqtt, unchanged, on
//! `rt::net::aio::TcpStream`.
//!
//! ```text
//! $ cargo boot run mqtt -- 192.0.2.1:1883 greetings 'good day'
//! subscribed to greetings
//! published
//! received on greetings: good day
//! ```
//!
//! All with "exactly once" (QoS 2). Needs a server, Debian's mosquitto, say. Ends with 0 when the
//! message came back, else with 1.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;

use rt::io::{Error, ErrorKind, Result};
use rt::net::aio::TcpStream;
use rt::time::Duration;
use rt::{env, println, task};
use rust_mqtt::Bytes;
use rust_mqtt::buffer::AllocBuffer;
use rust_mqtt::client::Client;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{
    ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
};
use rust_mqtt::types::{MqttString, TopicFilter, TopicName};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[rt::main]
fn main() -> Result<()> {
    let args: [Option<String>; 3] = core::array::from_fn(|index| env::args().nth(index + 1));
    let [Some(server), Some(topic), Some(message)] = args else {
        let usage = "usage: mqtt HOST:PORT TOPIC MESSAGE";
        return Err(Error::new(ErrorKind::InvalidInput, usage));
    };
    task::block_on(task::timeout(PATIENCE, talk(&server, &topic, &message)))?
}

async fn talk(server: &str, topic: &str, message: &str) -> Result<()> {
    let stream = TcpStream::connect(server).await?;
    let mut buffer = AllocBuffer;
    let mut client = Client::<'_, '_, _, _, 1, 1, 1, 0, 0, 0, 0>::new(&mut buffer);
    let options = ConnectOptions::new().clean_start();
    client
        .connect(stream, &options, None)
        .await
        .map_err(explain)?;

    let text = MqttString::from_str(topic).map_err(explain)?;
    let filter = TopicFilter::new(text.as_borrowed()).ok_or_else(|| explain("no filter"))?;
    let name = TopicName::new(text.as_borrowed()).ok_or_else(|| explain("no topic"))?;
    let options = SubscriptionOptions::new().exactly_once();
    client.subscribe(filter, &options).await.map_err(explain)?;
    match client.poll().await.map_err(explain)? {
        Event::Suback(_) => println!("subscribed to {topic}"),
        other => return Err(explain(other)),
    }

    let options = PublicationOptions::new(TopicReference::Name(name)).exactly_once();
    let payload = Bytes::from(message.as_bytes());
    client.publish(&options, payload).await.map_err(explain)?;

    let (mut published, mut received) = (false, false);
    while !(published && received) {
        match client.poll().await.map_err(explain)? {
            Event::PublishComplete(_) => {
                println!("published");
                published = true;
            }
            Event::Publish(publish) => {
                let heard = String::from_utf8_lossy(publish.message.as_bytes());
                println!("received on {topic}: {heard}");
                received = heard == message;
            }
            _ => {}
        }
    }
    let options = DisconnectOptions::new();
    client.disconnect(&options).await.map_err(explain)?;
    Ok(())
}

fn explain(error: impl core::fmt::Debug) -> Error {
    Error::new(ErrorKind::Other, format!("{error:?}"))
}
