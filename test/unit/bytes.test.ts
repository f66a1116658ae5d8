/** Bytes that are not UTF-8 survive the way through text. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBytes, encodeBytes } from "../../src/libc/bytes.ts";

test("any bytes come back as they were, also through JSON", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = JSON.parse(JSON.stringify(decodeBytes(bytes))) as string;
      expect([...encodeBytes(text)]).toEqual([...bytes]);
    }),
  );
});

test("what is valid UTF-8 is ordinary text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(decodeBytes(Buffer.from(text))).toBe(text);
    }),
  );
});
