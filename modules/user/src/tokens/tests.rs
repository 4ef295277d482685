use kernel::Id;
use serde_json::{Value, json};
use user_api::SigningKey as PublicKey;

use super::*;

const KEY_ID: &str = "key_1";
const ISSUER: &str = "cleave";

fn now() -> Moment {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn public(key: &SigningKey) -> String {
    URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes())
}

fn verifier() -> Verifier {
    let known = PublicKey { id: KEY_ID.into(), public_key: public(&key()) };
    Verifier::new(SigningKeys { issuer: ISSUER.into(), keys: vec![known] })
}

fn bearer(kind: AccountKind, permissions: &[&str]) -> Bearer {
    Bearer {
        account: Id::from_uuid(Uuid::from_u128(5)),
        kind,
        session: Id::from_uuid(Uuid::from_u128(6)),
        access_version: 7,
        permissions: permissions.iter().map(|&key| key.to_owned()).collect(),
    }
}

fn claims() -> Claims {
    let staff = bearer(AccountKind::Staff, &["orders:read"]);
    Claims::new(staff, ISSUER, Uuid::from_u128(9), now(), Duration::from_mins(10))
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn header() -> Value {
    json!({"typ": TYPE, "alg": ALGORITHM, "kid": KEY_ID})
}

/// A token signed with the right key, whatever it says.
fn token(header: &Value, claims: &Value) -> String {
    signed(&format!("{}.{}", encoded(header), encoded(claims)), &key())
}

fn with(value: Value, name: &str, new: Value) -> Value {
    let mut value = value;
    value[name] = new;
    value
}

fn without(value: Value, name: &str) -> Value {
    let mut value = value;
    value.as_object_mut().unwrap().remove(name);
    value
}

fn saying(name: &str, new: Value) -> String {
    token(&header(), &with(json!(claims()), name, new))
}

fn headed(name: &str, new: Value) -> String {
    token(&with(header(), name, new), &json!(claims()))
}

#[test]
fn a_token_says_who_its_bearer_is() {
    let (account, permissions) = (Uuid::from_u128(5), vec!["orders:read".to_owned()]);
    let staff = (bearer(AccountKind::Staff, &["orders:read"]), Principal::Staff { account, permissions });
    let customer = (bearer(AccountKind::Customer, &[]), Principal::Customer { account });

    for (bearer, principal) in [staff, customer] {
        let claims = Claims::new(bearer.clone(), ISSUER, Uuid::from_u128(9), now(), Duration::from_mins(10));
        let token = claims.sign(KEY_ID, &key()).unwrap();
        assert_eq!(verifier().verify(&token, now()), Ok(bearer.clone()));
        assert_eq!(bearer.principal(), principal);
    }
    let of_an_earlier_release = token(&header(), &without(json!(claims()), "ver"));
    assert_eq!(verifier().verify(&of_an_earlier_release, now()).unwrap().access_version, 0);
}

#[test]
fn the_published_example_of_rfc_8037_comes_out() {
    // Appendix A.4: the key, what is signed, and its signature.
    let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let key = SigningKey::from_bytes(&seed.try_into().unwrap());
    let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    assert_eq!(public(&key), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(signed(message, &key), format!("{message}.{signature}"));
}

#[test]
fn a_token_is_good_for_its_time_and_a_little_leeway() {
    let token = claims().sign(KEY_ID, &key()).unwrap();
    let at = |text: &str| verifier().verify(&token, text.parse().unwrap()).err();

    assert_eq!(at("2026-03-01T11:59:54Z"), Some(TokenRefusal::NotYetValid));
    assert_eq!(at("2026-03-01T11:59:55Z"), None);
    assert_eq!(at("2026-03-01T12:10:04Z"), None);
    assert_eq!(at("2026-03-01T12:10:05Z"), Some(TokenRefusal::Expired));
    assert_eq!(at("2036-03-01T12:00:00Z"), Some(TokenRefusal::Expired));
}

/// TRUST.md, F6: each of these is well made but for one thing.
#[test]
fn a_hostile_token_is_not_believed() {
    use TokenRefusal::{Expired, Malformed, NotForUs, NotYetValid, UnknownKey, WrongSignature};
    let good = claims().sign(KEY_ID, &key()).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let second = now().unix_seconds();
    let stranger = SigningKey::from_bytes(&[8; 32]);
    let zero = URL_SAFE_NO_PAD.encode([0_u8; 64]);
    let alg = |name: &str| {
        let header = encoded(&with(header(), "alg", json!(name)));
        [format!("{header}.{}.", parts[1]), format!("{header}.{}.{}", parts[1], parts[2]), {
            // As a library would that takes the public key for a shared secret.
            use hmac::{Hmac, Mac};
            let message = format!("{header}.{}", parts[1]);
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key().verifying_key().to_bytes()).unwrap();
            mac.update(message.as_bytes());
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        }]
    };
    let mut cases: Vec<(String, TokenRefusal)> = Vec::new();
    for name in ["none", "None", "NONE", "nOnE", "HS256", "ES256", "RS256", "Ed25519", "eddsa", ""] {
        cases.extend(alg(name).into_iter().map(|token| (token, Malformed)));
    }
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let twice = r#"{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"key_1"}"#;
    cases.extend([
        // The signature.
        (format!("{}.{}.{zero}", parts[0], parts[1]), WrongSignature),
        (format!("{}.{}.", parts[0], parts[1]), Malformed),
        (format!("{}.{}", parts[0], parts[1]), Malformed),
        (format!("{good}A"), Malformed),
        (format!("{good}="), Malformed),
        (format!("{good}.{}", parts[2]), WrongSignature),
        (claims().sign(KEY_ID, &stranger).unwrap(), WrongSignature),
        (
            format!(
                "{}.{}.{}",
                parts[0],
                encoded(&with(json!(claims()), "kind", json!("customer"))),
                parts[2]
            ),
            WrongSignature,
        ),
        // The header.
        (claims().sign("key_2", &stranger).unwrap(), UnknownKey),
        (headed("kid", json!("../../etc/passwd")), UnknownKey),
        (headed("kid", json!(null)), Malformed),
        (token(&without(header(), "kid"), &json!(claims())), Malformed),
        (headed("typ", json!("JWT")), Malformed),
        (headed("typ", json!("id_token")), Malformed),
        (headed("typ", json!("AT+JWT")), Malformed),
        (token(&without(header(), "typ"), &json!(claims())), Malformed),
        (headed("alg", json!(["EdDSA"])), Malformed),
        (headed("crit", json!(["exp"])), Malformed),
        (headed("crit", json!([])), Malformed),
        (headed("b64", json!(false)), Malformed),
        (headed("zip", json!("DEF")), Malformed),
        (headed("enc", json!("A256GCM")), Malformed),
        (headed("cty", json!("JWT")), Malformed),
        (headed("jku", json!("https://evil.example/keys")), Malformed),
        (headed("x5u", json!("https://evil.example/cert")), Malformed),
        (headed("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": public(&stranger)})), Malformed),
        (signed(&format!("{}.{}", URL_SAFE_NO_PAD.encode(twice), parts[1]), &key()), Malformed),
        // The claims, signed by us and still not to be believed here.
        (saying("iss", json!("https://other.example")), NotForUs),
        (saying("iss", json!("Cleave")), NotForUs),
        (saying("iss", json!(["cleave"])), Malformed),
        (saying("aud", json!("other")), NotForUs),
        (saying("aud", json!(["cleave"])), Malformed),
        (saying("exp", json!(second - 5)), Expired),
        (saying("exp", json!(0)), Expired),
        (saying("exp", json!(i64::MIN)), Expired),
        (saying("exp", json!((second + 600).to_string())), Malformed),
        (saying("exp", json!(second as f64 + 0.5)), Malformed),
        (saying("exp", json!(u64::MAX)), Malformed),
        (saying("nbf", json!(second + 3600)), NotYetValid),
        (saying("nbf", json!((second + 3600).to_string())), Malformed),
        (saying("iat", json!(second + 3600)), NotYetValid),
        (saying("iat", json!(i64::MAX)), NotYetValid),
        (saying("sub", json!("ses_00000000000000000000000005")), Malformed),
        (saying("sub", json!("")), Malformed),
        (saying("kind", json!("module")), Malformed),
        (saying("permissions", json!("*")), Malformed),
        (token(&header(), &json!([])), Malformed),
        (signed(&format!("{}.{}", parts[0], URL_SAFE_NO_PAD.encode(deep)), &key()), Malformed),
        // No token at all.
        (String::new(), Malformed),
        (".".into(), Malformed),
        ("..".into(), Malformed),
        ("....".into(), Malformed),
        ("a".repeat(255), Malformed),
        (format!("{}.{}.{}.{}.{}", parts[0], parts[1], parts[1], parts[1], parts[2]), WrongSignature),
        (format!("{good}{}", "A".repeat(LONGEST)), Malformed),
    ]);
    for claim in ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "kind"] {
        cases.push((token(&header(), &without(json!(claims()), claim)), Malformed));
    }

    assert!(verifier().verify(&good, now()).is_ok());
    for (token, refusal) in cases {
        assert_eq!(verifier().verify(&token, now()), Err(refusal), "{token}");
    }
}

#[test]
fn what_is_no_key_believes_nothing() {
    let broken = ["", "AAAA", "!!!", &public(&key())[..42]];
    for text in broken {
        let keys = vec![PublicKey { id: KEY_ID.into(), public_key: text.into() }];
        let verifier = Verifier::new(SigningKeys { issuer: ISSUER.into(), keys });
        let token = claims().sign(KEY_ID, &key()).unwrap();
        assert_eq!(verifier.verify(&token, now()), Err(TokenRefusal::UnknownKey), "{text}");
    }
}
