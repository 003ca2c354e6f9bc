// The public API as the console asks it: a bearer token, problems as errors, each write once.

const PATIENCE_MS = 10_000;

/** What the service refused, in its own words (RFC 9457). */
export class Problem extends Error {
  constructor(status, told, retryAfter) {
    super(told.detail || told.title || `HTTP ${status}`);
    this.status = status;
    this.type = told.type ?? "";
    this.title = told.title ?? "";
    this.errors = told.errors ?? [];
    this.requestId = told.request_id ?? null;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later without anybody changing it. */
  get isTemporary() {
    return this.retryAfter !== null || this.status === 429 || this.status >= 500;
  }
}

/** The service did not answer: there is no connection, or it took too long. */
export class Unreachable extends Error {
  isTemporary = true;
  retryAfter = null;
}

/**
 * One caller's view of the API.
 *
 * When the token is refused, `onTokenNeeded` is called and every request waits for another one: what was being sent
 * is sent then, and nothing that was typed is lost.
 */
export class Api {
  #token = null;
  #waiting = [];

  /** `purpose` is what the accesses are noted to be for. */
  constructor(base, onTokenNeeded, purpose = "care") {
    this.base = base;
    this.onTokenNeeded = onTokenNeeded;
    this.purpose = purpose;
  }

  get token() {
    return this.#token;
  }

  set token(token) {
    this.#token = token;
    if (!token) return;
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  get(path) {
    return this.#answered("GET", path);
  }

  /** The whole answer, in the form that is asked for. */
  file(path, form) {
    return this.#granted("GET", path, undefined, { Accept: form });
  }

  patch(path, body, etag) {
    return this.#answered("PATCH", path, body, { "If-Match": etag });
  }

  /** A POST that only asks, such as a search: repeating it does no harm. */
  ask(path, body) {
    return this.#answered("POST", path, body);
  }

  /** A POST that is made once, however often it is sent: call `send` again after a failure. */
  intend(path, body) {
    const headers = { "Idempotency-Key": newKey() };
    return { send: () => this.#answered("POST", path, body, headers) };
  }

  async #answered(method, path, body, headers) {
    return (await this.#granted(method, path, body, headers)).json();
  }

  async #granted(method, path, body, headers = {}) {
    for (;;) {
      const token = this.#token;
      const answer = token && (await this.#sent(method, path, body, { ...headers, Authorization: `Bearer ${token}` }));
      if (answer?.ok) return answer;
      if (answer && answer.status !== 401) throw await problemOf(answer);
      await this.#renewed(token);
    }
  }

  async #sent(method, path, body, headers) {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    headers["X-Purpose"] = this.purpose;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const signal = AbortSignal.timeout(PATIENCE_MS);
    try {
      return await fetch(new URL(path, this.base), { method, headers, signal, credentials: "omit", ...content });
    } catch (error) {
      throw new Unreachable(error.message);
    }
  }

  /** Resolves when there is another token than the one that was refused. */
  #renewed(refused) {
    if (this.#token !== refused) return undefined;
    return new Promise((goOn) => {
      this.#waiting.push(goOn);
      if (this.#waiting.length === 1) this.onTokenNeeded();
    });
  }
}

async function problemOf(answer) {
  const told = await answer.json().catch(() => ({}));
  const seconds = Number(answer.headers.get("Retry-After"));
  return new Problem(answer.status, told, seconds || null);
}

// crypto.randomUUID is there on secure origins only, and a shop's intranet may not be one.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
