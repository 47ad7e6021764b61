/** A local certificate authority, and the certificates of the servers that people reach. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "./write.ts";

const authorityDays = 3650;
const serverDays = 825;
const renewWithinSeconds = 30 * 24 * 3600;

const elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
/** By the service's name: what its files are called. */
const servers = { trino: "server", direct: "direct" } as const;

interface Authority {
  key: string;
  certificate: string;
}

/** What is missing: the authority, and the servers' certificates, which it signs and which are renewed in their last month. */
export function makeCertificates(root: string): void {
  const authority = { key: join(root, "ca.key"), certificate: join(root, "ca.crt") };
  if (!isValid(authority.certificate)) {
    openssl(
      ["req", "-x509", ...elliptic, "-days", `${authorityDays}`, "-subj", "/CN=Reelhouse local CA"],
      [
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout",
        authority.key,
        "-out",
        authority.certificate,
      ],
    );
  }
  for (const [service, name] of Object.entries(servers)) makeCertificate(root, authority, service, name);
}

function makeCertificate(root: string, authority: Authority, service: string, name: string): void {
  const server = join(root, `${name}.pem`);
  if (isValid(server) && isSignedBy(authority.certificate, server)) return;
  const key = join(root, `${name}.key`);
  const certificate = join(root, `${name}.crt`);
  openssl(
    [
      "req",
      "-x509",
      ...elliptic,
      "-days",
      `${serverDays}`,
      "-subj",
      `/CN=${service}`,
      "-keyout",
      key,
      "-out",
      certificate,
    ],
    ["-CA", authority.certificate, "-CAkey", authority.key, "-addext", "basicConstraints=critical,CA:FALSE"],
    [
      "-addext",
      `subjectAltName=DNS:${service},DNS:localhost,IP:127.0.0.1`,
      "-addext",
      "extendedKeyUsage=serverAuth",
    ],
  );
  const chain = readFileSync(certificate, "utf8") + readFileSync(key, "utf8");
  writeAtomically(server, chain, { mode: 0o600 });
}

/** Clients then need the new one: the next start makes it, with new certificates of the servers. */
export function forgetAuthority(root: string): void {
  rmSync(join(root, "ca.crt"), { force: true });
}

function isValid(certificate: string): boolean {
  return (
    existsSync(certificate) &&
    succeeds(["x509", "-in", certificate, "-noout", "-checkend", `${renewWithinSeconds}`])
  );
}

const isSignedBy = (authority: string, certificate: string) =>
  succeeds(["verify", "-CAfile", authority, certificate]);

function succeeds(words: string[]): boolean {
  try {
    openssl(words);
    return true;
  } catch {
    return false;
  }
}

function openssl(...words: string[][]): void {
  execFileSync("openssl", words.flat(), { stdio: ["ignore", "ignore", "pipe"] });
}
