//! A deployment's keys: an authority of its own, for each role a folder with all that a node of it needs, and one for a
//! router.
//!
//! What signs ([`CA_PRIVATE`], [`MASTER`]) stays where it is made. It is made once: what was given to machines before
//! would be worth nothing with another, so one that is lost is told and not made anew.

use super::access::{access_control, access_control_through_router, common_name, router_name};
use super::open::{ACCESS, CA, CERTIFICATE, PRIVATE, THROUGH_ROUTER};
use super::router::{CONFIG, ROUTER, router_config};
use crate::trust::Role;
use crate::trust::{has_secrets, random_secret, read_secret, write_private, write_secret, write_secrets};
use core::time::Duration;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use types::Rejection;
use x509_parser::prelude::{FromDer as _, X509Certificate, parse_x509_pem};

/// The authority's private key.
const CA_PRIVATE: &str = "ca.key.pem";
/// What the secrets of pairs of roles are made of.
const MASTER: &str = "master.key";
/// Whose keys they are, for the next time.
const DEPLOYMENT: &str = "deployment.json";
/// How long an authority lasts, days.
const CA_DAYS: u32 = 3650;
/// A clock that is this much behind finds a new certificate valid all the same.
const CLOCKS_DIFFER: Duration = Duration::from_secs(86_400);

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The robot's name; `None`: as it was the last time, or `arm`.
    pub robot: Option<String>,
    /// How long certificates of nodes last, days.
    pub days: u32,
    /// Names and addresses of machines that each certificate carries; none: as they were the last time. Sinew goes by
    /// the role, and does not ask where it is.
    pub names: Vec<String>,
    /// Make certificates, private keys and rules of nodes anew.
    pub renews: bool,
}

/// What became of a folder.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is new, or what it lacked is there.
    Made,
    /// It was whole.
    Kept,
    /// It was made anew.
    Renewed,
}

/// Whose a folder of keys is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// Of nodes of this role.
    Node(Role),
    /// Of the router that they may speak through.
    Router,
}

impl Party {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Role::ALL.into_iter().map(Self::Node).chain([Self::Router])
    }

    /// Its word, which is also the name of its folder.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Node(role) => role.word(),
            Self::Router => ROUTER,
        }
    }

    fn common_name(self, robot: &str) -> String {
        match self {
            Self::Node(role) => common_name(role, robot),
            Self::Router => router_name(robot),
        }
    }

    /// The files that say what passes, and what is in them.
    fn rules(self, robot: &str) -> Result<Vec<(&'static str, String)>, Rejection> {
        let pretty = |name: &'static str, rules: serde_json::Value| {
            let text = serde_json::to_string_pretty(&rules);
            Ok((name, format!("{}\n", text.map_err(|e| cannot(Path::new(name), e))?)))
        };
        match self {
            Self::Node(role) => [
                pretty(ACCESS, access_control(robot, role)),
                pretty(THROUGH_ROUTER, access_control_through_router(robot, role)),
            ]
            .into_iter()
            .collect(),
            Self::Router => Ok(vec![(CONFIG, router_config(robot))]),
        }
    }
}

/// Keys of one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyKeys {
    /// Whose.
    pub of: Party,
    /// Where.
    pub folder: PathBuf,
    /// What became of it.
    pub fate: Fate,
    /// When its certificate ends, seconds since 1970.
    pub ends: i64,
    /// On which day that is, as in `2027-11-27`.
    pub ends_on: String,
    /// Whether its rules are those that this version makes.
    pub has_our_rules: bool,
}

/// A deployment's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The robot's name.
    pub robot: String,
    /// What became of the authority.
    pub authority: Fate,
    /// One for each role, and the router's.
    pub parties: Vec<PartyKeys>,
}

/// What is noted for the next time.
#[derive(Serialize, Deserialize)]
struct Noted {
    robot: String,
    names: Vec<String>,
}

fn cannot(path: &Path, why: impl ToString) -> Rejection {
    Rejection::new(path.display().to_string(), "a file of a deployment's keys", why.to_string())
}

fn read(path: &Path) -> Result<String, Rejection> {
    std::fs::read_to_string(path).map_err(|e| cannot(path, e))
}

/// Writes a file whole or not at all, for all to read.
fn write(path: &Path, text: &str) -> Result<(), Rejection> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, path)).map_err(|e| cannot(path, e))
}

fn create(folder: &Path) -> Result<(), Rejection> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|e| cannot(folder, e))
}

