// Reads texts, one JSON string on each line, as MiMoCode reads its configuration, and answers each with a line.
// A value comes back with its kind, so that nothing that JSON has no word for is lost on the way.

import { createInterface } from "node:readline";
import { parse } from "jsonc-parser";

function shown(value) {
  if (Array.isArray(value)) return ["list", value.map(shown)];
  if (value !== null && typeof value === "object") {
    return ["object", Object.entries(value).map(([key, inner]) => [key, shown(inner)])];
  }
  return typeof value === "number" ? ["number", String(value)] : ["plain", value ?? null];
}

for await (const line of createInterface({ input: process.stdin })) {
  const errors = [];
  const value = parse(JSON.parse(line), errors, { allowTrailingComma: true });
  process.stdout.write(JSON.stringify(errors.length === 0 ? shown(value) : null) + "\n");
}
