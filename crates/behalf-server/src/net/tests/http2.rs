//! HTTP/2, spoken frame by frame: good clients and floods.

use axum::routing::post;

use super::*;

/// One HTTP/2 frame (RFC 9113 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A client's connection preface with empty settings.
fn preface() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat()
}

/// Reads frames until one of `kind` comes; its payload.
async fn next_frame(stream: &mut (impl tokio::io::AsyncRead + Unpin), kind: u8) -> Vec<u8> {
    loop {
        let mut head = [0; 9];
        timeout(LONG, stream.read_exact(&mut head)).await.unwrap().unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if head[3] == kind {
            return payload;
        }
    }
}

#[tokio::test]
async fn http_2_is_agreed_on_and_its_bounds_are_said() {
    let (certificate, key, _, _) = issue();
    let tls = Arc::new(Tls::from_der(vec![certificate.clone()], key).unwrap());
    let running = serve(&options(Some(tls), bounds()), hello).unwrap();
    let mut stream =
        handshake_for(running.address, &certificate, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream.write_all(&preface()).await.unwrap();
    let settings = next_frame(&mut stream, 4).await;
    let settings: Vec<_> = settings
        .chunks(6)
        .map(|s| (u16::from_be_bytes([s[0], s[1]]), u32::from_be_bytes([s[2], s[3], s[4], s[5]])))
        .collect();
    assert!(settings.contains(&(3, 100)), "MAX_CONCURRENT_STREAMS: {settings:?}");
    assert!(settings.contains(&(6, 32_768)), "MAX_HEADER_LIST_SIZE: {settings:?}");
    stream.write_all(&frame(1, 0x5, 1, &[0x82, 0x87, 0x84, 0x41, 0x01, b'a'])).await.unwrap();
    assert_eq!(next_frame(&mut stream, 0).await, b"hello");
    drop(stream);
    stop(running).await.unwrap();
}

#[tokio::test]
async fn an_http_2_connection_may_be_idle_after_a_frame_that_nobody_answers() {
    let quick = Bounds { request: SOON, ..bounds() };
    let running = serve(&options(None, quick), hello).unwrap();
    let mut stream = connect(running.address).await;
    let get = |n| frame(1, 0x5, n, &[0x82, 0x86, 0x84, 0x41, 0x01, b'a']);
    stream.write_all(&[preface(), get(1)].concat()).await.unwrap();
    assert_eq!(next_frame(&mut stream, 0).await, b"hello");
    // WINDOW_UPDATE: what clients send when they have read an answer.
    stream.write_all(&frame(8, 0, 0, &5_u32.to_be_bytes())).await.unwrap();
    tokio::time::sleep(quick.request * 2).await;
    stream.write_all(&get(3)).await.unwrap();
    assert_eq!(next_frame(&mut stream, 0).await, b"hello");
    drop(stream);
    stop(running).await.unwrap();
}

#[tokio::test]
async fn ds_01_a_body_that_never_ends_is_answered_408_on_its_stream() {
    let quick = Bounds { request: SOON, ..bounds() };
    let echo = |_| Router::new().route("/", post(|body: bytes::Bytes| async { body }));
    let running = serve(&options(None, quick), echo).unwrap();
    let mut stream = connect(running.address).await;
    let post = |n, flags| frame(1, flags, n, &[0x83, 0x86, 0x84, 0x41, 0x01, b'a']);
    stream.write_all(&[preface(), post(1, 0x4), frame(0, 0, 1, b"a")].concat()).await.unwrap();
    // :status, spelled out: 408 is not among the statuses of the static table, as 200 is.
    assert_eq!(next_frame(&mut stream, 1).await[0], 0x48);
    stream.write_all(&[post(3, 0x4), frame(0, 1, 3, b"whole")].concat()).await.unwrap();
    assert_eq!(next_frame(&mut stream, 0).await, b"whole", "other streams go on");
    drop(stream);
    stop(running).await.unwrap();
}

#[tokio::test]
async fn ds_06_rapid_resets_end_the_connection() {
    let running = serve(&options(None, bounds()), hello).unwrap();
    let mut flood = preface();
    // GET, http, / from the static table (RFC 7541 appendix A).
    for n in 0..5_000_u32 {
        flood.extend(frame(1, 0x5, 2 * n + 1, &[0x82, 0x86, 0x84]));
        flood.extend(frame(3, 0, 2 * n + 1, &8_u32.to_be_bytes()));
    }
    exchange(connect(running.address).await, &flood).await;
    let good = exchange(connect(running.address).await, GET_AND_CLOSE).await;
    assert!(good.ends_with("hello"));
    stop(running).await.unwrap();
}

#[tokio::test]
async fn ds_06_headers_without_end_end_the_connection() {
    let running = serve(&options(None, bounds()), hello).unwrap();
    let mut flood = preface();
    flood.extend(frame(1, 0, 1, &[0x82, 0x86, 0x84]));
    // A literal header field of 16 KiB in each CONTINUATION, never the last.
    let field = [&[0x00, 0x01, b'a', 0x7f, 0x81, 0x7d][..], &[b'a'; 16_000]].concat();
    for _ in 0..1_000 {
        flood.extend(frame(9, 0, 1, &field));
    }
    exchange(connect(running.address).await, &flood).await;
    stop(running).await.unwrap();
}