impl Deployment {
    /// Makes what is missing in `folder`, or, if it is asked for, everything of the nodes anew.
    ///
    /// `now` is the time since 1970: certificates begin a day before it.
    ///
    /// # Errors
    /// A [`Rejection`] naming what cannot be: a name, a number of days, another robot's folder, a file that cannot be
    /// written, or an authority or master that is lost though there are keys of it.
    pub fn make(&self, folder: &Path, now: Duration) -> Result<Keys, Rejection> {
        if !(1..=CA_DAYS).contains(&self.days) {
            return Err(Rejection::new("days", format!("1 to {CA_DAYS} days"), self.days.to_string()));
        }
        let noted = self.noted(folder)?;
        check_robot(&noted.robot)?;
        create(folder)?;
        let (ca, authority) = Authority::at(folder, &noted.robot, now)?;
        let master = master(folder)?;
        let mut parties = Vec::new();
        for of in Party::all() {
            parties.push(self.party(&folder.join(of.word()), of, &noted, &ca, master.as_ref(), now)?);
        }
        let text = serde_json::to_string_pretty(&noted).map_err(|e| cannot(folder, e))?;
        write(&folder.join(DEPLOYMENT), &format!("{text}\n"))?;
        Ok(Keys { robot: noted.robot, authority, parties })
    }

    /// What is asked for, and what it leaves open as it was the last time.
    fn noted(&self, folder: &Path) -> Result<Noted, Rejection> {
        let path = folder.join(DEPLOYMENT);
        let before: Option<Noted> = match path.exists() {
            true => Some(serde_json::from_str(&read(&path)?).map_err(|e| cannot(&path, e))?),
            false => None,
        };
        let robot = match (&self.robot, &before) {
            (Some(robot), Some(before)) if *robot != before.robot => {
                let expected = format!("{}, whose keys this folder has", before.robot);
                return Err(Rejection::new("robot", expected, robot.clone()));
            }
            (Some(robot), _) => robot.clone(),
            (None, Some(before)) => before.robot.clone(),
            (None, None) => "arm".to_owned(),
        };
        let names = match (self.names.is_empty(), before) {
            (true, Some(before)) => before.names,
            (false, Some(before)) if before.names != self.names && !self.renews => {
                let expected =
                    format!("{:?} as in the certificates that are there, or to renew them", before.names);
                return Err(Rejection::new("names", expected, self.names.join(",")));
            }
            _ => self.names.clone(),
        };
        Ok(Noted { robot, names })
    }

    fn party(
        &self,
        folder: &Path,
        of: Party,
        noted: &Noted,
        ca: &Authority,
        master: Option<&[u8; 32]>,
        now: Duration,
    ) -> Result<PartyKeys, Rejection> {
        create(folder)?;
        let file = |name: &str| folder.join(name);
        let mut fate = Fate::Kept;
        if !file(CA).exists() {
            write(&file(CA), &ca.pem)?;
            fate = Fate::Made;
        } else if read(&file(CA))? != ca.pem {
            let expected = format!("the {CA} of the folder above");
            return Err(Rejection::new(file(CA).display().to_string(), expected, "another authority's"));
        }
        let has_pair = file(CERTIFICATE).exists() && file(PRIVATE).exists();
        if self.renews || !has_pair {
            let (certificate, private) = ca.node(&of.common_name(&noted.robot), noted, self.days, now)?;
            // The old certificate goes first: what is interrupted lacks one, and is made anew the next time.
            let _ = std::fs::remove_file(file(CERTIFICATE));
            write_private(&file(PRIVATE), &private)?;
            write(&file(CERTIFICATE), &certificate)?;
            fate = if has_pair { Fate::Renewed } else { Fate::Made };
        }
        let mut has_our_rules = true;
        for (name, rules) in of.rules(&noted.robot)? {
            if self.renews || !file(name).exists() {
                write(&file(name), &rules)?;
                fate = if fate == Fate::Kept { Fate::Made } else { fate };
            }
            has_our_rules &= read(&file(name))? == rules;
        }
        // A router shares no secret with anybody: it carries what others sign.
        if let Party::Node(role) = of
            && !has_secrets(folder, role)
        {
            let lost = || Rejection::new(MASTER, "the secret that the others were made of", "none");
            write_secrets(folder, role, master.ok_or_else(lost)?)?;
            fate = if fate == Fate::Kept { Fate::Made } else { fate };
        }
        let (ends, ends_on) = ends(&file(CERTIFICATE))?;
        Ok(PartyKeys { of, folder: folder.to_owned(), fate, ends, ends_on, has_our_rules })
    }
}

/// Names are in keys of messages and in certificates.
fn check_robot(robot: &str) -> Result<(), Rejection> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    // With the longest role no more than the 64 that a common name may have.
    if robot.is_empty() || robot.len() > 40 || !robot.chars().all(fits) {
        return Err(Rejection::new("robot", "1 to 40 letters, digits, _ and -", robot.to_owned()));
    }
    Ok(())
}

