//! An actix-web server whose every request is counted under the rules that it used: a middleware makes a `SharedRequest`, which
//! rides in the request's extensions, and counts it by the status of the answer. A panic counts as well: it drops the middleware's
//! clone. A request whose client goes away is not counted.
//! `cargo run --manifest-path bench/Cargo.toml -p firstbad-actix -- rules.txt`, then `curl -i localhost:3000/private`.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, HttpServer, web};
use firstbad_instrument::{Live, Outcome, SharedRequest};

/// Prefixes of paths that are refused.
type Rules = Vec<String>;

static RULES: Live<Rules> = Live::new("rules").limit("rows", 200);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "rules.txt".to_owned());
    let recorder = firstbad_instrument::init().service("actix-example").version("1.0").install()?;
    println!("recording to {:?}", recorder.path());
    RULES.load_file(&path, parse).applied()?;
    let server = || App::new().wrap(from_fn(counted)).default_service(web::to(handle));
    actix_web::rt::System::new().block_on(HttpServer::new(server).bind(("127.0.0.1", 3000))?.run())?;
    Ok(())
}

async fn counted(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let counted = SharedRequest::start();
    request.extensions_mut().insert(counted.clone());
    let answer = next.call(request).await;
    let status = match &answer {
        Ok(answer) => answer.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    counted.finish(Outcome::of_status(Some(status.as_u16()), false));
    answer
}

fn parse(bytes: &[u8]) -> Result<Rules, std::str::Utf8Error> {
    Ok(std::str::from_utf8(bytes)?.lines().map(str::to_owned).collect())
}

async fn handle(request: HttpRequest) -> HttpResponse {
    let counted = request.extensions().get::<SharedRequest>().cloned();
    let Some(rules) = counted.and_then(|counted| counted.pin(&RULES)) else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    if rules.iter().any(|rule| request.path().starts_with(rule.as_str())) {
        return HttpResponse::new(StatusCode::FORBIDDEN);
    }
    HttpResponse::Ok().body(format!("{} rules let {} pass\n", rules.len(), request.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
    use firstbad_instrument::Origin;
    use firstbad_instrument::testing::outcomes_of;

    #[test]
    fn each_request_is_counted_once_under_the_rules() {
        firstbad_instrument::init().service("edge").for_tests().try_install().unwrap();
        RULES.load_bytes(b"/private\n", &Origin::new(), parse).applied().unwrap();
        actix_web::rt::System::new().block_on(async {
            let broken = web::to(async |request: HttpRequest| {
                let counted = request.extensions().get::<SharedRequest>().cloned().unwrap();
                let _rules = counted.pin(&RULES);
                if request.query_string().is_empty() {
                    panic!("in the handler");
                }
                Err::<HttpResponse, _>(actix_web::error::ErrorInternalServerError("no"))
            });
            let app = App::new().wrap(from_fn(counted)).route("/broken", broken).default_service(web::to(handle));
            let app = std::rc::Rc::new(init_service(app).await);
            for (path, status) in [("/public", 200), ("/private/a", 403), ("/broken?error", 500)] {
                let answer = call_service(&*app, TestRequest::with_uri(path).to_request()).await;
                assert_eq!(answer.status().as_u16(), status);
            }
            let panics = actix_web::rt::spawn(async move {
                try_call_service(&*app, TestRequest::with_uri("/broken").to_request()).await.is_ok()
            });
            assert!(panics.await.unwrap_err().is_panic());
        });
        let outcomes = outcomes_of(RULES.tag()).unwrap();
        assert_eq!([outcomes.ok, outcomes.denied, outcomes.error, outcomes.panic], [1, 1, 1, 1]);
    }
}
