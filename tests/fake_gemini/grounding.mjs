// Where an answer comes from: what stands beside it when the model has searched.

const bytesOf = (text) => Buffer.byteLength(text);
const SITES = ['example.com', 'example.org'];

/** Each sentence of the answer is supported by one of two sites; places are counted in bytes of UTF-8. */
function supportsOf(text) {
  const supports = [];
  let start = 0;
  for (const sentence of text.match(/[^.!?]+[.!?]*\s*/g) ?? []) {
    const said = sentence.trimEnd();
    const segment = { endIndex: start + bytesOf(said), text: said };
    if (start > 0) segment.startIndex = start;
    supports.push({ segment, groundingChunkIndices: [supports.length % SITES.length], confidenceScores: [0.97] });
    start += bytesOf(sentence);
  }
  return supports;
}

export function groundingOf(body, prompt, text) {
  if (!body.tools?.some((tool) => tool.googleSearch ?? tool.googleSearchRetrieval)) return undefined;
  return {
    searchEntryPoint: { renderedContent: '<style>.chip {}</style><div>chips</div>' },
    groundingChunks: SITES.map((title) => (
      { web: { uri: `https://vertexaisearch.cloud.google.com/grounding-api-redirect/AUZI${title.length}`, title } })),
    groundingSupports: supportsOf(text),
    webSearchQueries: [prompt.slice(0, 80)],
  };
}
