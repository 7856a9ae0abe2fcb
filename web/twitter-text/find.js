// Finds entities as twitter-text does. Reads one text a line, as a JSON string, and writes one line for each: a JSON list of
// [kind, start, end, text], with offsets in UTF-16 code units. The text of a link is what the package returns, which may differ from what
// is at its offsets. The line before all others is {"letters": [...], "inTags": [...]}: the code points that hashtags need and may have, as
// first, last, first, last.
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import twitter from 'twitter-text';

const { extractEntitiesWithIndices, regexen } = twitter.default ?? twitter;

function codePoints(expression) {
  const one = new RegExp(`^(?:${expression.source})$`, 'i');
  const found = [];
  let inside = false;
  for (let c = 0; c <= 0x110000; c++) {
    const matches = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) && one.test(String.fromCodePoint(c));
    if (matches !== inside) {
      found.push(inside ? c - 1 : c);
      inside = matches;
    }
  }
  return found;
}

function entity({ url, screenName, listSlug, hashtag, indices: [start, end] }) {
  if (url !== undefined) return ['link', start, end, url];
  if (screenName !== undefined) return ['mention', start, end, screenName + listSlug];
  if (hashtag !== undefined) return ['hashtag', start, end, hashtag];
  return null; // a cashtag
}

async function print(value) {
  if (!process.stdout.write(JSON.stringify(value) + '\n')) await once(process.stdout, 'drain');
}

await print({ letters: codePoints(regexen.hashtagAlpha), inTags: codePoints(regexen.hashtagAlphaNumeric) });
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const found = extractEntitiesWithIndices(JSON.parse(line), { extractUrlsWithoutProtocol: true });
  await print(found.map(entity).filter((e) => e !== null));
}
