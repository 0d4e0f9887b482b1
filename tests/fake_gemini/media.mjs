// Pictures and sounds in the shape that Gemini gives them.

import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ CRC_TABLE[(value ^ byte) & 0xff];
  return ~value >>> 0;
}

/** Bytes that repeat for the same seed and compress badly. */
export function noise(seed, count) {
  const blocks = [];
  for (let made = 0; made < count; made += 64) blocks.push(createHash('sha512').update(`${seed}:${made}`).digest());
  return Buffer.concat(blocks).subarray(0, count);
}

function pngChunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** A PNG of one grey pixel; what it lacks to `size` bytes stands in a comment. */
function png(seed, size) {
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
  const begin = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), pngChunk('IHDR', header)]);
  const end = Buffer.concat([pngChunk('IDAT', deflateSync(Buffer.from([0, noise(seed, 1)[0]]))), pngChunk('IEND', Buffer.alloc(0))]);
  const comment = Buffer.from('Comment\0', 'latin1');
  const frame = pngChunk('tEXt', comment).length;
  const filler = noise(seed, Math.max(0, size - begin.length - end.length - frame));
  return Buffer.concat([begin, pngChunk('tEXt', Buffer.concat([comment, filler])), end]);
}

/** A JPEG that holds nothing but comments. */
function jpeg(seed, size) {
  const jfif = Buffer.from('ffe000104a46494600010100000100010000', 'hex');
  const comments = [];
  for (let left = Math.max(0, size - 22), index = 0; left > 4; index += 1) {
    const length = Math.min(65533, left - 2);
    const head = Buffer.from([0xff, 0xfe, length >> 8, length & 0xff]);
    comments.push(head, noise(`${seed}:${index}`, length - 2));
    left -= length + 2;
  }
  return Buffer.concat([Buffer.from([0xff, 0xd8]), jfif, ...comments, Buffer.from([0xff, 0xd9])]);
}

export function picture(mimeType, seed, size = 600) {
  return { mimeType, data: (mimeType === 'image/png' ? png : jpeg)(seed, size).toString('base64') };
}

const SAMPLES_A_SECOND = 24000;

/** A tone of 16-bit samples, little-endian whatever the name of the type says. */
export function speech(text, bytes) {
  const samples = Math.ceil((bytes ?? text.length * 200) / 2);
  const pitch = 200 + noise(text, 1)[0];
  const pcm = Buffer.alloc(samples * 2);
  for (let i = 0; i < samples; i += 1) pcm.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * pitch * i) / SAMPLES_A_SECOND)), i * 2);
  return { mimeType: `audio/L16;codec=pcm;rate=${SAMPLES_A_SECOND}`, pcm };
}