/// The master secret; `None` where it was taken away, which is well as long as nothing is to be made of it.
fn master(folder: &Path) -> Result<Option<[u8; 32]>, Rejection> {
    let path = folder.join(MASTER);
    if path.exists() {
        return read_secret(&path).map(Some);
    }
    let has_some = |role: Role| role != Role::Observer && has_secrets(&folder.join(role.word()), role);
    if Role::ALL.into_iter().any(has_some) {
        return Ok(None);
    }
    let master = random_secret()?;
    write_secret(&path, &master)?;
    Ok(Some(master))
}

/// Who signs the certificates.
struct Authority {
    pem: String,
    /// `None` where it was taken away.
    issuer: Option<Issuer<'static, KeyPair>>,
}

fn of_rcgen(e: rcgen::Error) -> Rejection {
    Rejection::new("certificate", "one that can be made", e.to_string())
}

fn lasting(params: &mut CertificateParams, days: u32, now: Duration) {
    let began = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = began + now.saturating_sub(CLOCKS_DIFFER);
    params.not_after = began + now + Duration::from_secs(86_400 * u64::from(days));
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

impl Authority {
    fn params(robot: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("sinew-ca-{robot}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    /// The one of this folder, or a new one where there never was one.
    fn at(folder: &Path, robot: &str, now: Duration) -> Result<(Self, Fate), Rejection> {
        let (certificate, private) = (folder.join(CA), folder.join(CA_PRIVATE));
        match (certificate.exists(), private.exists()) {
            (false, false) if !Party::all().any(|of| folder.join(of.word()).join(CA).exists()) => {
                let mut params = Self::params(robot);
                lasting(&mut params, CA_DAYS, now);
                let key = KeyPair::generate().map_err(of_rcgen)?;
                let pem = params.self_signed(&key).map_err(of_rcgen)?.pem();
                write_private(&private, &key.serialize_pem())?;
                write(&certificate, &pem)?;
                Ok((Self { pem, issuer: Some(Issuer::new(params, key)) }, Fate::Made))
            }
            (false, _) => {
                let expected = "the certificate of the authority that made the keys here";
                Err(Rejection::new(certificate.display().to_string(), expected, "none"))
            }
            (true, false) => Ok((Self { pem: read(&certificate)?, issuer: None }, Fate::Kept)),
            (true, true) => {
                let pem = read(&certificate)?;
                let key = KeyPair::from_pem(&read(&private)?).map_err(|e| cannot(&private, e))?;
                let is_its = with_certificate(&certificate, &pem, |c| {
                    c.public_key().subject_public_key.data.as_ref() == key.public_key_raw()
                })?;
                if !is_its {
                    let expected = format!("the private key of {CA}");
                    return Err(Rejection::new(private.display().to_string(), expected, "another's"));
                }
                Ok((Self { pem, issuer: Some(Issuer::new(Self::params(robot), key)) }, Fate::Kept))
            }
        }
    }

    /// A certificate and its private key, as PEM.
    fn node(
        &self,
        common_name: &str,
        noted: &Noted,
        days: u32,
        now: Duration,
    ) -> Result<(String, String), Rejection> {
        let lost =
            || Rejection::new(CA_PRIVATE, "what certificates are signed with, back beside ca.pem", "none");
        let issuer = self.issuer.as_ref().ok_or_else(lost)?;
        let names = CertificateParams::new(noted.names.clone());
        let mut params = names
            .map_err(|_| Rejection::new("names", "names or addresses of machines", noted.names.join(",")))?;
        params.distinguished_name = named(common_name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Each end of a link may be the one that listens.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        lasting(&mut params, days, now);
        let key = KeyPair::generate().map_err(of_rcgen)?;
        let certificate = params.signed_by(&key, issuer).map_err(of_rcgen)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

fn with_certificate<T>(
    path: &Path,
    pem: &str,
    f: impl FnOnce(&X509Certificate<'_>) -> T,
) -> Result<T, Rejection> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|e| cannot(path, e))?;
    let (_, certificate) = X509Certificate::from_der(&pem.contents).map_err(|e| cannot(path, e))?;
    Ok(f(&certificate))
}

/// When a certificate ends: seconds since 1970, and the day.
fn ends(path: &Path) -> Result<(i64, String), Rejection> {
    with_certificate(path, &read(path)?, |c| {
        let end = c.validity().not_after;
        (end.timestamp(), end.to_datetime().date().to_string())
    })
}
