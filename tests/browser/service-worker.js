// The attack from a service worker, which has the origin of its page and outlives it.
"use strict";

const SETTINGS = JSON.parse(decodeURIComponent(location.search.slice(1)));
importScripts("/attack.js");

self.onactivate = (event) => event.waitUntil(self.clients.claim());

self.onmessage = (event) => {
  const { targets, home } = SETTINGS;
  const all = targets.flatMap((target) => [...fetches(target), ...redirects(target, home)]);
  event.waitUntil(Promise.all(all).then(() => event.source.postMessage({ tried, read })));
};
