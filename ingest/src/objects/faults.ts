/** What an S3 service answers, for the user: what was refused (exit 3), or that it did not answer (exit 5). */
import { exitCode, inputError, ReelhouseError, serviceError } from "../errors.ts";
import type { BucketLogin } from "./bucket.ts";

export interface Attempt {
  /** What was tried, such as `list`. */
  operation: string;
  location: string;
  login: BucketLogin;
}

interface Answer {
  message: string;
  expected: string;
  next: string;
}

const otherKey: Answer = {
  message: "the store refuses the login",
  expected: "an access key and its secret key that the store knows",
  next: "check the environment variables of access_key and secret_key",
};
const otherRegion: Answer = {
  message: "the bucket is in another region",
  expected: "the bucket's own region and its endpoint",
  next: "correct 'region' or 'endpoint'",
};
const gone: Answer = {
  message: "no such object: it was listed, and is gone",
  expected: "an object that stays where it is",
  next: "run again; if it is always so, ask who removes it",
};

/** By S3's own codes. Everything else is a service that does not do its work. */
const answers: Record<string, Answer> = {
  NoSuchBucket: { message: "no such bucket", expected: "a bucket of the store", next: "correct 'buckets'" },
  AccessDenied: {
    message: "access denied",
    expected: "a key that may list the bucket and get its objects",
    next: "ask the bucket's owner for these rights, or check access_key and secret_key",
  },
  AllAccessDisabled: {
    message: "access disabled",
    expected: "a bucket that is in use",
    next: "ask the bucket's owner",
  },
  InvalidAccessKeyId: otherKey,
  SignatureDoesNotMatch: otherKey,
  ExpiredToken: otherKey,
  RequestTimeTooSkewed: {
    message: "the clocks of the store and of this machine differ",
    expected: "less than 15 minutes",
    next: "set this machine's clock",
  },
  AuthorizationHeaderMalformed: otherRegion,
  PermanentRedirect: otherRegion,
  MovedPermanently: otherRegion,
  NoSuchKey: gone,
  NotFound: gone,
};

export function faultOf(cause: unknown, { operation, location, login }: Attempt): unknown {
  const { code = "", message = "" } = cause as { code?: string; message?: string };
  // Told already, or interrupted.
  if (cause instanceof ReelhouseError) return cause;
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(location, cause);
  const answer = answers[code];
  // minio-js wraps a status without a body: `Request failed after 0 retries: Error: Retryable HTTP status: 503`.
  const [, status] = /Retryable HTTP status: (\d+)/.exec(message) ?? [];
  const said = new Error(status ? `HTTP status ${status}` : message || code || "no answer", { cause });
  // In the stack's own store everything but the objects is made by the stack.
  if (login.store === undefined && answer !== gone) {
    const fault = serviceError("store", `${operation} ${location}`, said);
    const next = "./scripts/up makes what is missing; docker compose logs store";
    return answer ? new ReelhouseError(fault.message, fault.exitCode, { next, cause }) : fault;
  }
  const where = login.store === undefined ? "" : ` (stores.${login.store} of pipeline.yaml)`;
  if (answer) {
    const { message: found, expected, next } = answer;
    return inputError(found, { file: location, expected, next: `${next}${where}`, cause });
  }
  return new ReelhouseError(`${operation} ${location}: ${said.message}`, exitCode.serviceDown, {
    next: `see whether ${login.endpoint} works and can be reached from here, then run again${where}`,
    cause,
  });
}

const diskFull = (location: string, cause: unknown) =>
  new ReelhouseError(`download ${location}: no space left for it`, exitCode.failed, {
    next: "make room on the disk of Docker's containers: docker system df",
    cause,
  });
