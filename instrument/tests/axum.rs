//! The extractor and the layer in axum's real router: the handler's version is the one that is counted, also where a load comes
//! in the middle of its request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

#[path = "../examples/axum.rs"]
#[expect(dead_code, reason = "its main serves for ever")]
mod example;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use firstbad_instrument::axum::Uses;
use firstbad_instrument::testing::outcomes_of;
use firstbad_instrument::tower::Layer;
use firstbad_instrument::{Live, Origin, Outcome, SharedRequest, Tag};
use http_body_util::BodyExt;
use tower::ServiceExt;

fn start() {
    firstbad_instrument::init().service("edge").for_tests().try_install().unwrap();
}

fn load(live: &Live<String>, text: &str) -> Tag {
    let parse = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
    live.load_bytes(text.as_bytes(), &Origin::new(), parse).applied().unwrap().tag
}

fn of(tag: Tag) -> [u64; 4] {
    let outcomes = outcomes_of(tag).unwrap();
    [outcomes.ok, outcomes.denied, outcomes.error, outcomes.panic]
}

async fn get_from(router: &Router, path: &str) -> (StatusCode, String) {
    let answer = router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_handler_keeps_its_version_through_a_load_and_counts_under_it() {
    static GREETING: Live<String> = Live::new("axum-greeting");
    static FOOTER: Live<u8> = Live::new("axum-footer");
    start();
    #[derive(Clone)]
    struct State {
        greeting: &'static Live<String>,
        footer: &'static Live<u8>,
    }
    impl FromRef<State> for &'static Live<String> {
        fn from_ref(state: &State) -> Self {
            state.greeting
        }
    }
    impl FromRef<State> for &'static Live<u8> {
        fn from_ref(state: &State) -> Self {
            state.footer
        }
    }
    async fn slow(greeting: Uses<String>, footer: Option<Uses<u8>>) -> String {
        load(&GREETING, "bye");
        tokio::task::yield_now().await;
        let held = greeting.clone();
        let spawned = tokio::spawn(async move { held.len() }).await.unwrap();
        format!("{} {spawned} {}", *greeting, footer.is_none())
    }
    async fn broken(_: Uses<String>) {
        tokio::task::yield_now().await;
        panic!("in the handler");
    }
    let state = State { greeting: &GREETING, footer: &FOOTER };
    let router = Router::new()
        .route("/", get(slow))
        .route("/broken", get(broken))
        .route("/refused", get(async |_: Uses<String>| StatusCode::FORBIDDEN))
        .route("/footer", get(async |_: Uses<u8>| "never"))
        .layer(Layer::new())
        .with_state(state);
    let hello = load(&GREETING, "hello");
    assert_eq!(get_from(&router, "/").await, (StatusCode::OK, "hello 5 true".to_owned()));
    let bye = GREETING.tag();
    assert_eq!((of(hello), of(bye)), ([1, 0, 0, 0], [0; 4]));
    assert_eq!(get_from(&router, "/refused").await.0, StatusCode::FORBIDDEN);
    let answers = router.clone();
    assert!(tokio::spawn(async move { get_from(&answers, "/broken").await }).await.unwrap_err().is_panic());
    assert_eq!(get_from(&router, "/nowhere").await.0, StatusCode::NOT_FOUND, "uses nothing");
    assert_eq!(get_from(&router, "/footer").await, (StatusCode::SERVICE_UNAVAILABLE, "not ready".to_owned()));
    assert_eq!(of(bye), [0, 1, 0, 1]);
}

#[tokio::test]
async fn without_a_layer_a_request_among_the_extensions_is_the_one_that_uses() {
    static OWN: Live<String> = Live::new("axum-own-middleware");
    start();
    let tag = load(&OWN, "x");
    let router: Router = Router::new().route("/", get(async |own: Uses<String>| own.to_string())).with_state(&OWN);
    let request = SharedRequest::start();
    let mut asked = Request::get("/").body(Body::empty()).unwrap();
    asked.extensions_mut().insert(request.clone());
    assert_eq!(router.oneshot(asked).await.unwrap().status(), StatusCode::OK);
    assert_eq!(of(tag), [0; 4]);
    request.finish(Outcome::Ok);
    assert_eq!(of(tag), [1, 0, 0, 0]);
}

#[tokio::test]
async fn the_example_denies_by_its_rules_and_counts_it() {
    start();
    assert_eq!(get_from(&example::router(), "/public").await.0, StatusCode::SERVICE_UNAVAILABLE);
    example::RULES.load_bytes(b"/private\n", &Origin::new(), example::parse).applied().unwrap();
    assert_eq!(
        get_from(&example::router(), "/public").await,
        (StatusCode::OK, "1 rules let /public pass\n".to_owned())
    );
    assert_eq!(get_from(&example::router(), "/private/a").await.0, StatusCode::FORBIDDEN);
    assert_eq!(of(example::RULES.tag()), [1, 1, 0, 0]);
}
