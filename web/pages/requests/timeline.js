// Where the attempts of a request lie on its time axis, in percent of the whole.

const MIN_WIDTH = 0.6;  // So that an attempt of no length is still seen.

const percent = (part, whole) => Math.min(100, Math.max(0, (100 * part) / whole));

// A round step of 1, 2 or 5 times a power of ten that parts the axis into at most `parts`.
export function stepFor(duration, parts = 5) {
  const raw = Math.max(duration, 1) / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
}

export function timelineOf(request) {
  const ends = request.attempts.map((attempt) => attempt.began_ms + attempt.duration_ms);
  const whole = Math.max(request.duration_ms, request.first_byte_ms ?? 0, ...ends, 1);
  const bars = request.attempts.map((attempt) => {
    const left = percent(attempt.began_ms, whole);
    const width = Math.max(MIN_WIDTH, percent(attempt.duration_ms, whole));
    return { ...attempt, left: Math.min(left, 100 - MIN_WIDTH), width: Math.min(width, 100 - Math.min(left, 100 - MIN_WIDTH)) };
  });
  const step = stepFor(whole);
  const ticks = [];
  for (let at = 0; at <= whole; at += step) ticks.push({ at_ms: at, left: percent(at, whole) });
  return { whole_ms: whole, bars, ticks, firstByte: request.first_byte_ms === null ? null : percent(request.first_byte_ms, whole) };
}
